"""The peer of the request benchmarks: the smallest language server that pygls allows."""

from lsprotocol import types
from pygls.lsp.server import LanguageServer

server = LanguageServer("bare", "1")


@server.feature(types.TEXT_DOCUMENT_HOVER)
async def hover(_params: types.HoverParams) -> None:
    """Answer nothing."""


if __name__ == "__main__":
    server.start_io()
