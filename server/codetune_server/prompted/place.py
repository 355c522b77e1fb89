"""What a prompt is asked about: the code, the wish that a comment says, and where an edit may be.

Blocks are found by indentation, so that a text that does not parse is no hindrance.
"""

import re
import sys
from dataclasses import dataclass

from codetune_core.domain.document import Document
from codetune_core.domain.editor_scope import Where
from codetune_core.domain.text import Position, Range, split_lines, without_end
from codetune_server.errors import failed
from codetune_server.prompted.python_code import Function, function

_COMMENT = re.compile(r"[ \t]*(?:#+!?|//+!?|--+|;+|/\*+|\*/|\*(?=[ \t]|$))[ \t]?(.*?)[ \t]*(?:\*/)?[ \t]*")
_BLOCK = re.compile(r"([ \t]*)(?:async[ \t]+def|def|class)[ \t]+\w")
_DECORATOR = re.compile(r"[ \t]*@")


@dataclass(frozen=True, slots=True)
class Place:
    """Part of a document.

    Attributes:
        range: what an edit may change.
        code: its text.
        wish: what a comment or documentation comment in it says that is wanted, without comment signs.
        signature: of the unfinished function that it is; empty for anything else.
    """

    range: Range
    code: str
    wish: str = ""
    signature: str = ""


def place_of(document: Document, chosen: Range, where: Where) -> Place:
    """Return what is asked about; raises RequestError, which says what to do, where there is nothing."""
    if where is Where.FILE:
        return _filled(document, Range(Position(0, 0), document.position(len(document.text))))
    if chosen.start != chosen.end:
        return _filled(document, _from_its_first_character(document, chosen))
    if where is Where.CURSOR and (comment := _comment_around(document, chosen.start.line)):
        return _filled(document, comment)
    if block := _block_around(document, chosen.start.line):
        return _filled(document, block)
    wanted = "a comment or into a function" if where is Where.CURSOR else "a function"
    raise failed(f"Select the code, or put the cursor into {wanted}.")


def _filled(document: Document, place: Range) -> Place:
    code = document.slice(place)
    if not code.strip():
        raise failed("There is no code here.")
    found = function(code) if document.language == "python" else None
    if found and found.is_stub:
        return Place(place, code, found.docstring or _leading_comment(code) or _by_name(found), found.signature)
    return Place(place, code, _leading_comment(code))


def _by_name(found: Function) -> str:
    return f"What its name and its signature say: {found.name}"


def _leading_comment(code: str) -> str:
    """Return what the comment says with which a text begins, empty where it begins with code."""
    said = []
    for line in map(without_end, split_lines(code.strip())):
        match = _COMMENT.fullmatch(line)
        if match is None:
            break
        said.append(match[1])
    return "\n".join(said).strip()


def _from_its_first_character(document: Document, chosen: Range) -> Range:
    """Take the indentation of the first line in, which a person does not select."""
    start = chosen.start
    before = document.lines[start.line][: start.column]
    return Range(Position(start.line, 0), chosen.end) if not before.strip() else chosen


def _comment_around(document: Document, line: int) -> Range | None:
    texts = [without_end(text) for text in document.lines]
    if not _is_comment(texts, line):
        line -= 1  # the cursor stands below the comment, where the code is to be
        if not _is_comment(texts, line) or texts[line + 1].strip():
            return None
    first = last = line
    while _is_comment(texts, first - 1):
        first -= 1
    while _is_comment(texts, last + 1):
        last += 1
    return Range(Position(first, 0), Position(last, len(texts[last])))


def _is_comment(texts: list[str], line: int) -> bool:
    return 0 <= line < len(texts) and bool(texts[line].strip()) and bool(_COMMENT.fullmatch(texts[line]))


def _block_around(document: Document, line: int) -> Range | None:
    """Return the lines of the innermost function or class around a line, decorators included."""
    if document.language != "python":
        return None
    texts = [without_end(text) for text in document.lines]
    line = min(line, len(texts) - 1)
    while line < len(texts) - 1 and _DECORATOR.match(texts[line]):
        line += 1
    deepest = _depth(texts[line]) if texts[line].strip() else sys.maxsize
    for first in range(line, -1, -1):
        match = _BLOCK.match(texts[first])
        if match and (first == line or len(match[1]) < deepest):
            return _lines_of(texts, first, len(match[1]), line)
        if texts[first].strip() and first != line:
            deepest = min(deepest, _depth(texts[first]))
    return None


def _depth(text: str) -> int:
    return _indent(text) + _closes(text)


def _closes(text: str) -> bool:
    """Whether a line ends a signature of several lines, and so is no deeper than what it belongs to."""
    return text.lstrip().startswith((")", "]", "}"))


def _lines_of(texts: list[str], first: int, indent: int, line: int) -> Range | None:
    last = first
    for number in range(first + 1, len(texts)):
        if texts[number].strip():
            if _indent(texts[number]) <= indent and not _closes(texts[number]):
                break
            last = number
    if line > last and texts[line].strip():
        return None
    while first and _DECORATOR.match(texts[first - 1]) and _indent(texts[first - 1]) == indent:
        first -= 1
    return Range(Position(first, 0), Position(last, len(texts[last])))


def _indent(text: str) -> int:
    return len(text) - len(text.lstrip(" \t"))
