"""The language server with every feature registered."""

from collections.abc import Callable
from functools import partial
from typing import Any

from lsprotocol import types

from codetune_server.backend import Backend
from codetune_server.features import (
    code_action,
    code_lens,
    commands,
    configuration,
    diagnostic,
    hover,
    initialize,
    status,
    synchronization,
    trust,
)
from codetune_server.language_server import CodeTuneServer

_FEATURES: dict[str, Callable[..., Any]] = {
    types.INITIALIZE: initialize.initialize,
    types.INITIALIZED: initialize.initialized,
    types.TEXT_DOCUMENT_DID_OPEN: synchronization.did_open,
    types.TEXT_DOCUMENT_DID_CHANGE: synchronization.did_change,
    types.TEXT_DOCUMENT_DID_SAVE: synchronization.did_save,
    types.TEXT_DOCUMENT_DID_CLOSE: synchronization.did_close,
    types.NOTEBOOK_DOCUMENT_DID_OPEN: synchronization.notebook_did_open,
    types.NOTEBOOK_DOCUMENT_DID_CHANGE: synchronization.notebook_did_change,
    types.NOTEBOOK_DOCUMENT_DID_SAVE: synchronization.notebook_did_save,
    types.NOTEBOOK_DOCUMENT_DID_CLOSE: synchronization.notebook_did_close,
    types.WORKSPACE_DID_CHANGE_CONFIGURATION: configuration.did_change_configuration,
    types.WORKSPACE_DID_CHANGE_WATCHED_FILES: configuration.did_change_watched_files,
    types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS: configuration.did_change_workspace_folders,
    types.CODE_ACTION_RESOLVE: code_action.resolve,
    types.TEXT_DOCUMENT_HOVER: hover.hover,
    types.TEXT_DOCUMENT_CODE_LENS: code_lens.code_lens,
}
"""Those that every editor is offered; ``initialize`` adds those that depend on the editor."""


def create_server() -> CodeTuneServer:
    """A server for one editor."""
    server = CodeTuneServer()
    backend = Backend(server)
    backend.announce = partial(diagnostic.announce, backend)
    backend.status.announce = partial(status.announce, backend)
    backend.configuration = partial(configuration.configuration, backend)
    backend.refused = partial(trust.refused, backend)
    for method, handler in _FEATURES.items():
        server.feature(method)(partial(handler, backend))
    for name, handler in commands.COMMANDS.items():
        server.command(name)(partial(handler, backend))
    return server
