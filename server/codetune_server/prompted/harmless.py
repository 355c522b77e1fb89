"""A model's Markdown made to lead nowhere: no image, link, formula or HTML outside of code, whatever shows it.

What is code has to be known exactly, as all else is switched off: blocks in fences and spans on one line are written so
that no reader of Markdown can see them begin or end elsewhere (CommonMark 0.31, sections 4.5, 6.1 and 6.3), and each
backtick and fence that is left over is escaped.
"""

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence

from codetune_core.model_reviewer.hidden import shown

_OPENS = re.compile(r"(?P<indent>[ \t]*)(?:(?P<ticks>`{3,}+)(?=[^`]*$)|(?P<tildes>~{3,}+))[ \t]*(?P<info>[\w+#.-]*)")
_RUN = re.compile(r"`+")
_CELLS = frozenset(" \t>|:.)*+-0123456789")
"""What the line below a table's head consists of; bars end code there (GitHub Flavored Markdown 0.29, section 4.10)."""
_ACTIVE = re.compile(
    r"(?P<kept>\\[!-/:-@\[-`{-~])|(?P<ticks>`+)|(?P<cut>!(?=\[)|<(?=\S)|\$|(?<=[\w.+-])@(?=\w))"
    r"|(?P<split>\](?=[(:\[])|/(?=/\S)|www(?=\.))",
    re.IGNORECASE,
)
"""What may begin something that is followed: to be escaped, or to be split from what comes next; readers make links of
bare addresses too."""


def harmless(markdown: str) -> str:
    """Return text of a model as Markdown that begins and ends on lines of its own."""
    return "\n".join(_lines(_plain_lines(markdown)))


def harmless_words(markdown: str) -> str:
    """Return text of a model as Markdown that may stand behind other words; it has no blocks of code."""
    lines = _plain_lines(markdown)
    has_table = _has_table(lines)
    return "\n".join(_words(line.replace("~~~", r"\~~~"), has_table=has_table) for line in lines)


def fenced(code: str) -> str:
    """Return a block of code; its lines may be indented, all alike."""
    text = "\n".join(_plain_lines(code))
    fence = "`" * max(3, 1 + max((len(run) for run in _RUN.findall(text)), default=0))
    return f"\n\n{fence}\n{text}\n{fence}\n"


def _plain_lines(text: str) -> list[str]:
    return shown(text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", " ")).split("\n")


def _has_table(lines: Sequence[str]) -> bool:
    return any("-" in line and "|" in line and _CELLS.issuperset(line) for line in lines)


def _lines(lines: Sequence[str]) -> Iterator[str]:
    """Yield lines, their blocks of code at the left, where each fence ends whatever there was and begins anew."""
    has_table = _has_table(lines)
    fence = indent = ""
    for line in lines:
        if fence:
            ends = line.strip(" \t")
            is_end = len(ends) >= len(fence) and not ends.strip(fence[0])
            yield fence if is_end else line.removeprefix(indent)
            fence = "" if is_end else fence
        elif opens := _OPENS.match(line):
            fence, indent = opens["ticks"] or opens["tildes"], opens["indent"]
            yield f"{fence}{opens['info']}"
        else:
            yield _words(line, has_table=has_table)
    if fence:
        yield fence


def _words(line: str, *, has_table: bool) -> str:
    ends: defaultdict[int, list[int]] = defaultdict(list)
    for run in _RUN.finditer(line):
        ends[len(run[0])].append(run.start())
    pieces, done = [], 0
    while found := _ACTIVE.search(line, done):
        pieces.append(line[done : found.start()])
        done = found.end()
        if ticks := found["ticks"]:
            end = _next(ends[len(ticks)], done)
            code = line[done:end] if end else ""
            if end and not (has_table and "|" in code):
                pieces.append(f"{ticks}{code}{ticks}")
                done = end + len(ticks)
            else:
                pieces.append(r"\`" * len(ticks))
        elif found["kept"]:
            pieces.append(found[0])
        else:
            pieces.append(f"\\{found[0]}" if found["cut"] else f"{found[0]}\\")
    return "".join([*pieces, line[done:]])


def _next(starts: Sequence[int], at: int) -> int:
    """Return the first of growing numbers that is not below another; 0 where there is none."""
    place = bisect_left(starts, at)
    return starts[place] if place < len(starts) else 0
