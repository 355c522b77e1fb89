"""The lines of the function or class that a claim names, in Python by its syntax, elsewhere by braces."""

import re
from dataclasses import replace

from codetune_core.domain.document import Document
from codetune_core.findings import braces
from codetune_core.syntax.python import outline

_EVERYWHERE = {"module", "global", "globals", "toplevel", "level", "scope", "none", "__main__"}
_RECEIVER = re.compile(r"\(\s*+(?:\w++\s++)?+[*&]*+(\w++)[^()]*+\)\s*+\.?\s*+(?=\w)")
_SEPARATOR = re.compile(r"::|#|->|\.<locals>\.")
_LONE_RETURN = re.compile(r"\r(?!\n)")
"""A line end to editors, not to the parser."""
_ABOVE = ("@", "#", "//", "/*", "*")

Scope = tuple[int, int]
"""First and last line."""


def named(symbol: str) -> tuple[str, ...]:
    """The parts of a symbol's name as a model writes it, such as ``def Shop.pay(self)``; none for the whole module."""
    text = _RECEIVER.sub(r"\1.", _SEPARATOR.sub(".", symbol)).strip("<>` \t\r\n")
    words = re.split(r"[(\[:=<{]", text, maxsplit=1)[0].split()
    parts = tuple(part for part in (words[-1] if words else "").split(".") if part)
    return () if len(parts) == 1 and parts[0].lower().replace("-", "") in _EVERYWHERE else parts


def scopes(document: Document, parts: tuple[str, ...]) -> list[Scope] | None:
    """Where symbols of that name stand, decorators and comments above included; None where nobody can say.

    Parts before the name count: ``Shop.pay`` is no other class's ``pay``. The module's own name may stand in front.
    """
    if document.language == "python":
        found = _python(document, parts)
    elif document.language in braces.LANGUAGES:
        found = _braces(document, parts)
    else:
        return None
    stem = document.name.partition(".")[0]
    if not found and stem in parts[:-1]:
        return scopes(document, parts[parts.index(stem) + 1 :])
    return [(_with_lines_above(document, first), last) for first, last in found]


def _python(document: Document, parts: tuple[str, ...]) -> list[Scope]:
    tail = "." + ".".join(parts)
    symbols = outline(replace(document, text=_LONE_RETURN.sub("\n", document.text))).symbols
    return [(symbol.first_line, symbol.last_line) for symbol in symbols if f".{symbol.name}".endswith(tail)]


def _braces(document: Document, parts: tuple[str, ...]) -> list[Scope]:
    found = braces.blocks(document).of(parts)
    return [(document.position(start).line, document.position(end).line) for start, end in found]


def _with_lines_above(document: Document, first: int) -> int:
    while first > 0 and document.lines[first - 1].lstrip().startswith(_ABOVE):
        first -= 1
    return first
