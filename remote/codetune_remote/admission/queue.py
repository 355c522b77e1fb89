"""Who runs and who waits: bounded, by priority, and fair between users; pure, without clocks or tasks."""

from collections import Counter, OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from codetune_core.domain.execution import Priority

PATIENCE = 32
"""A priority that waits is passed over at most this often before one of its items goes first."""
Item = TypeVar("Item", bound=Hashable)


class QueueFull(Exception):  # noqa: N818 - it is no error
    """There is no room to wait; ``of_user`` where it is the user's own share that is full."""

    def __init__(self, *, of_user: bool) -> None:
        super().__init__("the queue is full")
        self.of_user = of_user


@dataclass(frozen=True, slots=True)
class _Place:
    user: str
    priority: Priority


class FairQueue(Generic[Item]):
    """At most ``slots`` items run; at most ``room`` wait, ``room_per_user`` of each user.

    Higher priorities go first, but none is passed over more than PATIENCE times in a row (plus one for each other
    priority that ran out of patience too). Within a priority goes the user who has the fewest items running, of equal
    ones who was served longest ago; each user's items go in order. Background items fill no more than half of the
    room, so that work in bulk never keeps out who waits for an answer.
    """

    def __init__(self, slots: int, room: int, room_per_user: int) -> None:
        self._slots = slots
        self._room = room
        self._room_per_user = room_per_user
        self._running: dict[Item, str] = {}
        self._running_of: Counter[str] = Counter()
        self._places: dict[Item, _Place] = {}
        self._waiting_of: Counter[str] = Counter()
        self._turns = 0
        self._last_turn: dict[str, int] = {}
        self._lanes: dict[Priority, OrderedDict[str, OrderedDict[Item, None]]] = {
            priority: OrderedDict() for priority in Priority
        }
        self._passed = dict.fromkeys(Priority, 0)

    @property
    def running(self) -> int:
        """How many run."""
        return len(self._running)

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._places)

    def waiting_of(self, user: str) -> int:
        """Return how many of a user wait."""
        return self._waiting_of[user]

    def waiting_at(self, priority: Priority) -> int:
        """Return how many of a priority wait."""
        return sum(map(len, self._lanes[priority].values()))

    def enter(self, item: Item, user: str, priority: Priority) -> bool:
        """Take an item in, and tell whether it runs at once; raises QueueFull."""
        if self.running < self._slots:  # then nothing waits
            self._run(item, user)
            return True
        self._refuse_too_many(user, priority)
        self._places[item] = _Place(user, priority)
        self._waiting_of[user] += 1
        self._lanes[priority].setdefault(user, OrderedDict())[item] = None
        return False

    def leave(self, item: Item) -> Item | None:
        """Let an item go, whether it ran or waited, and return the one that runs in its stead."""
        following = None
        if item in self._places:
            user = self._take(item)
        elif item in self._running:
            user = self._running.pop(item)
            self._running_of[user] -= 1
            following = self._promote()
        else:
            return None
        if not self._running_of[user] and not self._waiting_of[user]:
            for known in (self._last_turn, self._running_of, self._waiting_of):
                known.pop(user, None)
        return following

    def _refuse_too_many(self, user: str, priority: Priority) -> None:
        if self._waiting_of[user] >= self._room_per_user:
            raise QueueFull(of_user=True)
        in_bulk = priority is Priority.BACKGROUND
        if self.waiting >= self._room or (in_bulk and self.waiting_at(priority) >= -(-self._room // 2)):
            raise QueueFull(of_user=False)

    def _promote(self) -> Item | None:
        lane = self._next_lane()
        if lane is None:
            return None
        user = min(lane, key=lambda name: (self._running_of[name], self._last_turn.get(name, 0)))
        item = next(iter(lane[user]))
        self._take(item)
        self._run(item, user)
        return item

    def _next_lane(self) -> OrderedDict[str, OrderedDict[Item, None]] | None:
        waiting = [priority for priority in Priority if self._lanes[priority]]
        if not waiting:
            return None
        longest = max(waiting, key=lambda priority: self._passed[priority])
        chosen = longest if self._passed[longest] >= PATIENCE else waiting[0]
        for priority in waiting:
            self._passed[priority] += 1
        self._passed[chosen] = 0
        return self._lanes[chosen]

    def _run(self, item: Item, user: str) -> None:
        self._running[item] = user
        self._running_of[user] += 1
        self._turns += 1
        self._last_turn[user] = self._turns

    def _take(self, item: Item) -> str:
        """Take an item out of those that wait, and return its user."""
        place = self._places.pop(item)
        self._waiting_of[place.user] -= 1
        lane = self._lanes[place.priority]
        del lane[place.user][item]
        if not lane[place.user]:
            del lane[place.user]
        if not lane:
            self._passed[place.priority] = 0
        return place.user
