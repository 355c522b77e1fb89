"""Cuts a document into units of work: each outermost function, and what stands outside of them."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from codetune_core.domain.canonical import digest
from codetune_core.domain.document import Document
from codetune_core.domain.text import Position, Range, without_end
from codetune_core.model_reviewer.blank import blank
from codetune_core.model_reviewer.context import Definition, definitions, used_by
from codetune_core.model_reviewer.hidden import shown
from codetune_core.model_reviewer.reading import Reading, Unit
from codetune_core.syntax.python import Symbol, outline

_DEFINING = re.compile(r"\s*(class\b.*:\s*|\"\"\"\s*\"\"\"|'''\s*'''|pass\s*|\.\.\.\s*)?")

Lines = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Texts:
    """A document as it is and stripped, read by lines."""

    document: Document
    stripped: Document

    def of(self, blocks: Iterable[Lines]) -> tuple[str, str]:
        ranges = list(blocks)
        return _joined(self.document, ranges), _joined(self.stripped, ranges)


def read(document: Document) -> Reading:
    """Cut a document into units; one of a language that is not parsed is a unit as a whole.

    Nested functions belong to the outermost one, decorators to what they decorate, and the body of a class, but for
    its methods, to the module.
    """
    visible = replace(document, text=shown(document.text))  # hidden characters are no Python, and spoil its parsing
    stripped = blank(visible)
    texts = _Texts(document, stripped)
    if document.language != "python":
        return Reading(document, stripped, (_whole(texts),))
    symbols = outline(visible).symbols
    functions = list(_outermost(symbols))
    known = definitions(visible, stripped)
    units = [_function(texts, function, symbols, known) for function in functions]
    outside = _outside(functions, len(document.lines))
    module = _module(texts, outside, symbols, known)
    present = (unit for unit in (*units, module) if unit.stripped.strip())
    return Reading(document, stripped, tuple(sorted(present, key=lambda unit: unit.places)))


def _whole(texts: _Texts) -> Unit:
    text, stripped = texts.document.text, texts.stripped.text
    place = Range(Position(0, 0), texts.document.position(len(text)))
    key = digest([texts.document.language, text])
    return Unit("", (place,), (), text, stripped, "", "", key, has_code=bool(stripped.strip()), whole=True)


def _outermost(symbols: Sequence[Symbol]) -> Iterator[Symbol]:
    last = -1
    for symbol in symbols:
        if symbol.kind == "function" and symbol.first_line > last:
            last = symbol.last_line
            yield symbol


def _function(texts: _Texts, function: Symbol, symbols: Sequence[Symbol], known: Sequence[Definition]) -> Unit:
    first, last = function.first_line, function.last_line
    inside = [each.name for each in symbols if first <= each.first_line and each.last_line <= last]
    names = dict.fromkeys([function.name, *inside])
    return _unit(texts, function.name, [(first, last)], tuple(names), known)


def _module(texts: _Texts, outside: Sequence[Lines], symbols: Sequence[Symbol], known: Sequence[Definition]) -> Unit:
    classes = tuple(each.name for each in symbols if each.kind == "class" and _starts_in(each, outside))
    return _unit(texts, "", outside, classes, known)


def _unit(
    texts: _Texts, name: str, blocks: Sequence[Lines], symbols: tuple[str, ...], known: Sequence[Definition]
) -> Unit:
    text, stripped = texts.of(blocks)
    used = used_by(stripped, name, blocks, known)
    context, stripped_context = texts.of(used)
    places = tuple(_range(texts.document, block) for block in blocks)
    key = digest(["python", name, _dense(text), _dense(context)])
    has_code = bool(name) or _runs(texts.stripped, blocks, known)
    return Unit(name, places, symbols, text, stripped, context, stripped_context, key, has_code=has_code)


def _runs(stripped: Document, blocks: Iterable[Lines], known: Iterable[Definition]) -> bool:
    imports = {line for each in known if each.is_import for line in range(each.first_line, each.last_line + 1)}
    lines = (line for first, last in blocks for line in range(first, last + 1) if line not in imports)
    return any(not _DEFINING.fullmatch(without_end(stripped.lines[line])) for line in lines)


def _outside(functions: Iterable[Symbol], count: int) -> list[Lines]:
    blocks, line = [], 0
    for function in functions:
        if function.first_line > line:
            blocks.append((line, function.first_line - 1))
        line = function.last_line + 1
    return [*blocks, (line, count - 1)] if line < count else blocks


def _starts_in(symbol: Symbol, blocks: Iterable[Lines]) -> bool:
    return any(first <= symbol.first_line <= last for first, last in blocks)


def _joined(document: Document, blocks: Iterable[Lines]) -> str:
    return "\n".join(_tidy(document.lines[first : last + 1]) for first, last in blocks).strip("\n")


def _tidy(lines: Iterable[str]) -> str:
    """Lines without what trails, and at most two empty ones in a row: blanks cost tokens and say nothing."""
    text = "\n".join(line.rstrip() for line in lines)
    return re.sub(r"\n{4,}", "\n\n\n", text)


def _dense(text: str) -> str:
    return "\n".join(line for line in text.split("\n") if line)


def _range(document: Document, block: Lines) -> Range:
    first, last = block
    return Range(Position(first, 0), Position(last, len(without_end(document.lines[last]))))
