"""Which prompts are offered and who answers: learnt from the daemon in the background, so that menus never wait."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codetune_core.daemon.ensure import ensure
from codetune_core.daemon.identity import Identity, running
from codetune_core.daemon.own import own_settings, why_without_daemon
from codetune_core.daemon.place import daemon_files, listens
from codetune_core.domain.document import Document
from codetune_core.domain.text import Range
from codetune_core.errors import CodeTuneError
from codetune_core.runtime.folder import Files
from codetune_core.settings import Settings
from codetune_server.prompted.fitting import fitting
from codetune_server.prompted.listing import Listing, PromptAction, read_listing
from codetune_server.status.board import Board
from codetune_server.status.loading import LoadWatch

if TYPE_CHECKING:
    from codetune_core.domain.execution import Role

logger = logging.getLogger(__name__)
_LOOK_SECONDS = 5.0
"""Whether the settings are others or the daemon is another one is looked at no more often."""
_REST_SECONDS = 60.0
"""After a look that found nothing to offer, which may have taken long."""
_SOON_SECONDS = 10.0
"""After a look that came before a model could say whether it answers."""
_HOLDS_SECONDS = 180.0
"""After this, what the daemon said is asked for again."""
_UNSET = frozenset({"", "none", "auto"})
_HOW = (
    "set engine.name in your codetune.toml, or remote.base_url for your team's service, or run `codetune daemon start`,"
    " which finds a model or a model server that is here (`codetune models pull` fetches one); `codetune doctor` says"
    " what there is"
)


class Catalogue:
    """The prompts that editors offer, none until they are known; the board gets who answers, or why nobody does."""

    def __init__(self, board: Board, loads: LoadWatch) -> None:
        self.actions: tuple[PromptAction, ...] = ()
        self.models: Mapping[Role, str] = {}
        """Who answers for the roles that somebody answers for; by an empty name where the team's service chooses."""
        self.listeners: list[Callable[[], None]] = []
        """Called each time when it was learnt what is offered and who answers."""
        self._board = board
        self._loads = loads
        self._has_looked_here = False
        self._next_look = 0.0
        self._learnt_at = 0.0
        self._learnt_from: Identity | None = None
        self._task: asyncio.Task[None] | None = None
        self._again: asyncio.TimerHandle | None = None

    def refresh(self) -> None:
        """Look again in the background, where that was not done a moment ago; returns at once."""
        now = time.monotonic()
        if (self._task is None or self._task.done()) and now >= self._next_look:
            self._next_look = now + _LOOK_SECONDS
            self._task = asyncio.create_task(self._guarded(self._look()))

    def named(self, prompt: str) -> PromptAction | None:
        """Return the entry of a prompt; None where it is not offered."""
        return next((action for action in self.actions if action.prompt == prompt), None)

    def fitting(self, document: Document, chosen: Range, *, by_itself: bool) -> list[PromptAction]:
        """Return the entries for a selection or a cursor, in a menu that opens ``by_itself`` or is asked for."""
        return fitting(self.actions, document, chosen, by_itself=by_itself)

    @property
    def writer(self) -> str | None:
        """Who writes code; an empty name where the team's service chooses, None where nobody does."""
        return self._who("generation")

    @property
    def reviewer(self) -> str | None:
        """Who reviews code, likewise."""
        return self._who("review")

    def _who(self, wanted: str) -> str | None:
        return next((model for role, model in self.models.items() if role == wanted), None)

    async def settled(self) -> None:
        """Wait until what is being learnt is known."""
        if self._task:
            await asyncio.wait({self._task})

    async def aclose(self) -> None:
        """Learn no more."""
        if self._again:
            self._again.cancel()
        if self._task:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _guarded(self, look: Coroutine[Any, Any, None]) -> None:
        try:
            await look
        except (CodeTuneError, OSError) as error:
            self._rest(_REST_SECONDS)
            self._board.unreachable(f"prompts are not offered: {error}")
        except Exception as error:  # noqa: BLE001 - the next look may do better, and nobody waits for this one
            logger.warning("prompts were not learnt: %s", type(error).__name__)

    async def _look(self) -> None:
        settings = (await asyncio.to_thread(own_settings)).settings
        if why := _unusable(settings):
            self._offer(Listing((), why))
            return
        path = await self._daemon(settings)
        if path is None:
            if not self.actions:
                self._rest(_REST_SECONDS)
                self._board.nobody(f"no model is set, so no prompt is offered: {_HOW}")
            return
        found = await asyncio.to_thread(running, daemon_files())
        is_old = time.monotonic() - self._learnt_at > _HOLDS_SECONDS
        if found and found == self._learnt_from and not is_old:
            return
        listing = await asyncio.to_thread(read_listing, path, bool(settings.remote.base_url))
        self._learnt_from, self._learnt_at = found, time.monotonic()
        self._offer(listing)

    async def _daemon(self, settings: Settings) -> Path | None:
        """Return the daemon's socket; None where none runs and none is started for this.

        It is started once, where the user has chosen who answers or has fetched a model, as far as a quick look
        tells: later an entry that is chosen starts it.
        """
        files = daemon_files()
        if self._learnt_from is None and (not _is_open(settings) or await self._seems_worth(settings)):
            return await ensure()
        return files.socket if await asyncio.to_thread(_runs, files) else None

    async def _seems_worth(self, settings: Settings) -> bool:
        """Say, only once, whether the daemon may find a model on this machine."""
        first, self._has_looked_here = not self._has_looked_here, True
        return first and await asyncio.to_thread(_is_any_model_likely_here, settings)

    def _offer(self, listing: Listing) -> None:
        if self._again:
            self._again.cancel()
        self.actions, self.models = listing.actions, listing.models
        if listing.why:
            self._board.nobody(f"no prompt is offered: {listing.why}")
        else:
            self._board.answering(listing.models, "" if listing.actions else "no prompt has a tag editor:")
            self._loads.look()
        if listing.late:
            self._learnt_from = None
            self._rest(_SOON_SECONDS)
            self._again = asyncio.get_running_loop().call_later(_SOON_SECONDS, self.refresh)
        elif not listing.actions:
            self._learnt_from = None
            self._rest(_REST_SECONDS)
        for listener in self.listeners:
            listener()

    def _rest(self, seconds: float) -> None:
        self._next_look = time.monotonic() + seconds


def _runs(files: Files) -> bool:
    return running(files) is not None and listens(files.socket)


def _is_any_model_likely_here(settings: Settings) -> bool:
    from codetune_core.models.likely_here import is_any_model_likely_here  # noqa: PLC0415 - seldom, and in a thread

    return is_any_model_likely_here(settings)


def _is_open(settings: Settings) -> bool:
    """Whether who answers is still to be found."""
    return settings.engine.name in _UNSET and not settings.remote.base_url


def _unusable(settings: Settings) -> str:
    """Say why nothing can be asked; empty where something may."""
    if why := why_without_daemon(settings):
        return why
    if settings.engine.name in {"", "none"} and not settings.remote.base_url:
        return f"no model is set: {_HOW}"
    return ""
