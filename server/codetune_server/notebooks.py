"""Open notebooks: their Python cells are documents of their own and, joined, one module.

A name defined in one cell is used in another, so a review looks at the joined module; ``Notebook.locate`` brings what
it finds back into the cell.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from urllib.parse import unquote

from lsprotocol import types

from codetune_core.domain.document import Document
from codetune_core.domain.text import Position, Range, without_end
from codetune_server.documents import Documents, OutOfSync
from codetune_server.magics import blank_magics

SYNC = types.NotebookDocumentSyncOptions(
    notebook_selector=[types.NotebookDocumentFilterWithCells(cells=[types.NotebookCellLanguage(language="python")])],
    save=True,
)


@dataclass(frozen=True)
class Notebook:
    """One state of a notebook's Python cells.

    Attributes:
        document: the joined module, under the notebook's URI and version; magics are blanked, columns kept.
        cells: the cells' own documents, in order.
    """

    document: Document
    cells: tuple[Document, ...]

    @cached_property
    def starts(self) -> list[int]:
        """Line of the joined module at which each cell begins, and last the number of lines."""
        return [0, *accumulate(len(cell.lines) for cell in self.cells)]

    def locate(self, place: Range) -> tuple[Document, Range] | None:
        """The cell and the range in it of a range in the joined module; what goes beyond the cell is cut off."""
        for cell, first, stop in zip(self.cells, self.starts, self.starts[1:], strict=False):
            if first <= place.start.line < stop:
                start = Position(place.start.line - first, place.start.column)
                end = Position(place.end.line - first, place.end.column)
                last = Position(len(cell.lines) - 1, len(without_end(cell.lines[-1])))
                return cell, Range(start, min(end, last))
        return None

    def line_of(self, cell_uri: str) -> int | None:
        """Line of the joined module at which a cell begins."""
        uris = [unquote(cell.uri) for cell in self.cells]
        return self.starts[uris.index(unquote(cell_uri))] if unquote(cell_uri) in uris else None


class _OpenNotebook:
    def __init__(self, notebook: types.NotebookDocument) -> None:
        self.uri = notebook.uri
        self.version = notebook.version
        self.cells = list(notebook.cells)
        self.in_sync = True
        self.joined: Notebook | None = None


class Notebooks:
    """Every open notebook by URI; the texts of their cells are kept in ``documents``."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._open: dict[str, _OpenNotebook] = {}

    def open(self, params: types.DidOpenNotebookDocumentParams) -> None:
        """Take a notebook and the texts of its cells."""
        self._open[unquote(params.notebook_document.uri)] = _OpenNotebook(params.notebook_document)
        for item in params.cell_text_documents:
            self._documents.open(item)

    def change(self, params: types.DidChangeNotebookDocumentParams) -> None:
        """Apply changes of cells and of their texts; raises OutOfSync as Documents.change does."""
        notebook = self._open.get(unquote(params.notebook_document.uri))
        if notebook is None:
            raise OutOfSync("A change of a notebook came that is not open. Close and open it again.")
        if params.notebook_document.version < notebook.version:
            self._distrust(notebook)
            raise OutOfSync("A change of a notebook came too late and was not applied. Close and open it again.")
        notebook.version = params.notebook_document.version
        if cells := params.change.cells:
            self._restructure(notebook, cells)
            self._edit(cells.text_content or ())

    def close(self, params: types.DidCloseNotebookDocumentParams) -> None:
        """Forget a notebook and its cells."""
        notebook = self._open.pop(unquote(params.notebook_document.uri), None)
        own = [cell.document for cell in notebook.cells] if notebook else []
        for uri in (*own, *(cell.uri for cell in params.cell_text_documents)):
            self._documents.close(uri)

    def distrust(self, uri: str) -> None:
        """A change of this notebook could not be read: raises OutOfSync, and its text is not known any more."""
        notebook = self._open.get(unquote(uri))
        if notebook and notebook.in_sync:
            self._distrust(notebook)
            raise OutOfSync("A change of a notebook could not be read. Close and open it again.")

    def notebook(self, uri: str) -> Notebook | None:
        """The joined module of an open notebook; None where it is not open or a cell is out of sync."""
        notebook = self._open.get(unquote(uri))
        cells = self._python_cells(notebook) if notebook and notebook.in_sync else None
        if notebook is None or cells is None:
            return None
        known = notebook.joined
        if known is None or known.document.version != notebook.version or known.cells != cells:
            notebook.joined = known = _join(notebook, cells)
        return known

    def containing(self, cell_uri: str) -> str | None:
        """URI of the notebook that a cell belongs to."""
        for notebook in self._open.values():
            if any(unquote(cell.document) == unquote(cell_uri) for cell in notebook.cells):
                return notebook.uri
        return None

    def _distrust(self, notebook: _OpenNotebook) -> None:
        """What the change would have done to the cells is not known either."""
        notebook.in_sync = False
        for cell in notebook.cells:
            with suppress(OutOfSync):
                self._documents.distrust(cell.document)

    def _edit(self, contents: Sequence[types.NotebookDocumentCellContentChanges]) -> None:
        """Change the cells' texts; one that is refused does not keep the others from being changed."""
        refusals = []
        for content in contents:
            try:
                self._documents.change(content.document, content.changes)
            except OutOfSync as refusal:
                refusals.append(refusal)
        if refusals:
            raise refusals[0]

    def _restructure(self, notebook: _OpenNotebook, cells: types.NotebookDocumentCellChanges) -> None:
        if structure := cells.structure:
            array = structure.array
            notebook.cells[array.start : array.start + array.delete_count] = array.cells or ()
            for item in structure.did_open or ():
                self._documents.open(item)
            for closed in structure.did_close or ():
                self._documents.close(closed.uri)
        changed = {unquote(cell.document): cell for cell in cells.data or ()}
        notebook.cells = [changed.get(unquote(cell.document), cell) for cell in notebook.cells]

    def _python_cells(self, notebook: _OpenNotebook) -> tuple[Document, ...] | None:
        code = [cell.document for cell in notebook.cells if cell.kind is types.NotebookCellKind.Code]
        cells = [self._documents.snapshot(uri) for uri in code if self._documents.language(uri) == "python"]
        known = [cell for cell in cells if cell]
        return tuple(known) if len(known) == len(cells) else None


def _join(notebook: _OpenNotebook, cells: tuple[Document, ...]) -> Notebook:
    text = "".join(_ended(line) for cell in cells for line in blank_magics(cell.lines))
    return Notebook(Document(notebook.uri, text, "python", notebook.version), cells)


def _ended(line: str) -> str:
    return line if without_end(line) != line else line + "\n"
