"""Blanks what IPython adds to Python in notebook cells, so that the rest parses and keeps its place.

Line magics (``%``), shell escapes (``!``), help (``?``) and assignments from them are replaced by Python of the same
length; a cell magic (``%%``) blanks its whole cell unless its body is Python. Where such a line can begin follows
IPython's rule: at the start of a statement, not inside a string, brackets or after a backslash.
"""

import re
from collections.abc import Iterable, Sequence

from codetune_core.domain.text import without_end

_PYTHON_BODIES = {"capture", "debug", "prun", "time", "timeit"}
_CELL_MAGIC = re.compile(r"%%(\w+)")
_MAGIC = re.compile(r"(\s*)(?:[%!].*|\?{1,2}[\w.*%]+\s*|[\w.*%]+\?{1,2}\s*)")
_ASSIGNED = re.compile(r"(\s*[A-Za-z_][\w.\[\], ]*=\s*)([%!].*)")
_TOKEN = re.compile(
    r"""(?P<comment>\#.*)
    |(?P<triple>\"{3}|'{3})
    |"(?:\\.|[^"\\])*"?|'(?:\\.|[^'\\])*'?
    |(?P<open>[(\[{])|(?P<close>[)\]}])
    |(?P<continued>\\\Z)""",
    re.VERBOSE,
)


def blank_magics(lines: Sequence[str]) -> list[str]:
    """Lines of a cell -> lines of Python, each as long as before."""
    first = next((at for at, line in enumerate(lines) if line.strip()), 0)
    magic = _CELL_MAGIC.match(lines[first]) if lines else None
    if magic and magic[1] not in _PYTHON_BODIES:
        return [_comment(line) for line in lines]
    return list(_blank_lines(lines))


def _blank_lines(lines: Iterable[str]) -> Iterable[str]:
    state = _Statement()
    in_magic = False
    for line in lines:
        content = without_end(line)
        end = line[len(content) :]
        if in_magic:
            yield _comment(line)
        elif state.begins and (magic := _MAGIC.fullmatch(content)):
            yield magic[1] + _filler("pass", content[magic.end(1) :]) + end
        elif state.begins and (assigned := _ASSIGNED.fullmatch(content)):
            yield assigned[1] + _filler("[]", assigned[2]) + end
        else:
            state.read(content)
            yield line
            continue
        in_magic = content.endswith("\\")


def _filler(code: str, replaced: str) -> str:
    return (code if len(code) <= len(replaced) else "0").ljust(len(replaced))


def _comment(line: str) -> str:
    content = without_end(line)
    return ("#" * bool(content)).ljust(len(content)) + line[len(content) :]


class _Statement:
    """How far the statement that the lines so far belong to has come."""

    def __init__(self) -> None:
        self._quote = ""
        self._depth = 0
        self._continued = False

    @property
    def begins(self) -> bool:
        """Whether the next line begins a statement."""
        return not (self._quote or self._depth or self._continued)

    def read(self, content: str) -> None:
        """Take one line without its end."""
        self._continued = False
        at = self._string_end(content, 0) if self._quote else 0
        while token := _TOKEN.search(content, at):
            at = self._take(token, content)

    def _take(self, token: re.Match[str], content: str) -> int:
        match token.lastgroup:
            case "triple":
                self._quote = token[0]
                return self._string_end(content, token.end())
            case "open":
                self._depth += 1
            case "close":
                self._depth = max(0, self._depth - 1)
            case "continued":
                self._continued = True
        return token.end()

    def _string_end(self, content: str, at: int) -> int:
        """Where the triple-quoted string ends that is open at ``at``; the line's length where it goes on."""
        for part in re.finditer(rf"\\.|{self._quote}", content[at:]):
            if part[0] == self._quote:
                self._quote = ""
                return at + part.end()
        return len(content)
