"""``initialize`` and ``initialized``: what the editor can do, is offered, and is to watch."""

from functools import partial

from lsprotocol import types

from codetune_server.backend import Backend
from codetune_server.client import Client
from codetune_server.features import (
    code_action,
    diagnostic,
    offer_completion,
    text_document_content,
    workspace_diagnostic,
)
from codetune_server.features.configuration import section
from codetune_server.offers import ASKING, FIX_ALL

_WATCHED = ("**/codetune.toml", "**/pyproject.toml", "**/codetune-baseline.toml", "**/.gitignore")


def initialize(backend: Backend, params: types.InitializeParams) -> None:
    """Take note of the editor, and offer what depends on its abilities."""
    session, feature = backend.session, backend.server.feature
    session.client = Client.of(params.capabilities, params.client_info.name if params.client_info else "")
    session.editor_options = section(params.initialization_options)
    folders = [folder.uri for folder in params.workspace_folders or ()]
    for uri in folders or ([params.root_uri] if params.root_uri else []):
        session.folders.add(uri)
    actions = types.CodeActionOptions(
        code_action_kinds=[types.CodeActionKind.QuickFix, types.CodeActionKind.RefactorRewrite, ASKING, FIX_ALL],
        resolve_provider=session.client.resolves_actions,
    )
    feature(types.TEXT_DOCUMENT_CODE_ACTION, actions)(partial(code_action.code_action, backend))
    if session.client.reads_pages:
        content = partial(text_document_content.text_document_content, backend)
        feature(types.WORKSPACE_TEXT_DOCUMENT_CONTENT, text_document_content.OPTIONS)(content)
    offer_completion.offer_at_once(backend)
    if session.client.pulls:
        pulls = types.DiagnosticOptions(
            inter_file_dependencies=False, workspace_diagnostics=True, identifier="codetune"
        )
        feature(types.TEXT_DOCUMENT_DIAGNOSTIC, pulls)(partial(diagnostic.diagnostic, backend))
        feature(types.WORKSPACE_DIAGNOSTIC)(partial(workspace_diagnostic.workspace_diagnostic, backend))


async def initialized(backend: Backend, _params: types.InitializedParams) -> None:
    """Ask the editor to tell of changed settings and files, where it can, load what reviews, and learn who answers."""
    registrations = list(_registrations(backend.client))
    if registrations:
        asked = backend.server.client_register_capability_async(types.RegistrationParams(registrations))
        await backend.server.ask(asked)
    await backend.service()
    await offer_completion.offer_when_known(backend)


def _registrations(client: Client) -> list[types.Registration]:
    wanted = []
    if client.registers_configuration:
        options = types.DidChangeConfigurationRegistrationOptions(section="codetune")
        wanted.append(_registration(types.WORKSPACE_DID_CHANGE_CONFIGURATION, options))
    if client.registers_watchers:
        watchers = [types.FileSystemWatcher(glob_pattern=glob) for glob in _WATCHED]
        files = types.DidChangeWatchedFilesRegistrationOptions(watchers=watchers)
        wanted.append(_registration(types.WORKSPACE_DID_CHANGE_WATCHED_FILES, files))
    return wanted


def _registration(method: str, options: object) -> types.Registration:
    return types.Registration(id=f"codetune {method}", method=method, register_options=options)
