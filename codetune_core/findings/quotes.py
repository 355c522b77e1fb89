"""What models put around the code they quote, peeled off: fences, line numbers, dots for what was left out."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_FENCE = re.compile(r"[ \t]*(?:```|~~~)[\w+#.-]*[ \t]*")
_NUMBER = re.compile(r"[ \t]*(?:[Ll](?:ine )?)?(\d{1,7})(?:[ \t]?[:|\u2502\u2192]|\t|\.?[ \t]|$)")
_DOTS = re.compile(r"[ \t]*(?:\.\.\.|\u2026)")
_TICKED = re.compile(r"\s*`([^`]+)`\s*")
_LINE_END = re.compile(r"\r\n|\r|\n")
BACKTICK_STRINGS = {"javascript", "javascriptreact", "typescript", "typescriptreact", "go", "shellscript", "sql", "php"}
"""Languages in which code itself may stand between backticks."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read a quote."""

    text: str
    whole_lines: bool = False
    """It was numbered, so it begins and ends where lines of the document do."""


def readings(quote: str, language: str) -> Iterator[Reading]:
    """The ways to read a quote, each taking off more than the one before; first as it stands."""
    yield Reading(quote)
    bare = _without_ticks(_without_fence(quote), language)
    undotted = _without_dots(bare)
    unnumbered = _without_numbers(undotted)
    seen = {quote}
    for text, numbered in ((bare, False), (undotted, False), (unnumbered, True), (_without_dots(unnumbered), True)):
        if text not in seen:
            seen.add(text)
            yield Reading(text, numbered and unnumbered != undotted)


def _without_fence(text: str) -> str:
    lines = _LINE_END.split(text.strip())
    if not _FENCE.fullmatch(lines[0]):
        return text
    closed = len(lines) > 1 and _FENCE.fullmatch(lines[-1])
    return "\n".join(lines[1:-1] if closed else lines[1:])


def _without_ticks(text: str, language: str) -> str:
    found = None if language in BACKTICK_STRINGS else _TICKED.fullmatch(text)
    return found[1] if found else text


def _without_dots(text: str) -> str:
    """Take off dots that stand for code before or after; not those that are the body of a stub."""
    lines = _LINE_END.split(text.strip("\r\n"))
    left_out = _DOTS.match(lines[0])
    if left_out:
        lines[0] = lines[0][left_out.end() :]
    stub = not left_out and lines[-2:][0].rstrip().endswith((":", "{"))
    if len(lines) > 1 and _DOTS.fullmatch(lines[-1].rstrip()) and not stub:
        lines.pop()
    return "\n".join(lines)


def _without_numbers(text: str) -> str:
    """Take off line numbers where every line has one and they count up by one."""
    lines = _LINE_END.split(text.strip("\r\n"))
    found = [_NUMBER.match(line) for line in lines]
    numbers = [int(each[1]) for each in found if each]
    if len(numbers) < len(lines) or numbers != list(range(numbers[0], numbers[0] + len(lines))):
        return text
    return "\n".join(line[each.end() :] for line, each in zip(lines, found, strict=True) if each)
