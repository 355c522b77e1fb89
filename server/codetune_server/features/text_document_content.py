"""``workspace/textDocumentContent``: the pages that editors read from the server."""

from lsprotocol import types

from codetune_server.backend import Backend
from codetune_server.pages.store import SCHEME

OPTIONS = types.TextDocumentContentOptions(schemes=[SCHEME])


def text_document_content(backend: Backend, params: types.TextDocumentContentParams) -> types.TextDocumentContentResult:
    """Answer the present text of a page."""
    return types.TextDocumentContentResult(backend.pages.read(params.uri))
