"""The state of a user's inline completions: a request is answered from what is known, waits for what runs, or asks."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from codetune_core.completion.context import Budget, Context, context
from codetune_core.completion.debounce import Debounce
from codetune_core.completion.place import Place
from codetune_core.completion.postprocess import clean
from codetune_core.completion.reuse import Completion, Flight
from codetune_core.domain.document import Document
from codetune_core.domain.text import Position

_REMEMBERED = 16


@dataclass(frozen=True, slots=True)
class Hit:
    """Insert this at the cursor; empty where it is known that there is nothing to propose.

    ``source`` is that of the flight which brought it.
    """

    text: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class Wait:
    """Ask again when this flight is over, or answer nothing once the user has typed on."""

    flight: Flight


@dataclass(frozen=True)
class Ask:
    """Wait ``delay`` seconds for another keystroke, then ``Completions.begin``; at once cancel ``cancel``."""

    place: Place
    delay: float
    cancel: Flight | None
    others: tuple[Document, ...]
    budget: Budget

    @cached_property
    def context(self) -> Context:
        """What the model is told; computed where it is first read, which can be while one waits."""
        return context(self.place, self.others, self.budget)


class Completions:
    """What is known of one user's completions: no I/O, and every time is given.

    For each request of the editor: ``ask``. After an ``Ask`` and its delay ``begin`` says whether it still holds; then
    ``grew`` with each piece of the answer, and ``finished`` or ``gave_up``, and ``ask`` once more for whoever waits.
    Not for use by several threads.
    """

    def __init__(self, budget: Budget | None = None) -> None:
        self.debounce = Debounce()
        self._budget = budget or Budget()
        self._known: deque[Completion] = deque(maxlen=_REMEMBERED)
        self._flight: Flight | None = None
        self._last: Place | None = None
        self._pending: Ask | None = None
        self._typed_at = float("-inf")

    def ask(
        self,
        document: Document,
        position: Position,
        now: float,
        others: Iterable[Document] = (),
        *,
        invoked: bool = False,
    ) -> Hit | Wait | Ask:
        """Say what to do for a completion at a position.

        Args:
            document: as the editor has it now.
            position: of the cursor.
            now: seconds of any clock that only goes forward.
            others: other open documents, the last used first.
            invoked: the user asked for it by a key: there is no delay, and inside of a word is a place too.
        """
        place = Place.of(document, position)
        deleting = self._note(place, now)
        self._pending = None
        if (known := self.known(place)) is not None:
            return known
        if not invoked and (place.is_inside_word or not document.text.strip()):
            return Hit("")
        if self._flight and self._flight.may_fit(place):
            return Wait(self._flight)
        cancel, self._flight = self._flight, None
        delay = 0.0 if invoked else max(0.0, self.debounce.delay(deleting=deleting) - (now - self._typed_at))
        self._pending = Ask(place, delay, cancel, tuple(others), self._budget)
        return self._pending

    def known(self, place: Place) -> Hit | None:
        """What is left of a completion that came before and continues this place, the latest one; None without one."""
        rests = ((completion.rest(place), completion.source) for completion in reversed(self._known))
        return next((Hit(rest, source) for rest, source in rests if rest is not None), None)

    def begin(self, ask: Ask, now: float) -> Flight | None:
        """Begin what ``ask`` advised; None where another request has come since: answer this one with nothing."""
        if self._pending is not ask:
            return None
        self._pending = None
        self._flight = Flight(ask.place, now)
        return self._flight

    def grew(self, flight: Flight, piece: str) -> bool:
        """Take note of a piece of the answer; True where what came is enough, so that the engine can be stopped."""
        flight.text += piece
        return "\n" in piece and clean(flight.text, flight.place, ended=False).is_whole

    def finished(self, flight: Flight, now: float, *, truncated: bool = False) -> str:
        """Keep the answer, which was told by ``grew``, and return what to insert at the flight's own place.

        Args:
            flight: that is over.
            now: seconds of the same clock as in ``ask``.
            truncated: the model was stopped by the number of tokens.
        """
        self.debounce.answered(now - flight.begun)
        self._over(flight)
        text = clean(flight.text, flight.place, ended=not truncated).text
        self._known.append(Completion(flight.place, text, flight.source))
        return text

    def gave_up(self, flight: Flight) -> None:
        """Forget a flight that was cancelled or failed."""
        self._over(flight)

    def _over(self, flight: Flight) -> None:
        if self._flight is flight:
            self._flight = None

    def _note(self, place: Place, now: float) -> bool:
        """Learn from what changed since the last request; say whether it was a deletion."""
        last, self._last = self._last, place
        if last is None or last.uri != place.uri or last == place:
            self._typed_at = now if last is None or last.uri != place.uri else self._typed_at
            return False
        self.debounce.typed(now)
        self._typed_at = now
        return len(place.before) < len(last.before) and last.before.startswith(place.before)
