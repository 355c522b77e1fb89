"""Reading what can be read of a Python text that does not parse, by blanking its broken statements."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

from codetune_core.detectors.blocks import Block, blanked, candidates, is_blank, rests
from codetune_core.detectors.ruff_server import Diagnostic
from codetune_core.domain.text import split_lines

_FEWEST, _MOST = 8, 24
_CHARACTERS = 1_500_000
"""Of text sent in all, which bounds the time: about 50 ms."""
_RESTS = 2
_SCATTERED = 6

Ask = Callable[[str], Awaitable[Sequence[Diagnostic]]]


@dataclass(frozen=True, slots=True)
class Reading:
    """What was said of the rest of a text.

    Attributes:
        diagnostics: positions are those of the whole text.
        unread: first and last lines of what had to be blanked, in order.
        nothing: no part of the text could be read.
    """

    diagnostics: tuple[Diagnostic, ...]
    unread: tuple[Block, ...]
    nothing: bool = False


async def read_rest(text: str, diagnostics: Sequence[Diagnostic], ask: Ask) -> Reading:
    """Blank the smallest block around each syntax error until the rest parses.

    Args:
        text: what does not parse.
        diagnostics: what was said of it, syntax errors among it.
        ask: says what there is to say of a text; asked a limited number of times.
    """
    return await _Reader(text, ask).read(diagnostics)


class _Reader:
    def __init__(self, text: str, ask: Ask) -> None:
        self._lines = split_lines(text)
        self._ask = ask
        self._left = max(_FEWEST, min(_MOST, _CHARACTERS // (len(text) + 1)))
        self._unread: list[Block] = []

    async def read(self, said: Sequence[Diagnostic]) -> Reading:
        said = await self._without_scattered(said)
        while error := _first_error(said):
            answer = await self._step(error)
            if answer is None:
                return Reading((), ((0, len(self._lines) - 1),), nothing=True)
            said = answer
        return Reading(tuple(said), _joined(self._unread), nothing=all(map(is_blank, self._lines)))

    async def _without_scattered(self, said: Sequence[Diagnostic]) -> Sequence[Diagnostic]:
        """Many errors are mostly one each: an old dialect, or the commands of a notebook."""
        places = sorted({diagnostic.range.start.line for diagnostic in said if diagnostic.is_syntax_error})
        if len(places) < _SCATTERED:
            return said
        lines = self._lines
        for place in reversed(places):
            lines = blanked(lines, (place, place))
        answer = await self._said(lines)
        if _first_error(answer):
            return said
        self._lines = lines
        self._unread = [(place, place) for place in places]
        return answer

    async def _step(self, first: Diagnostic) -> Sequence[Diagnostic] | None:
        """Blank what makes the first error go away, and say what is said of the rest; None where nothing does.

        A block that only moves the same error down may hold one error of several, or not the cause: it is taken where
        no block as small does better.
        """
        place = first.range.start.line
        moved: list[tuple[Block, Sequence[Diagnostic]]] = []
        for block in self._affordable(candidates(self._lines, place), spare=_RESTS):
            answer = await self._said(blanked(self._lines, block))
            error = _first_error(answer)
            if error and error.range.start.line <= max(place, block[1]):
                continue
            moved.append((block, answer))
            better = error is None or error.message != first.message
            if better and _size(block) <= _size(moved[0][0]):
                return self._take(block, answer)
        return self._take(*moved[0]) if moved else await self._cut_off(place)

    async def _cut_off(self, place: int) -> Sequence[Diagnostic] | None:
        for block in self._affordable(rests(self._lines, place)):
            answer = await self._said(blanked(self._lines, block))
            if _first_error(answer) is None:
                return self._take(block, answer)
        return None

    def _take(self, block: Block, answer: Sequence[Diagnostic]) -> Sequence[Diagnostic]:
        self._lines = blanked(self._lines, block)
        self._unread.append(block)
        return answer

    def _affordable(self, blocks: Iterable[Block], spare: int = 0) -> Iterator[Block]:
        return takewhile(lambda _: self._left > spare, blocks)

    async def _said(self, lines: Sequence[str]) -> Sequence[Diagnostic]:
        self._left -= 1
        return await self._ask("".join(lines))


def _first_error(diagnostics: Sequence[Diagnostic]) -> Diagnostic | None:
    errors = (diagnostic for diagnostic in diagnostics if diagnostic.is_syntax_error)
    return min(errors, key=lambda error: error.range.start, default=None)


def _size(block: Block) -> int:
    return block[1] - block[0]


def _joined(blocks: Iterable[Block]) -> tuple[Block, ...]:
    """The same lines in order, without overlaps."""
    joined: list[Block] = []
    for first, last in sorted(blocks):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
        else:
            joined.append((first, last))
    return tuple(joined)
