"""``codetune/status`` and the command ``codetune.status``: how it stands with who answers."""

from typing import Any

from lsprotocol import types

from codetune_server.backend import Backend
from codetune_server.status.state import State, Status

METHOD = "codetune/status"
_QUIET = types.MessageType.Info
_LOUD = types.MessageType.Warning
_PRESSING = {State.OVER_BUDGET, State.OFFLINE}


def announce(backend: Backend, status: Status, is_news: bool) -> None:  # noqa: FBT001 - the board's signature
    """Tell an editor that asked for it, and write into the log what is more than another estimate."""
    if backend.client.shows_status:
        backend.server.protocol.notify(METHOD, status.params())
    if is_news:
        kind = _LOUD if status.state in _PRESSING else _QUIET
        backend.server.window_log_message(types.LogMessageParams(kind, f"CodeTune: {status.text}"))


async def status(backend: Backend) -> dict[str, Any] | None:
    """Answer the status, once something is known of it; null where nothing could be learnt."""
    catalogue = await backend.learn_prompts()
    await catalogue.settled()
    present = backend.status.present
    return present.params() if present else None
