"""The top-level statements of a module as syntax trees with positions, parsed one at a time."""

import ast
import re
from functools import lru_cache
from typing import cast

import libcst as cst
from libcst.metadata import (
    CodeRange,
    MetadataWrapper,
    ParentNodeProvider,
    PositionProvider,
    WhitespaceInclusivePositionProvider,
)

from codetune_core.domain.document import Document
from codetune_core.domain.text import Edit, Position, Range
from codetune_core.fixes.imports import BYTE_ORDER_MARK, module_of

_Places = dict[cst.CSTNode, CodeRange]


class Tree:
    """The lines of a document that hold one top-level statement (several where they share a line)."""

    def __init__(self, document: Document, first_line: int, last_line: int) -> None:
        self._document = document
        self._first_line = first_line
        text = "".join(document.lines[first_line : last_line + 1])
        self._mark = len(BYTE_ORDER_MARK) if first_line == 0 and text.startswith(BYTE_ORDER_MARK) else 0
        wrapper = MetadataWrapper(cst.parse_module(text[self._mark :]), unsafe_skip_copy=True)
        self.module = wrapper.module
        self.parents = cast("dict[cst.CSTNode, cst.CSTNode]", wrapper.resolve(ParentNodeProvider))
        self._places = cast("_Places", wrapper.resolve(PositionProvider))
        self._with_space = cast("_Places", wrapper.resolve(WhitespaceInclusivePositionProvider))

    def range(self, node: cst.CSTNode) -> Range:
        """Where a node stands in the document, without its parentheses and the space around it."""
        return self._range(self._places[node])

    def innermost(self, place: Range) -> cst.CSTNode:
        """The smallest node whose text holds a range."""
        best: cst.CSTNode = self.module
        node: cst.CSTNode | None = self.module
        while node:
            if node in self._places and self.range(node).contains(place):
                best = node
            node = next((child for child in node.children if self._holds(child, place)), None)
        return best

    def difference(self, node: cst.CSTNode, new: str) -> Edit:
        """The smallest edit of whole words that puts a text in the place of a node and its parentheses."""
        document = self._document
        place = self.with_parentheses(node)
        old = document.slice(place)
        if document.lines[0].endswith("\r\n"):
            new = re.sub(r"\r\n|\r|\n", "\r\n", new)
        start, end = _common(old, new)
        offset = document.offset(place.start)
        changed = Range(document.position(offset + start), document.position(offset + len(old) - end))
        return Edit(changed, new[start : len(new) - end])

    def without_line(self, line: cst.SimpleStatementLine) -> Edit:
        """The edit that takes out the lines of a statement, and not the comments above them."""
        place = self.range(line)
        return Edit(Range.of(place.start.line, 0, place.end.line + 1, 0), "")

    def with_parentheses(self, node: cst.CSTNode) -> Range:
        """Where a node stands with the parentheses around it."""
        own = self.range(node)
        left, right = getattr(node, "lpar", ()), getattr(node, "rpar", ())
        if not left or not right:
            return own
        return Range(self._range(self._places[left[0]]).start, self._range(self._places[right[-1]]).end)

    def _holds(self, node: cst.CSTNode, place: Range) -> bool:
        return node in self._with_space and self._range(self._with_space[node]).contains(place)

    def _range(self, place: CodeRange) -> Range:
        return Range(
            self._position(place.start.line, place.start.column), self._position(place.end.line, place.end.column)
        )

    def _position(self, line: int, column: int) -> Position:
        """From libcst's lines, which count from 1 in the statement's own text."""
        return Position(line - 1 + self._first_line, column + (self._mark if line == 1 else 0))


def tree_around(document: Document, line: int) -> Tree | None:
    """The tree of the top-level statement on a line; None where there is none.

    Raises SyntaxError, ValueError, RecursionError or ParserSyntaxError for a text that does not parse.
    """
    first, last = line, line
    for start, end in (_span(statement) for statement in module_of(document).tree.body):
        if start <= last and first <= end:
            first, last = min(first, start), max(last, end)
    holds = any(_span(statement)[0] <= line <= _span(statement)[1] for statement in module_of(document).tree.body)
    return _tree(document, first, last) if holds else None


@lru_cache(maxsize=32)
def _tree(document: Document, first_line: int, last_line: int) -> Tree:
    return Tree(document, first_line, last_line)


def _span(statement: ast.stmt) -> tuple[int, int]:
    """First and last line from 0, decorators included."""
    first = min([statement.lineno, *(decorator.lineno for decorator in getattr(statement, "decorator_list", ()))])
    return first - 1, (statement.end_lineno or statement.lineno) - 1


def _common(old: str, new: str) -> tuple[int, int]:
    """Lengths of what two texts share at the start and at the end, cut back to whole words."""
    limit = min(len(old), len(new))
    start = next((index for index in range(limit) if old[index] != new[index]), limit)
    while _cuts_word(old, start) or _cuts_word(new, start):
        start -= 1
    rest = limit - start
    end = next((index for index in range(rest) if old[-1 - index] != new[-1 - index]), rest)
    while _cuts_word(old, len(old) - end) or _cuts_word(new, len(new) - end):
        end -= 1
    return start, end


def _cuts_word(text: str, index: int) -> bool:
    return 0 < index < len(text) and _is_word(text[index - 1]) and _is_word(text[index])


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"
