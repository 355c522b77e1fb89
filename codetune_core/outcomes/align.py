"""Which lines of a text are which lines of a later one."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from itertools import pairwise, takewhile

from codetune_core.domain.text import without_end

_MOST_PAIRS = 4_000_000
"""Of lines that are compared one by one: 2,000 on each side."""


def places(old: Sequence[str], new: Sequence[str], moving: Iterable[str] = ()) -> list[int]:
    """Where each line of a text is in a later one, whatever its indentation: growing numbers, -1 for those gone.

    Lines that both have at their beginning and end are the same; then those that each has once, in the longest order
    that both share (patience diff, Bram Cohen), unless they are ``moving``; between these, the longest runs,
    unless there is too much to compare. Empty lines in between are nowhere.
    """
    head = common(old, new)
    tail = common(old[head:][::-1], new[head:][::-1])
    found = [*range(head), *[-1] * (len(old) - head - tail), *range(len(new) - tail, len(new))]
    keys = _keys(old), _keys(new)
    unfit = {"", *_keys(moving)}
    anchors = _anchors(*(_unique(lines, range(head, len(lines) - tail), unfit) for lines in keys))
    for at, place in anchors:
        found[at] = place
    edges = [(head - 1, head - 1), *anchors, (len(old) - tail, len(new) - tail)]
    for (one, other), (next_one, next_other) in pairwise(edges):
        for at, place in _runs(*keys, range(one + 1, next_one), range(other + 1, next_other)):
            found[at] = place
    return found


def common(one: Sequence[str], other: Sequence[str]) -> int:
    """Number of lines that two texts have in common at their beginning, whatever their ends."""
    pairs = zip(one, other, strict=False)
    return sum(1 for _ in takewhile(lambda pair: without_end(pair[0]) == without_end(pair[1]), pairs))


def _keys(lines: Iterable[str]) -> list[str]:
    return ["".join(line.split()) for line in lines]


def _unique(keys: Sequence[str], part: range, unfit: set[str]) -> dict[str, int]:
    """Return the lines that stand once in a part, and where."""
    times = Counter(keys[at] for at in part)
    return {keys[at]: at for at in part if times[keys[at]] == 1 and keys[at] not in unfit}


def _anchors(old: dict[str, int], new: dict[str, int]) -> list[tuple[int, int]]:
    """Return the longest sequence of common lines whose numbers grow in both."""
    pairs = [(at, new[key]) for key, at in old.items() if key in new]
    tops: list[int] = []
    ends: list[int] = []
    before: list[int] = []
    for number, (_, place) in enumerate(pairs):
        pile = bisect_left(tops, place)
        tops[pile : pile + 1] = [place]
        ends[pile : pile + 1] = [number]
        before.append(ends[pile - 1] if pile else -1)
    chain, number = [], ends[-1] if ends else -1
    while number >= 0:
        chain.append(pairs[number])
        number = before[number]
    return chain[::-1]


def _runs(old: Sequence[str], new: Sequence[str], here: range, there: range) -> Iterator[tuple[int, int]]:
    if not here or not there:
        return
    ours, theirs = ([at for at in part if keys[at]] for keys, part in ((old, here), (new, there)))
    if len(ours) * len(theirs) > _MOST_PAIRS:
        return
    matcher = SequenceMatcher(None, [old[at] for at in ours], [new[at] for at in theirs])
    for one, other, size in matcher.get_matching_blocks():
        yield from zip(ours[one : one + size], theirs[other : other + size], strict=True)
