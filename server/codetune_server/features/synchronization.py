"""Documents and notebooks that are opened, changed, saved and closed: when each is reviewed."""

from lsprotocol import types

from codetune_server.backend import Backend
from codetune_server.features import review_with_model
from codetune_server.features.configuration import apply_changes
from codetune_server.features.diagnostic import clear


def did_open(backend: Backend, params: types.DidOpenTextDocumentParams) -> None:
    """Review at once."""
    _opened(backend, params.text_document.uri)


async def did_change(backend: Backend, params: types.DidChangeTextDocumentParams) -> None:
    """Review when the typing pauses."""
    await _changed(backend, params.text_document.uri)


async def did_save(backend: Backend, params: types.DidSaveTextDocumentParams) -> None:
    """Review at once, unless this very text was; what was saved may have been settings."""
    key = backend.session.key(params.text_document.uri)
    _saved(backend, key)
    await apply_changes(backend, always=False)
    await review_with_model.saved(backend, key)


def did_close(backend: Backend, params: types.DidCloseTextDocumentParams) -> None:
    """Forget it."""
    _closed(backend, params.text_document.uri)


def notebook_did_open(backend: Backend, params: types.DidOpenNotebookDocumentParams) -> None:
    """Review at once."""
    _opened(backend, params.notebook_document.uri)


async def notebook_did_change(backend: Backend, params: types.DidChangeNotebookDocumentParams) -> None:
    """Review when the typing pauses."""
    cells = params.change.cells
    for cell in (cells and cells.text_content) or ():
        backend.outcomes.changed(cell.document.uri)
    await _changed(backend, params.notebook_document.uri)


async def notebook_did_save(backend: Backend, params: types.DidSaveNotebookDocumentParams) -> None:
    """Review at once, unless this very text was."""
    _saved(backend, params.notebook_document.uri)
    await review_with_model.saved(backend, params.notebook_document.uri)


def notebook_did_close(backend: Backend, params: types.DidCloseNotebookDocumentParams) -> None:
    """Forget it and its cells."""
    for cell in params.cell_text_documents:
        _gone(backend, cell.uri)
    _closed(backend, params.notebook_document.uri)


def _opened(backend: Backend, key: str) -> None:
    backend.scheduler.now(key, thorough=True)
    review_with_model.opened(backend, key)


def _saved(backend: Backend, key: str) -> None:
    subject, state = backend.session.subject(key), backend.session.current(key)
    for part in subject.parts if subject else ():
        backend.outcomes.saved(part.uri)
    if state is None or not state.thorough:
        backend.scheduler.now(key, thorough=True)


async def _changed(backend: Backend, uri: str) -> None:
    backend.outcomes.changed(uri)
    review_with_model.edited(backend)
    service = await backend.service()
    subject = backend.session.subject(uri)
    if subject is None:
        return
    editor = (await service.holding(subject.document)).settings.editor
    if editor.review_on == "change":
        backend.scheduler.soon(uri, editor.debounce_min_ms / 1000, editor.debounce_max_ms / 1000)


def _closed(backend: Backend, key: str) -> None:
    _gone(backend, key)
    backend.scheduler.forget(key)
    review_with_model.closed(backend, key)
    backend.session.forget(key)
    clear(backend, key)
    backend.changed()


def _gone(backend: Backend, uri: str) -> None:
    """Forget what a model said and wrote in a document."""
    backend.outcomes.closed(uri)
    backend.answers.forget(uri)
