"""Cuts the body of a prompt file into its sections, and joins them again, whatever their texts hold."""

import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

_MARK = re.compile(r"(={3,}) (\S.*?)(?: (\(quoted\)))? \1")
_SHORTEST = 3


class MarkError(Exception):
    """The body cannot be cut: what is wrong, and on which line of it, counted from 1."""

    def __init__(self, problem: str, line: int) -> None:
        super().__init__(problem)
        self.line = line


@dataclass(frozen=True, slots=True)
class Section:
    """A named piece of text; ``line`` is where it begins in the body, counted from 1."""

    name: str
    text: str
    line: int = 1


def cut(body: str) -> list[Section]:
    """Return the sections in their order; of a body without marks, one section ``user``.

    A mark is a line such as ``=== user ===``. All marks of a body have as many equals signs as its first one, so any
    other line is text. Blank lines around a text belong to the marks. A section marked ``(quoted)`` holds JSON
    strings, one a line, that are joined. Raises MarkError.
    """
    lines = body.split("\n")
    places = _places(lines)
    if not places:
        return [Section("user", body.strip("\n"), _first_text(lines, 0))]
    if any(line.strip() for line in lines[: places[0]]):
        raise MarkError("text before the first mark; put it under a mark such as === user ===", _first_text(lines, 0))
    return [_section(lines, start, end) for start, end in pairwise([*places, len(lines)])]


def join(sections: Sequence[Section]) -> str:
    """Return the body, which ``cut`` cuts into these sections again; equal sections give equal text."""
    written = [(section.name, *_written(section.text)) for section in sections]
    longest = max((_length(line) for _, _, text in written for line in text.split("\n")), default=0)
    equals = "=" * max(_SHORTEST, longest + 1)
    return "\n".join(
        f"{equals} {name}{form} {equals}\n" + (f"\n{text}\n" if text else "") for name, form, text in written
    )


def _places(lines: Sequence[str]) -> list[int]:
    length = next((found for line in lines if (found := _length(line))), 0)
    return [number for number, line in enumerate(lines) if length and _length(line) == length]


def _length(line: str) -> int:
    match = _MARK.fullmatch(line)
    return len(match[1]) if match else 0


def _section(lines: Sequence[str], start: int, end: int) -> Section:
    match = _MARK.fullmatch(lines[start])
    first = _first_text(lines[:end], start + 1)
    text = "\n".join(lines[start + 1 : end]).strip("\n")
    if match is None or not match[3]:
        return Section(match[2] if match else "", text, first)
    return Section(match[2], "".join(_unquote(line, first + at) for at, line in enumerate(text.split("\n"))), first)


def _first_text(lines: Sequence[str], start: int) -> int:
    return next((number + 1 for number in range(start, len(lines)) if lines[number]), start + 1)


def _unquote(line: str, number: int) -> str:
    try:
        value = json.loads(line) if line.strip() else ""
    except ValueError:
        value = None
    if not isinstance(value, str):
        raise MarkError('a quoted section holds one JSON string a line, such as "text\\r\\n"', number)
    return value


def _written(text: str) -> tuple[str, str]:
    """Say whether a text must be quoted, since it would not survive as plain lines, and how it is written."""
    if text == text.strip("\n") and not any(_is_control(character) for character in text):
        return "", text
    return " (quoted)", "\n".join(_quote(line) for line in re.findall(r"[^\n]*\n|[^\n]+", text))


def _quote(line: str) -> str:
    return "".join(
        f"\\u{ord(character):04x}" if _is_control(character) else character
        for character in json.dumps(line, ensure_ascii=False)
    )


def _is_control(character: str) -> bool:
    return character not in "\t\n" and (unicodedata.category(character) == "Cc" or character in "\u2028\u2029\ufeff")
