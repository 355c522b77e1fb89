"""Symbols, comments and statements of a Python text, by tree-sitter, which also reads broken text."""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import tree_sitter_python
from tree_sitter import Language, Node, Parser, Query, QueryCursor

from codetune_core.domain.document import Document
from codetune_core.domain.text import Encoding, Position, Range, from_units, without_end

_LANGUAGE = Language(tree_sitter_python.language())
_COMMENTS = Query(_LANGUAGE, "(comment) @comment")
_SYMBOLS = Query(
    _LANGUAGE,
    "(function_definition name: (identifier) @name) @symbol (class_definition name: (identifier) @name) @symbol",
)
_STATEMENTS = Query(_LANGUAGE, "(expression_statement) @statement")
_TEXTS = Query(_LANGUAGE, "(string_content) @text")
_CONSTANT = {"string", "concatenated_string", "parenthesized_expression", "tuple", "expression_list", "list", "set"}
_BROKEN = Query(_LANGUAGE, "[(ERROR) (MISSING)] @broken")
_COMPOUND = {"if_statement", "for_statement", "while_statement", "try_statement", "with_statement", "match_statement"}


@dataclass(frozen=True, slots=True)
class Symbol:
    """A function or class: qualified name, and first to last line, decorators included."""

    name: str
    kind: str
    first_line: int
    last_line: int
    name_range: Range


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment with its ``#``."""

    range: Range
    text: str
    alone: bool
    """Nothing else stands on its line."""


class Outline:
    """The parsed text of one Python document."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._tree = Parser(_LANGUAGE).parse(document.text.encode("utf-8", "surrogatepass"))

    @cached_property
    def comments(self) -> tuple[Comment, ...]:
        """Every comment, in order."""
        return tuple(self._comment(node) for node in self._captures(_COMMENTS, "comment"))

    @cached_property
    def remarks(self) -> tuple[Range, ...]:
        """Insides of docstrings, and of all other strings that stand as statements and do nothing."""
        statements = self._captures(_STATEMENTS, "statement")
        idle = [node for node in statements if all(_does_nothing(child) for child in node.named_children)]
        found = [text for node in idle for text in QueryCursor(_TEXTS).captures(node).get("text", [])]
        return tuple(sorted(self._range(node) for node in found))

    @cached_property
    def symbols(self) -> tuple[Symbol, ...]:
        """Every function and class, outer before inner."""
        return tuple(self._symbol(node) for node in self._captures(_SYMBOLS, "symbol"))

    @cached_property
    def broken(self) -> tuple[Range, ...]:
        """Places where the text does not parse; tree-sitter's view, a little more lenient than Python's."""
        return tuple(self._range(node) for node in self._captures(_BROKEN, "broken"))

    @cached_property
    def top_level(self) -> tuple[tuple[int, int], ...]:
        """First and last line of each top-level statement."""
        return tuple((node.start_point.row, node.end_point.row) for node in self._tree.root_node.children)

    def enclosing(self, line: int) -> str:
        """Qualified name of the innermost function or class around a line, empty at module level."""
        around = [symbol for symbol in self.symbols if symbol.first_line <= line <= symbol.last_line]
        return around[-1].name if around else ""

    def statement_lines(self, place: Range) -> tuple[int, int]:
        """First and last line of the simple statement around a range (of the range itself in a compound one)."""
        start, end = self._point(place.start), self._point(place.end)
        node = self._tree.root_node.descendant_for_point_range(start, end)
        while (
            node
            and node.parent
            and not node.type.endswith("_statement")
            and node.parent.type not in ("block", "module")
        ):
            node = node.parent
        if node is None or node.type in _COMPOUND or node.type.endswith("_definition") or node.parent is None:
            return place.start.line, place.end.line
        return node.start_point.row, node.end_point.row

    def takes_comment(self, line: int) -> bool:
        """Say whether a comment can stand at the end of a line: not inside a string, nor after a continuation."""
        content = without_end(self._document.lines[line])
        point = self._point(Position(line, len(content)))
        node = self._tree.root_node.descendant_for_point_range(point, point)
        while node and not (node.type == "string" and node.start_point < point < node.end_point):
            node = node.parent
        return node is None and not content.endswith("\\")

    def _captures(self, query: Query, name: str) -> list[Node]:
        found = QueryCursor(query).captures(self._tree.root_node).get(name, [])
        return sorted(found, key=lambda node: (node.start_byte, -node.end_byte))

    def _comment(self, node: Node) -> Comment:
        place = self._range(node)
        before = self._document.lines[place.start.line][: place.start.column]
        return Comment(place, self._document.slice(place), alone=not before.strip())

    def _symbol(self, node: Node) -> Symbol:
        outer = node.parent if node.parent and node.parent.type == "decorated_definition" else node
        names = []
        ancestor: Node | None = node
        while ancestor:
            name = ancestor.child_by_field_name("name") if ancestor.type.endswith("_definition") else None
            names += [name.text.decode()] if name and name.text else []
            ancestor = ancestor.parent
        name_node = node.child_by_field_name("name") or node
        kind = "class" if node.type == "class_definition" else "function"
        qualified = ".".join(reversed(names))
        return Symbol(qualified, kind, outer.start_point.row, node.end_point.row, self._range(name_node))

    def _range(self, node: Node) -> Range:
        return Range(self._position(*node.start_point), self._position(*node.end_point))

    def _position(self, row: int, byte: int) -> Position:
        lines = self._document.lines
        return Position(row, from_units(lines[row], byte, Encoding.UTF8)) if row < len(lines) else Position(row, 0)

    def _point(self, position: Position) -> tuple[int, int]:
        line = self._document.lines[position.line] if position.line < len(self._document.lines) else ""
        return position.line, len(line[: position.column].encode("utf-8", "surrogatepass"))


def _does_nothing(node: Node) -> bool:
    inside = () if node.type == "string" else node.named_children
    return node.type in _CONSTANT | {"comment"} and all(_does_nothing(child) for child in inside)


@lru_cache(maxsize=2)
def outline(document: Document) -> Outline:
    """The outline of a Python document; remembered for the two asked for last, such as a text and a fix of it."""
    return Outline(document)
