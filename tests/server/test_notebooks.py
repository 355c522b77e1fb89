"""Notebooks: cells are documents, their Python is one module, and places in it lead back to the cells."""

import ast

import pytest
from lsprotocol import types

from codetune_core.domain.text import Range
from codetune_server.backend import Backend
from codetune_server.documents import Documents, OutOfSync
from codetune_server.features import synchronization
from codetune_server.language_server import CodeTuneServer
from codetune_server.magics import blank_magics
from codetune_server.notebooks import Notebooks

URI = "file:///n.ipynb"


def cell(number, kind=types.NotebookCellKind.Code):
    return types.NotebookCell(kind, f"cell:{number}")


def item(number, text, language="python"):
    return types.TextDocumentItem(f"cell:{number}", language, 1, text)


def opened(*texts):
    documents = Documents()
    notebooks = Notebooks(documents)
    items = [item(number, text) for number, text in enumerate(texts)]
    cells = [cell(number) for number in range(len(texts))]
    notebook = types.NotebookDocument(URI, "jupyter-notebook", 1, cells)
    notebooks.open(types.DidOpenNotebookDocumentParams(notebook, items))
    return notebooks, documents


def change(notebooks, version, **cells):
    event = types.NotebookDocumentChangeEvent(cells=types.NotebookDocumentCellChanges(**cells))
    identifier = types.VersionedNotebookDocumentIdentifier(version, URI)
    notebooks.change(types.DidChangeNotebookDocumentParams(identifier, event))


def edit(number, version, text):
    document = types.VersionedTextDocumentIdentifier(version, f"cell:{number}")
    return types.NotebookDocumentCellContentChanges(document, [types.TextDocumentContentChangeWholeDocument(text)])


def test_cells_are_joined_by_line_ends():
    notebooks, _ = opened("import os\nx = 1", "print(x)\n", "", "os.system(x)")
    assert notebooks.notebook(URI).document.text == "import os\nx = 1\nprint(x)\n\n\nos.system(x)\n"


@pytest.mark.parametrize(
    ("place", "uri", "inside"),
    [
        ((0, 0, 0, 6), "cell:0", (0, 0, 0, 6)),
        ((1, 4, 1, 5), "cell:0", (1, 4, 1, 5)),
        ((2, 0, 2, 5), "cell:1", (0, 0, 0, 5)),
        ((3, 0, 3, 0), "cell:1", (1, 0, 1, 0)),
        ((5, 3, 5, 9), "cell:3", (0, 3, 0, 9)),
        ((1, 0, 2, 5), "cell:0", (1, 0, 1, 5)),
        ((0, 0, 9, 0), "cell:0", (0, 0, 1, 5)),
    ],
)
def test_a_place_in_the_module_is_found_in_its_cell(place, uri, inside):
    notebooks, _ = opened("import os\nx = 1", "print(x)\n", "", "os.system(x)")
    document, found = notebooks.notebook(URI).locate(Range.of(*place))
    assert (document.uri, found) == (uri, Range.of(*inside))


def test_a_place_beyond_the_module_is_in_no_cell():
    notebooks, _ = opened("x")
    assert notebooks.notebook(URI).locate(Range.of(7, 0, 7, 1)) is None


@pytest.mark.parametrize(("uri", "line"), [("cell:0", 0), ("cell:1", 2), ("cell:9", None)])
def test_the_module_says_where_a_cell_begins(uri, line):
    assert opened("a\nb", "c")[0].notebook(URI).line_of(uri) == line


def test_text_that_is_no_python_code_is_left_out():
    notebooks, documents = opened("x = 1", "SELECT 1", "# title")
    documents.open(item(1, "SELECT 1", "sql"))
    change(notebooks, 2, data=[cell(2, types.NotebookCellKind.Markup)])
    assert notebooks.notebook(URI).document.text == "x = 1\n"


def test_cells_are_changed_added_moved_and_removed():
    notebooks, documents = opened("a", "b", "c")
    change(notebooks, 2, text_content=[edit(1, 2, "B")])
    assert notebooks.notebook(URI).document.text == "a\nB\nc\n"
    array = types.NotebookCellArrayChange(0, 2, [cell(9), cell(0)])
    closed = [types.TextDocumentIdentifier("cell:1")]
    structure = types.NotebookDocumentCellChangeStructure(array, [item(9, "new")], closed)
    change(notebooks, 3, structure=structure)
    assert notebooks.notebook(URI).document.text == "new\na\nc\n"
    assert notebooks.notebook(URI).document.version == 3
    assert documents.snapshot("cell:1") is None


def test_a_cell_knows_its_notebook():
    notebooks, _ = opened("a")
    assert notebooks.containing("cell:0") == URI
    assert notebooks.containing("cell:7") is None


def test_the_module_is_made_once_for_each_state():
    notebooks, _ = opened("a")
    first = notebooks.notebook(URI)
    assert notebooks.notebook(URI) is first
    change(notebooks, 2, text_content=[edit(0, 2, "b")])
    assert notebooks.notebook(URI) is not first


def test_closing_forgets_the_cells():
    notebooks, documents = opened("a", "b")
    notebooks.close(types.DidCloseNotebookDocumentParams(types.NotebookDocumentIdentifier(URI), []))
    assert notebooks.notebook(URI) is None
    assert len(documents) == 0


async def test_what_becomes_of_edits_is_looked_for_in_each_cell(monkeypatch):
    told, backend = [], Backend(CodeTuneServer())
    monkeypatch.setattr(backend.outcomes, "saved", lambda uri: told.append(("saved", uri)))
    monkeypatch.setattr(backend.outcomes, "closed", lambda uri: told.append(("closed", uri)))
    monkeypatch.setattr(backend.scheduler, "now", lambda key, *, thorough: None)
    items = [item(0, "a = 1"), item(1, "b = 2")]
    notebook = types.NotebookDocument(URI, "jupyter-notebook", 1, [cell(0), cell(1)])
    backend.session.notebooks.open(types.DidOpenNotebookDocumentParams(notebook, items))
    synchronization._saved(backend, URI)
    cells = [types.TextDocumentIdentifier(each.uri) for each in items]
    closing = types.DidCloseNotebookDocumentParams(types.NotebookDocumentIdentifier(URI), cells)
    backend.session.notebooks.close(closing)
    synchronization.notebook_did_close(backend, closing)
    assert told[:4] == [("saved", "cell:0"), ("saved", "cell:1"), ("closed", "cell:0"), ("closed", "cell:1")]


def test_a_late_change_puts_the_notebook_out_of_sync_until_it_is_opened_again():
    notebooks, documents = opened("a")
    change(notebooks, 5)
    with pytest.raises(OutOfSync):
        change(notebooks, 4, text_content=[edit(0, 2, "late")])
    assert notebooks.notebook(URI) is None
    assert documents.snapshot("cell:0") is None


def test_a_cell_whose_change_is_refused_does_not_keep_the_others_from_changing():
    notebooks, documents = opened("a", "b")
    with pytest.raises(OutOfSync):
        change(notebooks, 2, text_content=[edit(0, 0, "late"), edit(1, 2, "B")])
    assert documents.snapshot("cell:1").text == "B"


def test_a_cell_out_of_sync_leaves_no_module():
    notebooks, documents = opened("a", "b")
    with pytest.raises(OutOfSync):
        documents.distrust("cell:1")
    assert notebooks.notebook(URI) is None


def test_changes_of_a_notebook_that_is_not_open_are_refused():
    with pytest.raises(OutOfSync):
        change(Notebooks(Documents()), 1)


@pytest.mark.parametrize(
    ("source", "blanked"),
    [
        ("%matplotlib inline\n", "pass              \n"),
        ("!ls\n", "0  \n"),
        ("!pip install x \\\n  y\nz = 1\n", "pass            \n#  \nz = 1\n"),
        ("files = !ls *.py\n", "files = []       \n".replace("       \n", "      \n")),
        ("now = %time f()\n", "now = []       \n"),
        ("x?\n", "0 \n"),
        ("?print\r\n", "pass  \r\n"),
        ("if x:\n    %run other.py\n", "if x:\n    pass         \n"),
        ("%%bash\nrm -rf /\n", "#     \n#       \n"),
        ("\n%%time\nx = 1\n", "\npass  \nx = 1\n"),
        ("%%sql", "#    "),
    ],
)
def test_what_ipython_adds_is_blanked_at_the_same_length(source, blanked):
    lines = source.splitlines(keepends=True)
    assert "".join(blank_magics(lines)) == blanked
    assert len(blanked) == len(source)
    ast.parse(blanked)


@pytest.mark.parametrize(
    "source",
    [
        "x = (a\n  % b)\n",
        "x = a \\\n  % b\n",
        'sql = """\n%s\n!not a command\n"""\n',
        "'''\n''' ; y = [\n1\n% 2]\n",
        "x = 'a \\' b (' % (\n1,\n)\n",
        'r"\\d\\" ("\nx = 5 % 3\n',
        "# (\nx = 1\n",
        "x = a != b\n",
        "x: int = {'a': '%d'}\n",
        'f"{x!r}"\n',
        '"""one line""" % ()\n',
    ],
)
def test_python_is_left_as_it_is(source):
    ast.parse(source)
    assert "".join(blank_magics(source.splitlines(keepends=True))) == source


def test_an_empty_cell_stays_empty():
    assert blank_magics([""]) == [""]
    assert blank_magics([]) == []
