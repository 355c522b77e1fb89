"""An entry is about the text and the cell that it was chosen in, and about no other."""

import pytest
from lsprotocol import types

from codetune_server.backend import Backend
from codetune_server.errors import CHANGED, RequestError
from codetune_server.features.commands import explain_finding
from codetune_server.features.review_with_model import review_with_model
from codetune_server.features.run_action import _subject, ask
from codetune_server.language_server import CodeTuneServer

URI, CODE, WORDS = "file:///a.ipynb", "cell:code", "cell:words"


@pytest.fixture
async def backend():
    """A notebook of code and words is open."""
    made = Backend(CodeTuneServer())
    cells = [
        types.NotebookCell(types.NotebookCellKind.Code, CODE),
        types.NotebookCell(types.NotebookCellKind.Markup, WORDS),
    ]
    items = [types.TextDocumentItem(CODE, "python", 1, "a = 1"), types.TextDocumentItem(WORDS, "markdown", 1, "# A")]
    notebook = types.NotebookDocument(URI, "jupyter-notebook", 1, cells)
    made.session.notebooks.open(types.DidOpenNotebookDocumentParams(notebook, items))
    yield made
    await made.aclose()


async def test_a_question_that_was_chosen_at_version_0_is_not_asked_about_a_later_one(backend):
    with pytest.raises(RequestError) as refused:
        await ask(backend, CODE, version=0)
    assert refused.value.message == CHANGED


@pytest.mark.parametrize(("uri", "says"), [(CODE, CHANGED), ("file:///nowhere.py", "This file is not open.")])
async def test_a_finding_of_no_present_review_is_not_explained_and_it_is_said_why(backend, uri, says):
    with pytest.raises(RequestError) as refused:
        await explain_finding(backend, uri, "x")
    assert refused.value.message.startswith(says)


@pytest.mark.parametrize(("uri", "whole"), [(CODE, URI), (WORDS, WORDS)])
async def test_a_cell_of_words_is_no_part_of_the_notebooks_module(backend, uri, whole):
    assert _subject(backend, backend.session.documents.snapshot(uri)).document.uri == whole


async def test_a_cell_of_words_is_not_reviewed_as_if_it_were_code(backend):
    with pytest.raises(RequestError, match="only the cells with Python"):
        await review_with_model(backend, WORDS)
