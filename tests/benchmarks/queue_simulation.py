"""Simulates the queue of the service before its graphics processors: how long developers wait, and how many it takes.

    python tests/benchmarks/queue_simulation.py --developers 1000
    python tests/benchmarks/queue_simulation.py --developers 1000 --gpus 4 --full-tokens 1500 --explicit 10,4000,500,0
    python tests/benchmarks/queue_simulation.py --table           # the table of docs/scale.md

Requests come at random (Poisson). Each replica admits them with the service's own queue (FairQueue: priorities, fair
by user, bounded), and drops what waited past its deadline. A processor reads prompts one after the other, and writes
to all its streams at once: a lone stream gets `--stream-tokens` a second, all streams of a full batch together
`--full-tokens`, with a slowdown that grows linearly in between. While a prompt is read, what is written gets the rest
of the processor. tests/benchmarks/test_queue_simulation.py holds all of this against what queueing theory knows.
"""

import argparse
import heapq
import math
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parents[2] / "remote"))  # without installation

from codetune_core.domain.execution import Priority
from codetune_remote.admission.queue import FairQueue, QueueFull

READING_SHARE = 0.7
"""Of a processor, where it has prompts to read and streams to write: engines read in pieces between two tokens."""
PAGE = Path(__file__).parents[2] / "docs" / "scale.md"
BEGIN, END = "<!-- queue -->", "<!-- end of queue -->"
SIZES = (10, 30, 100, 300, 1000, 3000, 10_000)


@dataclass(frozen=True)
class Kind:
    """One kind of request: how many a developer makes in the busiest hour, and what each takes.

    ``cached`` is the share that is answered from the cache, ``deadline`` the seconds after which nobody wants it.
    """

    priority: Priority
    per_hour: float
    prompt: float
    output: float
    cached: float
    deadline: float = math.inf


@dataclass(frozen=True)
class Numbers:
    """What is simulated; the defaults are estimates (docs/scale.md says from what), to be replaced by measured ones.

    Attributes:
        streams: that a processor's engine runs at once.
        stream_tokens: a second that a lone stream gets.
        full_tokens: a second that all streams together get where the batch is full.
        prompt_tokens: a second that are read.
        known: share of a prompt that the engine has read before (prefix cache).
        exact: lengths are what they are on average; else they are drawn from an exponential distribution.
    """

    developers: int = 100
    gpus: int = 1
    replicas: int = 1
    kinds: tuple[Kind, ...] = (
        Kind(Priority.TYPING, 40, 1500, 30, 0.15, 2),
        Kind(Priority.EXPLICIT, 6, 3000, 350, 0.05),
        Kind(Priority.BACKGROUND, 10, 4000, 250, 0.6),
    )
    streams: int = 32
    stream_tokens: float = 90
    full_tokens: float = 2300
    prompt_tokens: float = 9000
    known: float = 0.5
    queue: int = 256
    queue_per_user: int = 64
    exact: bool = False

    @property
    def slowdown(self) -> float:
        """Of each stream, for each other one."""
        return (self.streams * self.stream_tokens / self.full_tokens - 1) / max(self.streams - 1, 1)

    @property
    def load(self) -> float:
        """Processors that would be busy all the time, were they always full."""
        per_second = self.developers / 3600
        reading = (kind.prompt * (1 - self.known) / self.prompt_tokens for kind in self.kinds)
        writing = (kind.output / self.full_tokens for kind in self.kinds)
        work = zip(self.kinds, reading, writing, strict=True)
        return sum(per_second * kind.per_hour * (1 - kind.cached) * (read + write) for kind, read, write in work)


@dataclass
class Request:
    """One request; moments are seconds."""

    kind: Kind
    came: float
    reading: float
    writing: float
    number: int = 0
    home: int = 0
    started: float = math.nan
    first: float = math.nan
    done: float = math.nan


@dataclass
class Gpu:
    """One graphics processor: prompts in turn, streams together."""

    slowdown: float
    now: float = 0.0
    reading: deque[Request] = field(default_factory=deque)
    left: float = 0.0
    """Of the prompt that is read, in seconds of the whole processor."""
    written: float = 0.0
    """Seconds of a lone stream that each stream has got since the beginning."""
    streams: list[tuple[float, int, Request]] = field(default_factory=list)
    _count: int = 0

    @property
    def load(self) -> int:
        return len(self.reading) + len(self.streams)

    def rates(self) -> tuple[float, float]:
        """Speed of reading, and of each stream against a lone one."""
        reading = (READING_SHARE if self.streams else 1.0) if self.reading else 0.0
        number = len(self.streams)
        return reading, (1 - reading) / (1 + (number - 1) * self.slowdown) if number else 0.0

    def take(self, request: Request) -> None:
        self.reading.append(request)
        if len(self.reading) == 1:
            self.left = request.reading

    def next_event(self) -> float:
        reading, writing = self.rates()
        read = self.now + self.left / reading if self.reading else math.inf
        wrote = self.now + max(self.streams[0][0] - self.written, 0) / writing if writing else math.inf
        return min(read, wrote)

    def advance(self, to: float) -> None:
        reading, writing = self.rates()
        self.left -= (to - self.now) * reading
        self.written += (to - self.now) * writing
        self.now = to

    def finish(self) -> list[Request]:
        """Move on what is read, and return what is written, at this moment."""
        if self.reading and self.left <= 1e-9:
            request = self.reading.popleft()
            request.first = self.now
            self._count += 1
            heapq.heappush(self.streams, (self.written + request.writing, self._count, request))
            self.left = self.reading[0].reading if self.reading else 0.0
        done = []
        while self.streams and self.streams[0][0] - self.written <= 1e-9:
            done.append(heapq.heappop(self.streams)[2])
        return done


@dataclass
class Result:
    """What came of it: the requests that were answered, by kind, and how many were not."""

    answered: dict[Priority, list[Request]]
    refused: int = 0
    expired: int = 0
    came: int = 0

    def wait(self, priority: Priority, share: float) -> float:
        """Percentile of the seconds in the queue."""
        return percentile([one.started - one.came for one in self.answered[priority]], share)

    def first_token(self, priority: Priority, share: float) -> float:
        """Percentile of the seconds to the first token."""
        return percentile([one.first - one.came for one in self.answered[priority]], share)

    def total(self, priority: Priority, share: float) -> float:
        """Percentile of the seconds to the end."""
        return percentile([one.done - one.came for one in self.answered[priority]], share)

    @property
    def lost(self) -> float:
        """Share that was refused (429) or too late."""
        return (self.refused + self.expired) / max(self.came, 1)


class Simulation:
    """One run."""

    def __init__(self, numbers: Numbers, seconds: float, seed: int) -> None:
        self._numbers, self._seconds, self._random = numbers, seconds, Random(seed)
        self._gpus = [Gpu(numbers.slowdown) for _ in range(numbers.gpus)]
        slots = max(numbers.streams * numbers.gpus // numbers.replicas, 1)
        rooms = numbers.queue, numbers.queue_per_user
        self._queues: list[FairQueue[int]] = [FairQueue(slots, *rooms) for _ in range(numbers.replicas)]
        self._requests: dict[int, Request] = {}
        self._events: list[tuple[float, int]] = []
        self._upcoming = [math.inf] * numbers.gpus
        self._warm = seconds / 10
        self._result = Result({kind.priority: [] for kind in numbers.kinds})

    def run(self) -> Result:
        """Simulate, and measure all but the first tenth."""
        for moment, request in self._arrivals():
            while self._events and self._events[0][0] <= moment:
                when, index = heapq.heappop(self._events)
                # An event of a processor that changed since is not its next one any more.
                if when == self._upcoming[index]:
                    self._progress(index, when)
            self._arrive(moment, request)
        return self._result

    def _arrivals(self) -> Iterator[tuple[float, Request]]:
        numbers, kinds = self._numbers, self._numbers.kinds
        rates = [numbers.developers * kind.per_hour * (1 - kind.cached) / 3600 for kind in kinds]
        moment = 0.0
        while (moment := moment + self._random.expovariate(sum(rates))) < self._seconds:
            kind = self._random.choices(kinds, rates)[0]
            reading = self._drawn(kind.prompt * (1 - numbers.known) / numbers.prompt_tokens)
            writing = self._drawn(kind.output / numbers.stream_tokens)
            yield moment, Request(kind, moment, reading, writing, self._random.getrandbits(64))

    def _drawn(self, mean: float) -> float:
        return mean if self._numbers.exact or not mean else self._random.expovariate(1 / mean)

    def _arrive(self, moment: float, request: Request) -> None:
        counted = moment >= self._warm
        self._result.came += counted
        request.home = self._random.randrange(len(self._queues))
        user = str(self._random.randrange(self._numbers.developers))
        self._requests[request.number] = request
        try:
            runs = self._queues[request.home].enter(request.number, user, request.kind.priority)
        except QueueFull:
            del self._requests[request.number]
            self._result.refused += counted
            return
        if runs:
            self._start(request, moment)

    def _start(self, request: Request, moment: float) -> None:
        request.started = moment
        index = min(range(len(self._gpus)), key=lambda gpu: self._gpus[gpu].load)
        self._gpus[index].advance(moment)
        self._gpus[index].take(request)
        self._schedule(index)

    def _schedule(self, index: int) -> None:
        self._upcoming[index] = self._gpus[index].next_event()
        heapq.heappush(self._events, (self._upcoming[index], index))

    def _progress(self, index: int, moment: float) -> None:
        gpu = self._gpus[index]
        gpu.advance(moment)
        for request in gpu.finish():
            request.done = moment
            if request.came >= self._warm:
                self._result.answered[request.kind.priority].append(request)
            self._follow(request.number, moment)
        self._schedule(index)

    def _follow(self, number: int | None, moment: float) -> None:
        """Let one go, and start the next whose deadline has not passed."""
        while number is not None:
            request = self._requests.pop(number)
            number = self._queues[request.home].leave(number)
            if number is None:
                return
            following = self._requests[number]
            if moment - following.came <= following.kind.deadline:
                self._start(following, moment)
                return
            self._result.expired += following.came >= self._warm


def simulate(numbers: Numbers, seconds: float = 0, seed: int = 1) -> Result:
    """Simulate some seconds; 0 for as many as bring 30,000 requests, three minutes at least."""
    rate = sum(numbers.developers * kind.per_hour * (1 - kind.cached) / 3600 for kind in numbers.kinds)
    return Simulation(numbers, seconds or max(180, 30_000 / rate), seed).run()


def percentile(values: list[float], share: float) -> float:
    """Return the value that this share of all does not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)] if ordered else math.nan


def good(result: Result) -> bool:
    """Whether people would call it quick: the budgets of docs/scale.md."""
    slow = {Priority.TYPING: 0.5, Priority.EXPLICIT: 2.0}
    quick = all(result.first_token(priority, 0.95) <= most for priority, most in slow.items())
    return quick and result.lost <= 0.001


def enough(numbers: Numbers, seconds: float = 0) -> tuple[Numbers, Result]:
    """Return the fewest processors that are quick enough: found by halving, since more of them are never slower."""
    tried: dict[int, Result] = {}

    def held(gpus: int) -> Numbers:
        return replace(numbers, gpus=gpus, replicas=max(numbers.replicas, math.ceil(gpus / 8)))

    def does(gpus: int) -> bool:
        tried[gpus] = simulate(held(gpus), seconds)
        return good(tried[gpus])

    too_few, most = max(math.ceil(numbers.load), 1) - 1, max(math.ceil(numbers.load), 1)
    while not does(most):
        too_few, most = most, math.ceil(most * 1.3) + 1
    while most - too_few > 1:
        middle = (too_few + most) // 2
        too_few, most = (too_few, middle) if does(middle) else (middle, most)
    return held(most), tried[most]


def table(numbers: Numbers, sizes: Iterable[int] = SIZES) -> list[str]:
    """Return rows of Markdown: what each number of developers needs."""
    head = (
        "| developers | requests a second | processors | replicas | load | typing: first token, p50 / p95 | "
        "explicit: first token, p50 / p95 | explicit: all of it, p95 | in the queue, p99 (explicit) |"
    )
    rows = [head, "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"]
    for developers in sizes:
        held, result = enough(replace(numbers, developers=developers))
        rate = sum(developers * kind.per_hour for kind in held.kinds) / 3600
        typing, explicit = Priority.TYPING, Priority.EXPLICIT
        rows.append(
            f"| {developers:,} | {rate:.3g} | {held.gpus} | {held.replicas} | {held.load / held.gpus:.0%} | "
            f"{result.first_token(typing, 0.5):.2f} / {result.first_token(typing, 0.95):.2f} s | "
            f"{result.first_token(explicit, 0.5):.2f} / {result.first_token(explicit, 0.95):.2f} s | "
            f"{result.total(explicit, 0.95):.1f} s | {result.wait(explicit, 0.99):.2f} s |"
        )
    return rows


def report(numbers: Numbers, result: Result) -> str:
    """Say what came of one simulation."""
    lost = f"{result.refused} of {result.came:,} refused, {result.expired} too late"
    there = f"{numbers.gpus} graphics processors, {numbers.replicas} replicas"
    lines = [
        f"{numbers.developers:,} developers, {there}: load {numbers.load / numbers.gpus:.0%}, {lost}",
        f"{'':<12}{'queue p50':>11}{'p95':>8}{'p99':>8}{'first token p50':>18}{'p95':>8}{'all p95':>10}",
    ]
    for priority in result.answered:
        waits = "".join(f"{result.wait(priority, share):8.2f}" for share in (0.95, 0.99))
        firsts = f"{result.first_token(priority, 0.5):18.2f}{result.first_token(priority, 0.95):8.2f}"
        start = f"{priority.name.lower():<12}{result.wait(priority, 0.5):11.2f}{waits}"
        lines.append(f"{start}{firsts}{result.total(priority, 0.95):10.1f}")
    return "\n".join(lines)


def _read(arguments: list[str]) -> argparse.Namespace:
    usual = Numbers()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("developers", "replicas", "streams", "queue", "queue_per_user"):
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=getattr(usual, name))
    for name in ("stream_tokens", "full_tokens", "prompt_tokens", "known"):
        parser.add_argument(f"--{name.replace('_', '-')}", type=float, default=getattr(usual, name))
    parser.add_argument("--gpus", type=int, default=0, help="0 for as few as are quick enough")
    parser.add_argument("--table", action="store_true", help="write the table of docs/scale.md anew")
    for kind in usual.kinds:
        shown = f"{kind.per_hour:g},{kind.prompt:g},{kind.output:g},{kind.cached:g}"
        what = "requests of a developer in the busiest hour, tokens of a prompt, of an answer, share from the cache"
        parser.add_argument(f"--{kind.priority.name.lower()}", default=shown, help=f"{what} ({shown})")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> None:
    """Simulate what the command line says."""
    asked = _read(arguments)
    names = set(Numbers.__dataclass_fields__) & set(vars(asked)) - {"gpus"}
    numbers = Numbers(**{name: getattr(asked, name) for name in names})
    kinds = []
    for kind in numbers.kinds:
        given = (float(part) for part in getattr(asked, kind.priority.name.lower()).split(","))
        per_hour, prompt, output, cached = given
        kinds.append(replace(kind, per_hour=per_hour, prompt=prompt, output=output, cached=cached))
    numbers = replace(numbers, kinds=tuple(kinds))
    if asked.table:
        text = PAGE.read_text("utf-8")
        before, _, rest = text.partition(BEGIN)
        _, _, after = rest.partition(END)
        PAGE.write_text(f"{before}{BEGIN}\n" + "\n".join(table(numbers)) + f"\n{END}{after}", "utf-8")
        return
    if asked.gpus:
        numbers = replace(numbers, gpus=asked.gpus)
        print(report(numbers, simulate(numbers)))
    else:
        print(report(*enough(numbers)))


if __name__ == "__main__":
    main(sys.argv[1:])
