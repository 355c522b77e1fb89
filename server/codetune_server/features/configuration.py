"""Settings that change: from the editor, in files, and with the roots of the workspace."""

import logging
from collections.abc import Mapping
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from codetune_server.backend import Backend
from codetune_server.folders import Folder
from codetune_server.told import Told

logger = logging.getLogger(__name__)
_NAME = "codetune"


def section(options: object) -> Mapping[str, Any]:
    """CodeTune's part of what an editor sends, with or without a ``codetune`` around it."""
    inner = options.get(_NAME, options.get("settings", options)) if isinstance(options, Mapping) else {}
    inner = inner.get(_NAME, inner) if isinstance(inner, Mapping) else {}
    return inner if isinstance(inner, Mapping) else {}


async def configuration(backend: Backend, folder: Folder | None) -> Told:
    """What the editor says for a folder: what it sent, and what it answers when it can be asked."""
    own, told = backend.session.editor_options, backend.session.told_options
    return Told((own,), (told, *await _asked(backend, folder)))


async def _asked(backend: Backend, folder: Folder | None) -> list[Mapping[str, Any]]:
    if not backend.client.configuration:
        return []
    item = types.ConfigurationItem(scope_uri=folder.uri if folder else None, section=_NAME)
    try:
        answer = await backend.server.ask(
            backend.server.workspace_configuration_async(types.ConfigurationParams([item]))
        )
    except (TimeoutError, JsonRpcException) as error:
        logger.warning("the editor did not tell its settings: %s", type(error).__name__)
        return []
    return [values for values in answer if isinstance(values, Mapping)]


async def did_change_configuration(backend: Backend, params: types.DidChangeConfigurationParams) -> None:
    """Read everything again, and review what is open where anything changed."""
    if sent := section(params.settings):
        backend.session.told_options = sent
    await apply_changes(backend, always=True)


async def did_change_watched_files(backend: Backend, _params: types.DidChangeWatchedFilesParams) -> None:
    """Read what changed again, and review what is open."""
    await apply_changes(backend, always=False)


async def did_change_workspace_folders(backend: Backend, params: types.DidChangeWorkspaceFoldersParams) -> None:
    """Take roots in and leave roots out, and review what is open by what holds now."""
    service = await backend.service()
    for gone in params.event.removed:
        service.forget(Folder.at(gone.uri))
        backend.session.folders.remove(gone.uri)
    for new in params.event.added:
        backend.session.folders.add(new.uri)
    review_open(backend)


async def apply_changes(backend: Backend, *, always: bool) -> None:
    """Read settings and baselines again, ``always`` or where a file changed; review what is open where they differ."""
    service = await backend.service()
    if await service.reread(always=always):
        review_open(backend)


def review_open(backend: Backend) -> None:
    """Review everything that is open, and let the rest of the workspace be asked for again."""
    backend.changed()
    for key in backend.session.keys():  # noqa: SIM118 - not a dictionary
        backend.scheduler.now(key, thorough=True)
