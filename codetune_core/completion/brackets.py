"""Brackets of a text in any of the usual languages, those in strings and comments left out, without a parser."""

import re
from collections.abc import Iterator
from functools import lru_cache

from codetune_core.completion.place import Place

CLOSERS = {")": "(", "]": "[", "}": "{"}
_STRING = r"""\"(?:[^"\\\r\n]|\\.)*(?:"|$)|'(?:[^'\\\r\n]|\\.)*(?:'|$)"""
_TRIPLE = r'''"""(?:[^"\\]|\\.|"(?!""))*(?:"""|\Z)|\'\'\'(?:[^'\\]|\\.|'(?!''))*(?:\'\'\'|\Z)'''
_HASH = re.compile(rf"{_TRIPLE}|{_STRING}|\#[^\r\n]*|[()\[\]{{}}]", re.MULTILINE | re.DOTALL)
_SLASH = re.compile(
    rf"/\*.*?(?:\*/|\Z)|//[^\r\n]*|`(?:[^`\\]|\\.)*(?:`|\Z)|{_STRING}|[()\[\]{{}}]", re.MULTILINE | re.DOTALL
)
_WITH_HASH = {"python", "shellscript", "ruby", "yaml", "toml", "dotenv", "ini", "perl", "r", "makefile", "dockerfile"}


def brackets(text: str, language: str) -> Iterator[tuple[int, str]]:
    """Yield each bracket with its offset.

    Strings and comments end at the latest where the language lets them: an open one in a line that is being typed
    hides the rest of that line only.
    """
    pattern = _HASH if language in _WITH_HASH else _SLASH
    for match in pattern.finditer(text):
        if (found := match[0]) in "()[]{}":
            yield match.start(), found


@lru_cache(maxsize=4)
def unclosed(text: str, language: str) -> tuple[tuple[int, str], ...]:
    """Return the opening brackets that nothing closes, with their offsets.

    A closing one takes the nearest of its kind; those in between stay unclosed.
    """
    stack: list[tuple[int, str]] = []
    lost: list[tuple[int, str]] = []
    for offset, bracket in brackets(text, language):
        opener = CLOSERS.get(bracket)
        if opener is None:
            stack.append((offset, bracket))
        elif any(kind == opener for _, kind in stack):
            while stack[-1][1] != opener:
                lost.append(stack.pop())
            stack.pop()
    return tuple(sorted(lost + stack))


def surplus(text: str, place: Place) -> int | None:
    """Offset in ``text`` of the first closing bracket that its place has already, None where it has none too many.

    ``text`` may close what it opens itself, and what stands open before the cursor and is not closed behind it.
    """
    opened = unclosed(place.before + place.after, place.language)
    missing = [kind for offset, kind in opened if offset < len(place.before)]
    begun = begun_lines(place.before, place.language)
    start, own = len(begun), list[str]()
    for offset, bracket in brackets(begun + text, place.language):
        if offset < start:
            continue
        opener = CLOSERS.get(bracket)
        if opener is None:
            own.append(bracket)
        elif own:
            if own.pop() != opener:
                return offset - start
        elif opener in missing:
            missing.remove(opener)
        else:
            return offset - start
    return None


@lru_cache(maxsize=4)
def begun_lines(text: str, language: str) -> str:
    """Return the end of a text, from the last line that begins outside of strings and comments.

    What follows the text can be read with these lines as well as with all of it.
    """
    line = text.rfind("\n") + 1
    for start, end in reversed(many_line_tokens(text, language)):
        if start < line <= end:
            line = text.rfind("\n", 0, start) + 1
    return text[line:]


def many_line_tokens(text: str, language: str) -> list[tuple[int, int]]:
    """Return start and end of each string and comment that holds a line end."""
    pattern = _HASH if language in _WITH_HASH else _SLASH
    return [match.span() for match in pattern.finditer(text) if "\n" in match[0]]
