"""Watches over the edits that were applied: looks when a file is saved, after five minutes, and at the next commit."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

from codetune_core.domain.document import Document
from codetune_core.domain.execution import Feedback, Outcome
from codetune_core.domain.finding import Confidence, Standing, Verdict
from codetune_core.errors import UnreadableFile
from codetune_core.model_reviewer.tallies import count_claim
from codetune_core.outcomes.mark import Mark
from codetune_core.workspace.git_head import Head, git_folder, read_head
from codetune_core.workspace.read import read_bytes
from codetune_server.outcomes.outcomes import Change, Surroundings
from codetune_server.outcomes.sender import Sender

SETTLED_SECONDS = 300.0
"""After so long an edit that is still there is kept; then looks go on as often until a commit."""
_MOST_MARKS = 64
_MOST_OFFERS = 16
_LONGEST_BYTES = 2_000_000
_DAY_SECONDS = 86_400.0
"""Who has not committed by then is not waited for."""

Do = Callable[[Callable[["Watcher"], Awaitable[None]]], None]


@dataclass(slots=True, eq=False)
class _Applied:
    """An edit that is watched over; ``due`` is when it is looked at next, in seconds like ``at``."""

    execution_id: UUID
    uri: str
    path: Path | None
    mark: Mark
    at: float
    due: float
    head: Head | None


@dataclass(frozen=True, slots=True)
class _Offered:
    execution_id: UUID
    change: Change
    mark: Mark

    @property
    def uri(self) -> str:
        return self.change.before.uri


class Watcher:
    """The edits of this editor, and what became of them; ``do`` has something done in the order of all work."""

    def __init__(self, surroundings: Surroundings, do: Do) -> None:
        self._surroundings = surroundings
        self._do = do
        self._sender = Sender(surroundings.executor)
        self._applied: list[_Applied] = []
        self._offered: list[_Offered] = []
        self._timer: asyncio.TimerHandle | None = None

    async def shown(self, execution_id: UUID) -> None:
        """Note it."""
        await self._told(execution_id, Outcome.SHOWN)

    async def rejected(self, execution_id: UUID, reason: str) -> None:
        """Note it, with the person's reason."""
        await self._told(execution_id, Outcome.REJECTED, reason or None)

    async def judged(self, rule: str, confidence: Confidence, *, accepted: bool) -> None:
        """Count it for the calibration of later claims."""
        if await self._surroundings.wanted():
            await asyncio.to_thread(count_claim, rule, confidence, accepted=accepted)

    async def rate(self, execution_id: UUID, rating: int, text: str) -> bool:
        """Send it at once; it is the person's own wish, whatever the settings say of what is recorded unasked."""
        return await self._sender.rate(execution_id, Feedback(rating=rating, text=text or None))

    async def applied(self, execution_id: UUID, change: Change) -> None:
        """Note it, and watch over it; where it mends a model's claim, so for who made that."""
        if not await self._surroundings.wanted():
            return
        applied, verdict = await asyncio.to_thread(_applied, execution_id, change), _verdict(change)
        self._keep(applied)
        if change.claim and verdict and verdict.execution_id:
            self._keep(replace(applied, execution_id=UUID(verdict.execution_id)))
            if verdict.standing is Standing.NEW:
                await self.judged(change.claim.rule.id, change.claim.confidence, accepted=True)

    async def offered(self, execution_id: UUID, change: Change) -> None:
        """Know what the editor may do."""
        if await self._surroundings.wanted():
            self._offered.append(_Offered(execution_id, change, await asyncio.to_thread(_mark, change)))
            del self._offered[:-_MOST_OFFERS]

    async def changed(self, document: Document) -> None:
        """Recognise an edit that the editor had, and has applied by itself."""
        here = [each for each in self._offered if each.uri == document.uri]
        made = next((each for each in here if each.mark.is_made(document.text)), None)
        if made:
            self._offered = [each for each in self._offered if each.uri != document.uri]
            await self.applied(made.execution_id, made.change)

    async def saved(self, uri: str) -> None:
        """Look at what was edited there, and whether anything was committed."""
        await self._look([each for each in self._applied if each.uri == uri], is_saved=True)
        await self._look([each for each in self._applied if each.uri != uri])

    async def closed(self, uri: str) -> None:
        """Forget what is not on the disk; of the rest, only that the editor has it."""
        self._offered = [each for each in self._offered if each.uri != uri]
        self._applied = [each for each in self._applied if each.uri != uri or each.path]

    async def ended(self) -> None:
        """Look for the last time."""
        await self._look(self._applied, is_saved=True)

    async def tick(self) -> None:
        """Look at what is old enough, and whether anything was committed."""
        await self._look(self._applied)
        self._wait()

    async def sent(self) -> None:
        """Wait until everything was tried to be sent."""
        await self._sender.sent()

    async def aclose(self) -> None:
        """Stop."""
        if self._timer:
            self._timer.cancel()
        await self._sender.aclose()

    def _keep(self, applied: _Applied) -> None:
        self._sender.tell(applied.execution_id, Outcome.ACCEPTED)
        self._applied.append(applied)
        del self._applied[:-_MOST_MARKS]
        self._wait()

    async def _told(self, execution_id: UUID, outcome: Outcome, text: str | None = None) -> None:
        if await self._surroundings.wanted():
            self._sender.tell(execution_id, outcome, text)

    async def _look(self, applied: Iterable[_Applied], *, is_saved: bool = False) -> None:
        for each in list(applied):
            await self._look_at(each, is_saved=is_saved)

    async def _look_at(self, each: _Applied, *, is_saved: bool) -> None:
        now = time.monotonic()
        is_due, committed = now >= each.due, await asyncio.to_thread(_is_committed, each)
        if not (is_saved or committed or is_due):
            return
        outcome = await self._outcome(each)
        if outcome and (outcome is not Outcome.KEPT or committed or is_due):
            self._sender.tell(each.execution_id, outcome)
        if is_due:
            each.due = now + SETTLED_SECONDS
        if (committed or now - each.at >= _DAY_SECONDS) and each in self._applied:
            self._applied.remove(each)

    async def _outcome(self, each: _Applied) -> Outcome | None:
        document = self._surroundings.text(each.uri)
        text = document.text if document else await asyncio.to_thread(_read, each.path)
        return await asyncio.to_thread(each.mark.outcome, text) if text is not None else None

    def _wait(self) -> None:
        """Look again when the next is due."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if self._applied:
            seconds = min(each.due for each in self._applied) - time.monotonic()
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(max(0.0, seconds), self._do, lambda watcher: watcher.tick())


def _applied(execution_id: UUID, change: Change) -> _Applied:
    before, now = change.before, time.monotonic()
    due = now + SETTLED_SECONDS
    return _Applied(execution_id, before.uri, before.path, _mark(change), now, due, _head(before.path))


def _mark(change: Change) -> Mark:
    return Mark.of(change.before, change.edits)


def _verdict(change: Change) -> Verdict | None:
    """What a model said for the claim that is mended."""
    verdict = change.claim.verdict if change.claim else None
    return verdict if verdict and verdict.standing is not Standing.DOUBTFUL else None


def _is_committed(each: _Applied) -> bool:
    head = _head(each.path)
    return bool(head and each.head and head.is_commit_after(each.head))


def _head(path: Path | None) -> Head | None:
    folder = git_folder(path) if path else None
    return read_head(folder) if folder else None


def _read(path: Path | None) -> str | None:
    """Return the text of a file; None where it cannot be read or is no small text."""
    try:
        if path is None or path.stat().st_size > _LONGEST_BYTES:
            return None
        return read_bytes(path).decode("utf-8")
    except (OSError, UnreadableFile, UnicodeError):
        return None
