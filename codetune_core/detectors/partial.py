"""Reading what can be read of a Python text that does not parse, by blanking its broken statements."""

import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass

from codetune_core.detectors.ruff_server import Diagnostic
from codetune_core.domain.text import split_lines, without_end

_QUESTIONS = 24
_SCATTERED = 6
_TOKEN = re.compile(r"#[^\r\n]*|(\"\"\"|''')|\"(?:\\.|[^\"\\\r\n])*\"?|'(?:\\.|[^'\\\r\n])*'?|([(\[{])|([)\]}])")
_CLAUSE = re.compile(r"(?:else|elif|except|finally)\b|[)\]}]")
_STAND_IN, _HEADER = "pass", "if 1:"

Ask = Callable[[str], Awaitable[Sequence[Diagnostic]]]
Block = tuple[int, int]
"""First and last line."""


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
        self._left = _QUESTIONS
        self._unread: list[Block] = []

    async def read(self, said: Sequence[Diagnostic]) -> Reading:
        said = await self._without_scattered(said)
        while (place := _first_error(said)) is not None:
            answer = await self._step(place)
            if answer is None:
                return Reading((), ((0, len(self._lines) - 1),), nothing=True)
            said = answer
        return Reading(tuple(said), tuple(sorted(self._unread)), nothing=not _some_code(self._lines))

    async def _without_scattered(self, said: Sequence[Diagnostic]) -> Sequence[Diagnostic]:
        """Many errors are mostly one each: an old dialect, or the commands of a notebook."""
        places = sorted({diagnostic.range.start.line for diagnostic in said if diagnostic.is_syntax_error})
        if len(places) < _SCATTERED:
            return said
        lines = self._lines
        for place in reversed(places):
            lines = _blanked(lines, (place, place))
        answer = await self._said(lines)
        if _first_error(answer) is not None:
            return said
        self._lines = lines
        self._unread = [(place, place) for place in places]
        return answer

    async def _step(self, place: int) -> Sequence[Diagnostic] | None:
        """Blank what makes the error at a line go away, and say what is said of the rest."""
        for block in _candidates(self._lines, place):
            if self._left <= 0:
                return None
            if self._left <= len(_last_resorts(self._lines, place)) and block[1] < len(self._lines) - 1:
                continue
            trial = _blanked(self._lines, block)
            answer = await self._said(trial)
            error = _first_error(answer)
            if error is None or error > max(place, block[1]):
                self._lines = trial
                self._unread.append(block)
                return answer
        return None

    async def _said(self, lines: Sequence[str]) -> Sequence[Diagnostic]:
        self._left -= 1
        return await self._ask("".join(lines))


def _first_error(diagnostics: Sequence[Diagnostic]) -> int | None:
    """The first line that does not parse, None where all do."""
    return min((diagnostic.range.start.line for diagnostic in diagnostics if diagnostic.is_syntax_error), default=None)


def _some_code(lines: Sequence[str]) -> bool:
    return any(_is_code(line) and line.strip() not in (_STAND_IN, _HEADER) for line in lines)


def _blanked(lines: Sequence[str], block: Block) -> list[str]:
    """A copy in which a statement that does nothing stands for a block; what is deeper below becomes its body."""
    first, last = block
    below = _next_code(lines, last + 1)
    margin = _margin(lines, first)
    opens = below is not None and len(_indent(lines[below])) > len(margin)
    blank = [line[len(without_end(line)) :] for line in lines[first : last + 1]]
    return [*lines[:first], margin + (_HEADER if opens else _STAND_IN) + blank[0], *blank[1:], *lines[last + 1 :]]


def _margin(lines: Sequence[str], line: int) -> str:
    """Indentation at which a statement can stand on a line: its own, if that fits what stands above."""
    own, above = _indent(lines[line]), _previous_code(lines, line - 1)
    if above is None:
        return ""
    outer = _indent(lines[above])
    if lines[above].rstrip().endswith(":"):
        return own if len(own) > len(outer) else outer + " "
    while above is not None and len(_indent(lines[above])) > len(own):
        above = _previous_code(lines, above - 1)
    return own if above is not None and _indent(lines[above]) == own else outer


def _candidates(lines: Sequence[str], place: int) -> Iterator[Block]:
    """Blocks that may hold the cause of an error at a line, the likely and the small ones first."""
    seen: set[Block] = set()
    for block in _likely(lines, place):
        if block not in seen and block[0] <= block[1]:
            seen.add(block)
            yield block


def _likely(lines: Sequence[str], place: int) -> Iterator[Block]:
    here = _previous_code(lines, place)
    if here is None:
        return
    above = _previous_code(lines, here - 1)
    opened = _open_bracket(lines, here)
    if opened is not None:
        yield from ((opened, opened), (opened, here - 1), (opened, here))
    yield here, here
    if above is not None:
        yield from ((above, above), (above, here))
    around = [*(_headers(lines, above) if above is not None else ()), *_headers(lines, here)]
    yield from ((header, header) for header in around)
    yield from ((_decorated(lines, header), _block_end(lines, header)) for header in around)
    start = _chunk_start(lines, here)
    if above is not None:
        yield _chunk_start(lines, min(above, max(start - 1, 0))), _block_end(lines, start)
    yield from _last_resorts(lines, place)


def _last_resorts(lines: Sequence[str], place: int) -> list[Block]:
    start = _chunk_start(lines, place)
    return [(start, len(lines) - 1), (_chunk_start(lines, max(start - 1, 0)), len(lines) - 1)]


def _headers(lines: Sequence[str], line: int) -> Iterator[int]:
    """The line itself, and above it the lines that begin the blocks around it, the inner before the outer."""
    yield line
    margin = len(_indent(lines[line]))
    for above in range(line - 1, -1, -1):
        width = len(_indent(lines[above]))
        if (
            not _is_code(lines[above])
            or width > margin
            or (width == margin and not _CLAUSE.match(lines[line].lstrip()))
        ):
            continue
        if width < margin or not _CLAUSE.match(lines[above].lstrip()):
            yield above
            line, margin = above, width
            if not margin:
                return


def _block_end(lines: Sequence[str], header: int) -> int:
    """Last line of the block that a line begins, with its further clauses."""
    margin = len(_indent(lines[header]))
    end = header
    for number in range(header + 1, len(lines)):
        if not _is_code(lines[number]):
            continue
        width = len(_indent(lines[number]))
        if width < margin or (width == margin and not _CLAUSE.match(lines[number].lstrip())):
            break
        end = number
    return end


def _decorated(lines: Sequence[str], header: int) -> int:
    while header and lines[header - 1].lstrip().startswith("@"):
        header -= 1
    return header


def _chunk_start(lines: Sequence[str], line: int) -> int:
    """First line of the top-level statement around a line, decorators included."""
    for number in range(line, 0, -1):
        text = lines[number]
        if _is_code(text) and not _indent(text) and not _CLAUSE.match(text):
            return _decorated(lines, number)
    return 0


def _open_bracket(lines: Sequence[str], line: int) -> int | None:
    """Line of the outermost bracket still open at the start or the end of a line, None where there is none."""
    first = _chunk_start(lines, max(_chunk_start(lines, line) - 1, 0))
    text = "".join(lines[first : line + 1])
    before = len(text) - len(lines[line])
    open_at: list[int] = []
    done, outermost = 0, None
    while found := _TOKEN.search(text, done):
        if outermost is None and found.start() >= before and open_at:
            outermost = open_at[0]
        done = found.end()
        if found[1]:
            end = text.find(found[1], done)
            done = end + 3 if end >= 0 else len(text)
        elif found[2]:
            open_at.append(found.start())
        elif found[3] and open_at:
            open_at.pop()
    outermost = open_at[0] if outermost is None and open_at else outermost
    return None if outermost is None else first + len(split_lines(text[:outermost])) - 1


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t\f"))]


def _is_code(line: str) -> bool:
    stripped = line.strip()
    return bool(stripped) and not stripped.startswith("#")


def _next_code(lines: Sequence[str], line: int) -> int | None:
    return next((number for number in range(line, len(lines)) if _is_code(lines[number])), None)


def _previous_code(lines: Sequence[str], line: int) -> int | None:
    return next((number for number in range(line, -1, -1) if _is_code(lines[number])), None)
