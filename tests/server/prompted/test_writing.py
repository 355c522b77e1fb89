"""A model whose answer was turned down is told why, by the variable that its prompt has for that."""

import pytest

from codetune_core.domain.document import Document
from codetune_core.domain.editor_scope import EditorScope, Shows, Where
from codetune_core.domain.execution import Task
from codetune_core.domain.prompt import Variable, VariableType
from codetune_core.domain.text import Range
from codetune_core.errors import CodeTuneError
from codetune_core.workers.messages import Wanted
from codetune_server.folders import Folders
from codetune_server.notebooks import Notebook
from codetune_server.prompted.listing import PromptAction
from codetune_server.prompted.place import Place
from codetune_server.prompted.writing import Asked, Writer
from codetune_server.subject import Subject

TEXT, LINE = VariableType.TEXT, VariableType.LINE


class Runs:
    """Keeps what it was asked."""

    async def answer(self, request, _listener):
        self.request = request
        return {"output": ""}


async def asked_with(subject, document, reason, given, *declared, also=()):
    """What is asked about a document of a subject after an attempt that failed for this reason."""
    scope = EditorScope(Where.SELECTION, Shows.REPLACE)
    action = PromptAction("p", "", Task.GENERATE, scope, declared, "code", 1, "m")
    runs, folders, place = Runs(), Folders(), Place(Range.of(0, 0, 0, 1), "x")
    folders.add("file:///other")
    folders.add("file:///shop")
    asked = Asked(action, subject, document, place, given, also)
    await Writer(runs, folders, climbs=None).ask(asked, None, Wanted(0, reason, (place.range,)))
    return runs.request


async def told(reason, given, *declared):
    """The variables of such an attempt."""
    document = Document("untitled:a", "x\n", "python", 1)
    return (await asked_with(Subject(document), document, reason, given, *declared)).variables


async def test_a_cell_is_asked_about_as_its_notebook_so_that_what_is_ignored_stays_here():
    cell = Document("vscode-notebook-cell:/shop/a.ipynb#W0", "x\n", "python", 1)
    notebook = Notebook(Document("file:///shop/a.ipynb", "x\n", "python", 3), (cell,))
    request = await asked_with(Subject(notebook.document, notebook), cell, "", {})
    assert (request.workspace, request.paths) == ("/shop", ("/shop/a.ipynb",))


async def test_tests_that_are_told_are_named_so_that_ignored_ones_stay_here():
    document = Document("file:///shop/a.py", "x\n", "python", 1)
    tests = Document("file:///shop/tests/test_a.py", "y\n", "python")
    request = await asked_with(Subject(document), document, "", {}, also=(tests,))
    assert request.paths == ("/shop/a.py", "/shop/tests/test_a.py")


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        (
            [Variable(name="rejected", type=TEXT), Variable(name="goal", type=TEXT)],
            {"goal": "g", "rejected": "it is wrong"},
        ),
        ([Variable(name="goal", type=TEXT)], {"goal": "g\n\nThe last answer was turned down: it is wrong"}),
        (
            [Variable(name="goal", type=LINE), Variable(name="description", type=TEXT)],
            {"goal": "g", "description": "The last answer was turned down: it is wrong"},
        ),
    ],
)
async def test_the_reason_goes_where_the_prompt_takes_it(declared, expected):
    assert await told("", {"goal": "g"}, *declared) == {"goal": "g"}
    assert await told("it is wrong", {"goal": "g"}, *declared) == expected


async def test_a_prompt_that_takes_no_reason_is_not_asked_again():
    with pytest.raises(CodeTuneError, match="turned down: it is wrong"):
        await told("it is wrong", {}, Variable(name="goal", type=TEXT, choices=("a", "b")))
