"""Replay the recorded typing against a client of inline completion, with an engine whose answers are simulated.

The engine knows what is typed next. So that it is no better than a model, its answers are right as far as a hash of the
place says: wholly, for some characters, or not at all.
"""

import heapq
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count, pairwise
from pathlib import Path
from typing import Protocol
from zlib import crc32

from codetune_core.completion.completions import Ask, Completions, Hit, Wait
from codetune_core.completion.context import context
from codetune_core.completion.debounce import Debounce
from codetune_core.completion.place import Place
from codetune_core.completion.reuse import Flight
from codetune_core.domain.document import Document

TRACE = Path(__file__).parent / "typing" / "trace.jsonl"
LINES = 3
PIECES = 8


@dataclass(frozen=True)
class Keystroke:
    """A state of a document, right after an edit or a jump.

    Attributes:
        at: seconds since the beginning.
        document: as it is now.
        offset: of the cursor.
        typed: what was put in at the cursor, empty for a deletion, a jump, and what was pasted.
        is_edit: whether the text changed.
        coming: what will be typed here until the next jump, slips left out; of a slip, what belongs in its place.
        others: the other documents, the last used first.
    """

    at: float
    document: Document
    offset: int
    typed: str
    is_edit: bool
    coming: str
    others: tuple[Document, ...]

    @property
    def place(self) -> Place:
        """Where the cursor stands."""
        text = self.document.text
        return Place(self.document.uri, text[: self.offset], text[self.offset :], self.document.language)


def keystrokes(path: Path = TRACE) -> Iterator[Keystroke]:
    """Yield the states of the trace in order."""
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    heads = [index for index, line in enumerate(lines) if isinstance(line, dict)]
    others: tuple[Document, ...] = ()
    at = 0.0
    for begin, end in pairwise([*heads, len(lines)]):
        states = _session(lines[begin], lines[begin + 1 : end], at, others)
        yield from states
        at, others = states[-1].at + 30, (states[-1].document, *others)


def _session(head: dict[str, str], events: list[list], at: float, others: tuple[Document, ...]) -> list[Keystroke]:
    text, offset, version, runs, states = head["text"], 0, 0, 0, []
    marks: list[tuple[int, int]] = []
    for milliseconds, what, *kind in events:
        at, typed = at + milliseconds / 1000, ""
        if kind == ["jump"]:
            offset, runs = what, runs + 1
        elif isinstance(what, str):
            text, offset, version = text[:offset] + what + text[offset:], offset + len(what), version + 1
            typed = "" if kind else what
        else:
            text, offset, version = text[: offset + what] + text[offset:], offset + what, version + 1
        document = Document(f"file:///{head['path']}", text, "python", version)
        states.append(Keystroke(at, document, offset, typed, kind != ["jump"], "", others))
        marks.append((runs, offset))
    return _foreseen(states, marks)


def _foreseen(states: list[Keystroke], marks: list[tuple[int, int]]) -> list[Keystroke]:
    """The states with what is to come, which the last state of each run shows."""
    last = {run: number for number, (run, _) in enumerate(marks)}
    seen = []
    for state, (run, offset) in zip(states, marks, strict=True):
        end = states[last[run]]
        seen.append(Keystroke(**vars(state) | {"coming": end.document.text[offset : max(offset, end.offset)]}))
    return seen


@dataclass(frozen=True)
class Engine:
    """What a model of some quality would answer, and when.

    Attributes:
        right: part of the answers that are wholly right.
        begun: part of those that begin right.
        fastest: seconds of the fastest answer; the slowest takes three times as long.
    """

    right: float = 0.4
    begun: float = 0.3
    fastest: float = 0.25

    def answer(self, state: Keystroke) -> str:
        """The text written for a state: some lines of what is to come, or what begins like it, or something else."""
        lines = state.coming.split("\n")
        truth, number = "\n".join(lines[:LINES]), self._number(state) % 1000 / 1000
        if truth and number < self.right:
            return truth
        if truth and number < self.right + self.begun:
            return truth[: 1 + self._number(state) // 1000 % 16] + "unforeseen(value)\n"
        return "unexpected(value)\n"

    def seconds(self, state: Keystroke) -> float:
        """How long the answer takes."""
        return self.fastest * (1 + self._number(state) // 7919 % 1000 / 500)

    def _number(self, state: Keystroke) -> int:
        return crc32(state.place.before[-200:].encode() + state.place.after[:50].encode())


@dataclass
class Tally:
    """What a replay counted.

    Attributes:
        calls: requests to the engine.
        cancelled: those of them that were given up.
        typed: characters typed one after the other.
        foretold: those that a proposal on the screen foretold.
        followed: states in which what was typed continued the proposal, and something of it was left.
        followed_by_call: those that were not answered at once.
        stale: proposals that would not have led to the text that was proposed.
        reached: states answered by an earlier request in flight.
        prompts: of the calls, in order.
    """

    calls: int = 0
    cancelled: int = 0
    typed: int = 0
    foretold: int = 0
    followed: int = 0
    followed_by_call: int = 0
    stale: int = 0
    reached: int = 0
    prompts: list[str] = field(default_factory=list)

    @property
    def shared(self) -> float:
        """Part of the prompts' text that is the beginning of the prompt before, over all successive requests."""
        pairs = list(pairwise(self.prompts))
        return sum(_alike(*pair) for pair in pairs) / sum(len(after) for _, after in pairs)


def _alike(one: str, other: str) -> int:
    """How many characters two texts share at their beginning."""
    differ = (number for number, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)
    return next(differ, min(len(one), len(other)))


class Client(Protocol):
    """What is replayed against: it is told each state, and of each alarm that it set."""

    shown: str
    tally: Tally

    def typed(self, state: Keystroke) -> None:
        """The document or the cursor changed."""

    def alarm(self, what: object, now: float) -> None:
        """The time that was asked for has come."""


class Clock:
    """Alarms in the order of their time."""

    def __init__(self) -> None:
        self._alarms: list[tuple[float, int, object]] = []
        self._numbers = count()

    def set(self, at: float, what: object) -> None:
        """Ask for an alarm."""
        heapq.heappush(self._alarms, (at, next(self._numbers), what))

    def due(self, until: float) -> Iterator[tuple[float, object]]:
        """Yield the alarms up to a time, those set meanwhile too."""
        while self._alarms and self._alarms[0][0] <= until:
            at, _, what = heapq.heappop(self._alarms)
            yield at, what


class DebounceOnly:
    """Asks when typing has stopped for some time, cancels on each keystroke, and keeps nothing.

    ``seconds`` is how long it waits; None for as long as ours does.
    """

    def __init__(self, clock: Clock, engine: Engine, seconds: float | None) -> None:
        self.tally, self.shown = Tally(), ""
        self._clock, self._engine, self._seconds, self._debounce = clock, engine, seconds, Debounce()
        self._state: Keystroke | None = None

    def typed(self, state: Keystroke) -> None:
        """Forget what was asked, and wait anew."""
        self._state, self.shown = state, ""
        if not state.is_edit or state.place.is_inside_word:
            return
        self._debounce.typed(state.at)
        delay = self._debounce.delay() if self._seconds is None else self._seconds
        self._clock.set(state.at + delay, (state, "ask"))

    def alarm(self, what: object, now: float) -> None:
        """Ask, or show, if nothing was typed since."""
        state, kind = what
        if state is not self._state:
            return
        if kind == "ask":
            self.tally.calls += 1
            self._clock.set(now + self._engine.seconds(state), (state, "answer"))
        else:
            self._debounce.answered(self._engine.seconds(state))
            self.shown = self._engine.answer(state)


class Ours:
    """``Completions``, driven as the language server drives it."""

    def __init__(self, clock: Clock, engine: Engine) -> None:
        self.tally, self.shown = Tally(), ""
        self._clock, self._engine, self._completions = clock, engine, Completions()
        self._state: Keystroke | None = None
        self._answers: list[tuple[Place, str]] = []
        self._waiting: Flight | None = None
        self._given_up: set[Flight] = set()

    def typed(self, state: Keystroke) -> None:
        """Ask for a completion at each edit."""
        follows = bool(self.shown) and bool(state.typed) and self.shown.startswith(state.typed)
        left = follows and self.shown != state.typed
        self._state, self.shown, self._waiting = state, "", None
        if state.is_edit:
            answer = self._ask(state.at)
            self.tally.followed += left
            self.tally.followed_by_call += left and not isinstance(answer, Hit)

    def _ask(self, now: float) -> Hit | Wait | Ask:
        state = self._state
        position = state.document.position(state.offset)
        answer = self._completions.ask(state.document, position, now, state.others)
        match answer:
            case Hit(text):
                self._show(text)
            case Wait(flight):
                self._waiting = flight
            case Ask():
                if answer.cancel:
                    self._given_up.add(answer.cancel)
                    self.tally.cancelled += 1
                self._clock.set(now + answer.delay, (state, answer))
        return answer

    def _show(self, text: str) -> None:
        self.shown, place = text, self._state.place
        if text and not any(_leads_to(place, text, origin, whole) for origin, whole in reversed(self._answers)):
            self.tally.stale += 1

    def alarm(self, what: object, now: float) -> None:
        """Begin what was advised, hand on a piece of an answer, or end it."""
        match what:
            case (Keystroke() as state, Ask() as ask):
                self._begin(state, ask, now)
            case (Flight() as flight, str(piece)) if flight not in self._given_up:
                self._completions.grew(flight, piece)
            case (Flight() as flight, None) if flight not in self._given_up:
                self._answers.append((flight.place, self._completions.finished(flight, now)))
                if self._waiting is flight:
                    self._waiting = None
                    self.tally.reached += isinstance(self._ask(now), Hit) and flight.place != self._state.place

    def _begin(self, state: Keystroke, ask: Ask, now: float) -> None:
        flight = self._completions.begin(ask, now)
        if flight is None:
            return
        self._waiting = flight
        self.tally.calls += 1
        told = context(ask.place, ask.others)
        self.tally.prompts.append(f"<prefix>{told.prefix}<suffix>{told.after}<middle>")
        text, seconds = self._engine.answer(state), self._engine.seconds(state)
        size = -(-len(text) // PIECES)
        for number, begin in enumerate(range(0, len(text), size), 1):
            self._clock.set(now + seconds * (0.4 + 0.6 * number / PIECES), (flight, text[begin : begin + size]))
        self._clock.set(now + seconds, (flight, None))


def _leads_to(place: Place, text: str, origin: Place, whole: str) -> bool:
    """Say whether a text inserted at a place gives what the proposal gave at its own, or how that begins."""
    proposed, inserted = origin.before + whole, place.before + text
    closing = place.after[: len(place.after) - len(origin.after)]
    return place.after == closing + origin.after and proposed.startswith(inserted + closing)


def replay(states: list[Keystroke], client: Client, clock: Clock) -> Tally:
    """Replay the whole trace against one client."""
    for state in states:
        for at, what in clock.due(state.at):
            client.alarm(what, at)
        if state.typed:
            client.tally.typed += len(state.typed)
            client.tally.foretold += len(state.typed) * client.shown.startswith(state.typed)
        client.typed(state)
    return client.tally
