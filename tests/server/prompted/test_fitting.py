"""A menu has what would do something where the cursor is, and nothing else."""

import pytest

from codetune_core.domain.document import Document
from codetune_core.domain.editor_scope import EditorScope, Shows, Where
from codetune_core.domain.execution import Task
from codetune_core.domain.prompt import Variable, VariableType
from codetune_core.domain.text import Position, Range
from codetune_server.prompted.fitting import fitting
from codetune_server.prompted.listing import PromptAction

MODULE = """\
import os
LIMIT = 3

# return the longest name

def total(prices):
    return sum(prices)

def mean(prices):
    "The mean."

"""
WISH = Variable(name="description", type=VariableType.TEXT, required=True)


def action(name, where, *variables, schema=None, shows=Shows.DOCUMENT):
    return PromptAction(name, "", Task.ASK, EditorScope(where, shows), variables, schema, 1, "m")


ACTIONS = [
    action("explain", Where.SELECTION),
    action("docstring", Where.SELECTION, schema="docstring", shows=Shows.INSERT),
    action("generate", Where.CURSOR, WISH, schema="code", shows=Shows.INSERT),
    action("rewrite", Where.SELECTION, WISH, schema="rewrite", shows=Shows.REPLACE),
    action("summarize", Where.FILE),
    action("ask", Where.SELECTION, Variable(name="question", type=VariableType.TEXT), schema="answer_with_citations"),
]


def offered(first, last=None, text=MODULE, language="python", *, by_itself=False):
    """Names of what is offered at the start of a line, or for the lines from it up to another one."""
    document = Document("untitled:a", text, language=language)
    chosen = Range(Position(first, 0), Position(first if last is None else last, 0))
    return " ".join(each.prompt for each in fitting(ACTIONS, document, chosen, by_itself=by_itself))


@pytest.mark.parametrize(
    ("line", "names"),
    [
        pytest.param(1, "summarize ask", id="between functions"),
        pytest.param(3, "generate summarize ask", id="on a comment"),
        pytest.param(4, "generate summarize ask", id="below a comment"),
        pytest.param(6, "explain docstring summarize ask", id="in a function"),
        pytest.param(8, "explain docstring generate rewrite summarize ask", id="in an unfinished function"),
    ],
)
def test_at_a_cursor_is_what_has_code_and_is_told_what_is_wanted(line, names):
    assert offered(line) == names


@pytest.mark.parametrize(
    ("first", "last", "names"),
    [
        pytest.param(0, 2, "explain generate rewrite summarize ask", id="statements"),
        pytest.param(5, 7, "explain docstring generate rewrite summarize ask", id="a function"),
        pytest.param(10, 11, "summarize ask", id="nothing but space"),
    ],
)
def test_a_selection_is_anything_with_code_in_it(first, last, names):
    assert offered(first, last) == names


def test_a_menu_that_opens_by_itself_has_what_is_about_a_selection():
    assert offered(6, by_itself=True) == ""
    assert offered(5, 7, by_itself=True) == "explain docstring generate rewrite ask"


def test_where_functions_are_not_known_a_selection_is_needed():
    assert offered(0, text="let a = 1\n", language="typescript") == "summarize ask"
    assert offered(0, 1, text="let a = 1\n", language="typescript") == (
        "explain docstring generate rewrite summarize ask"
    )
    assert "docstring" not in offered(0, 1, text="a = 1\n", language="cobol")


def test_an_empty_file_offers_a_question():
    assert offered(0, text="") == "ask"
