"""What is relied on in pygls, so that a new version that changes it fails here and not in an editor."""

import inspect

import pytest
from pygls.protocol import LanguageServerProtocol

from codetune_server.language_server import CodeTuneServer
from codetune_server.protocol import RELIED_ON, CodeTuneProtocol

OURS = {
    "exit", "shutdown", "initialize", "workspace/executeCommand", "window/workDoneProgress/cancel",
    "textDocument/didOpen", "textDocument/didChange", "textDocument/didClose",
    "notebookDocument/didOpen", "notebookDocument/didChange", "notebookDocument/didClose",
}  # fmt: skip
PYGLS_OWN = {"initialized", "$/setTrace", "workspace/didChangeWorkspaceFolders"}


@pytest.mark.parametrize("name", RELIED_ON)
def test_pygls_still_has_the_methods_that_are_overridden(name):
    assert tuple(inspect.signature(getattr(LanguageServerProtocol, name)).parameters) == RELIED_ON[name]


def test_every_built_in_method_of_pygls_is_either_replaced_or_known_to_be_harmless():
    server = CodeTuneServer()
    methods = server.protocol.fm.builtin_features
    assert methods.keys() == OURS | PYGLS_OWN
    assert {method for method, handler in methods.items() if handler.__name__ in vars(CodeTuneProtocol)} == OURS


@pytest.mark.parametrize("name", ["_shutdown", "_workspace", "_converter", "writer"])
def test_the_attributes_that_are_used_exist(name):
    assert name in vars(CodeTuneServer().protocol)


def test_requests_that_nobody_awaits_are_refused():
    with pytest.raises(NotImplementedError):
        CodeTuneServer().protocol.send_request("window/showMessageRequest")
