"""``codetune.trustWorkspace``, ``codetune.showTrust``, and the question whether a workspace is trusted, asked once."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from codetune_core.domain.document import Document
from codetune_core.domain.review import Notice
from codetune_core.errors import SettingsError
from codetune_core.workspace.trust import asks_about, never_ask, set_trust, trust_file, trusted_workspaces
from codetune_server.backend import Backend
from codetune_server.errors import RequestError, failed, told
from codetune_server.features.configuration import apply_changes
from codetune_server.folders import Folder
from codetune_server.pages.page import Page

TRUST, LATER, NEVER = "Trust this workspace", "Not now", "Never ask"
_ANSWER_SECONDS = 24 * 3600.0
"""A person answers when they like; nothing waits for it."""


def refused(backend: Backend, folder: Folder, notices: Sequence[Notice]) -> None:
    """Say what a workspace sets that is not used, once, and ask whether it is trusted; nobody waits for the answer."""
    new = [notice for notice in notices if notice.key not in backend.session.refused]
    backend.session.refused.update(notice.key for notice in new)
    for notice in new:
        backend.log(notice.text)
    if new and folder.path:
        backend.in_background(_ask(backend, folder, folder.path, _question(folder, new)))


async def trust_workspace(backend: Backend, uri: str = "", trusted: bool = True) -> dict[str, Any]:  # noqa: FBT001, FBT002 - the command's own arguments
    """Trust a folder of the workspace, the first where none is named, or trust it no more; answers what is trusted."""
    folder = _folder(backend, uri)
    changed = await _set(backend, folder, trusted=trusted)
    around = await asyncio.to_thread(trusted_workspaces)
    return {"folder": folder.uri, "trusted": trusted, "changed": changed, "workspaces": [str(each) for each in around]}


async def show_trust(backend: Backend) -> str:
    """Show which folders are trusted, and what those of this window set that is not used; answers the same."""
    try:
        trusted = await asyncio.to_thread(trusted_workspaces)
    except SettingsError as error:
        raise failed(str(error)) from error
    service = await backend.service()
    holdings = [await service.holding_of(folder) for folder in backend.session.folders]
    unused = [notice.text for holding in holdings for notice in holding.refused]
    text = "\n".join(
        [
            "# Trust",
            "",
            f"Trusted with everything below them ({trust_file()}):",
            "",
            *([f"- `{folder}`" for folder in trusted] or ["- nothing"]),
            "",
            "Not used in this window, because it is not trusted:",
            "",
            *([f"- {each}" for each in unused] or ["- nothing"]),
        ]
    )
    await Page(backend, "trust").finish(text)
    return text


async def _ask(backend: Backend, folder: Folder, path: Path, text: str) -> None:
    if not await asyncio.to_thread(asks_about, path):
        return
    actions = [types.MessageActionItem(title) for title in (TRUST, LATER, NEVER)]
    params = types.ShowMessageRequestParams(types.MessageType.Warning, text, actions)
    try:
        answer = await backend.server.ask(backend.server.window_show_message_request_async(params), _ANSWER_SECONDS)
    except (TimeoutError, JsonRpcException):
        backend.warn(text)
        return
    try:
        if answer and answer.title == TRUST:
            await _set(backend, folder, trusted=True)
        elif answer and answer.title == NEVER:
            await asyncio.to_thread(never_ask, path)
    except (RequestError, SettingsError) as error:
        backend.warn(told(error).message)


def _question(folder: Folder, notices: Sequence[Notice]) -> str:
    names = dict.fromkeys(notice.key.rpartition(":")[2] for notice in notices)
    return (
        f"{folder.uri.rpartition('/')[2]} sets {', '.join(names)}, which is not used until you trust this workspace. "
        f"Read its settings first; then trust it here, or run `codetune trust {folder.path}`."
    )


async def _set(backend: Backend, folder: Folder, *, trusted: bool) -> bool:
    """Trust, or trust no more, and let what holds now be read again."""
    if folder.path is None:
        raise failed("This folder is not on this machine's disk, so there is nothing to trust.")
    try:
        changed = await asyncio.to_thread(set_trust, folder.path, trusted=trusted)
    except SettingsError as error:
        raise failed(str(error)) from error
    if changed:
        await apply_changes(backend, always=True)
    return changed


def _folder(backend: Backend, uri: str) -> Folder:
    """The folder with this URI, or around this document."""
    folders = list(backend.session.folders)
    named = next((folder for folder in folders if folder.uri == uri.rstrip("/")), None)
    found = named or (backend.session.folders.of(Document(uri, "", "")) if uri else next(iter(folders), None))
    if found is None:
        raise failed("No folder of the workspace is open there.")
    return found
