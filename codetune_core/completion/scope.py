"""Where a completion ends by its scope: with the block that was begun, and before the text steps back out of it."""

import re

from codetune_core.completion.brackets import begun_lines, many_line_tokens
from codetune_core.completion.place import Place, indent_of

_OPENS = re.compile(r"(?:[:{(\[]|=>|\b(?:then|do))\s*(?:\s(?:#|//).*)?$")
_WORDS = r"(?:else|elif|except|finally|catch|case|default|and|or|then)\b|(?:fi|done|esac|end)\s*$"
_GOES_ON = re.compile(rf"\s*(?:[)\]}}]|{_WORDS}|[.?:&|+]{{1,2}}\s*\w)")
_CLOSES = re.compile(r"\s*[)\]}]")


def in_scope(text: str, place: Place) -> str:
    r"""Cut a completion where its scope ends; lines end with ``\n``.

    The first line that says something sets the level. If it, or a line that follows it at its level, opens a block, the
    completion ends with this block (``else``, ``except``, closing brackets and the like still belong to it). Without a
    block it ends with the paragraph. A line further out ends it always, unless it closes a bracket.
    """
    lines = text.split("\n")
    first = next((number for number, line in enumerate(lines) if _whole(number, line, place).strip()), None)
    if first is None:
        return ""
    head, inside = _whole(first, lines[first], place), _inside(text, place)
    level, opened, blank = indent_of(head), bool(_OPENS.search(head)), False
    for number, line in enumerate(lines[first + 1 :], first + 1):
        if not line.strip() or number in inside:
            blank = blank or number not in inside
            continue
        indent = indent_of(line)
        if indent < level and not _CLOSES.match(line):
            return "\n".join(lines[:number])
        if indent == level and not _GOES_ON.match(line) and (opened or blank):
            return "\n".join(lines[:number])
        if indent <= level:
            opened = opened or indent < level or bool(_OPENS.search(line))
            level = indent
        blank = False
    return text


def _whole(number: int, line: str, place: Place) -> str:
    return line if number else place.line_before + line


def _inside(text: str, place: Place) -> set[int]:
    """Numbers of the lines of ``text`` that begin within a string or a comment."""
    begun, numbers = begun_lines(place.before, place.language), set()
    start = len(begun)
    for begin, end in many_line_tokens(begun + text, place.language):
        if end > start:
            first = text.count("\n", 0, max(0, begin - start)) + 1
            numbers |= set(range(first, text.count("\n", 0, end - start) + 1))
    return numbers
