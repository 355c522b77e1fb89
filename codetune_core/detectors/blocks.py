"""Lines of a Python text as blocks, told by indentation and brackets, so that broken text has them too."""

import re
from collections.abc import Iterator, Sequence

from codetune_core.domain.text import split_lines, without_end

_TOKEN = re.compile(r"#[^\r\n]*|(\"\"\"|''')|\"(?:\\.|[^\"\\\r\n])*\"?|'(?:\\.|[^'\\\r\n])*'?|([(\[{])|([)\]}])")
_CLAUSE = re.compile(r"(?:else|elif|except|finally)\b|[)\]}]")
_STAND_IN, _HEADER = "pass", "if 1:"

Block = tuple[int, int]
"""First and last line."""


def is_blank(line: str) -> bool:
    """Whether a line says nothing: empty, a comment, or what stands for a blanked block."""
    return not _is_code(line) or line.strip() in (_STAND_IN, _HEADER)


def blanked(lines: Sequence[str], block: Block) -> list[str]:
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


def candidates(lines: Sequence[str], place: int) -> Iterator[Block]:
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


def rests(lines: Sequence[str], place: int) -> list[Block]:
    """All from the top-level statement around a line on, and all from the one before it on."""
    start = _chunk_start(lines, place)
    return [(start, len(lines) - 1), (_chunk_start(lines, max(start - 1, 0)), len(lines) - 1)]


def _headers(lines: Sequence[str], line: int) -> Iterator[int]:
    """The line itself, and above it the lines that begin the blocks around it, the inner before the outer."""
    yield line
    margin = len(_indent(lines[line]))
    for above in range(line - 1, -1, -1):
        width = len(_indent(lines[above]))
        if not _is_code(lines[above]) or width > margin or (width == margin and not _continues(lines[line])):
            continue
        if width < margin or not _continues(lines[above]):
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
        if width < margin or (width == margin and not _continues(lines[number])):
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
        if _is_code(text) and not _indent(text) and not _continues(text):
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


def _continues(line: str) -> bool:
    """Whether a line belongs to the statement above it though it is no deeper: a further clause, a closing bracket."""
    return bool(_CLAUSE.match(line.lstrip()))


def _next_code(lines: Sequence[str], line: int) -> int | None:
    return next((number for number in range(line, len(lines)) if _is_code(lines[number])), None)


def _previous_code(lines: Sequence[str], line: int) -> int | None:
    return next((number for number in range(line, -1, -1) if _is_code(lines[number])), None)
