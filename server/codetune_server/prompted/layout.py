"""Code of a model laid out as the file has it: line ends, indentation, tabs or spaces."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from codetune_core.domain.document import Document
from codetune_core.domain.text import indentation
from codetune_server.prompted.python_code import fixed_lines

_FENCED = re.compile(r"\s*(?P<fence>`{3,}|~{3,})[^\n`]*\n(?P<code>.*?)\n?[ \t]*(?P=fence)\s*", re.DOTALL)
_FOUR = 4


def unwrapped(text: str) -> str:
    """Return what stands in a fence where that is all, without blank lines around, with plain line ends."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    fenced = _FENCED.fullmatch(plain)
    lines = (fenced["code"] if fenced else plain).rstrip().split("\n")
    while lines and not lines[0].strip():
        lines.pop(0)
    return "\n".join(lines)


def laid_out(code: str, document: Document, line: int, indent: str) -> str:
    """Return code as it stands at a line of the document, without a last line end; empty for nothing."""
    lines = unwrapped(code).split("\n")
    fixed = fixed_lines("\n".join(lines)) if document.language == "python" else frozenset()
    free = [text for number, text in enumerate(lines) if number not in fixed and text.strip()]
    base, unit = _common(free), _Unit.of(document, free)
    shifted = [
        text if number in fixed else f"{indent}{unit.of_file(text[base:])}" if text.strip() else ""
        for number, text in enumerate(lines)
    ]
    return document.line_end(line).join(shifted)


def _common(lines: Iterable[str]) -> int:
    return min((len(indentation(line)) for line in lines), default=0)


@dataclass(frozen=True, slots=True)
class _Unit:
    """How a step of indentation is written: by the model, and in the file."""

    theirs: str
    ours: str

    @classmethod
    def of(cls, document: Document, lines: list[str]) -> "_Unit":
        theirs = _step(lines)
        return cls(theirs, _step(document.lines) or theirs)

    def of_file(self, text: str) -> str:
        blanks = indentation(text)
        if not self.theirs or (self.theirs[0] == self.ours[0]):
            return text
        steps, rest = divmod(len(blanks), len(self.theirs))
        return self.ours * steps + " " * rest + text[len(blanks) :]


def _step(lines: Iterable[str]) -> str:
    """Return one step of indentation; empty where nothing is indented."""
    blanks = [indentation(line) for line in lines if line.strip() and line[:1] in (" ", "\t")]
    if not blanks:
        return ""
    if 2 * sum(each[0] == "\t" for each in blanks) >= len(blanks):
        return "\t"
    return " " * min((len(each) for each in blanks if each[0] == " " and len(each) > 1), default=_FOUR)
