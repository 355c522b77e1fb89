"""The place of a finding in the syntax tree: what a fix rule looks at and what it builds its edits with."""

from collections.abc import Iterator
from typing import TypeVar, cast

import libcst as cst
from libcst.metadata import CodeRange, MetadataWrapper, ParentNodeProvider, PositionProvider

from codetune_core.domain.document import Document
from codetune_core.domain.finding import Finding
from codetune_core.domain.text import Edit, Position, Range
from codetune_core.fixes.imports import Imports, imports_of
from codetune_core.syntax.python import outline

Node = TypeVar("Node", bound=cst.CSTNode)


class Site:
    """The top-level statement around a finding, parsed, and the innermost node that the finding talks about.

    Only that statement is parsed: a fix costs the same in a long file as in a short one.

    Attributes:
        document: the whole text.
        finding: what is to be removed.
        module: the syntax tree of the statement.
        node: the innermost node whose text holds the finding's range.
        imports: of the whole document.
    """

    def __init__(self, document: Document, finding: Finding, first_line: int, last_line: int) -> None:
        self.document = document
        self.finding = finding
        self.imports: Imports = imports_of(document)
        self._first_line = first_line
        text = "".join(document.lines[first_line : last_line + 1])
        wrapper = MetadataWrapper(cst.parse_module(text), unsafe_skip_copy=True)
        self.module = wrapper.module
        self._positions = cast("dict[cst.CSTNode, CodeRange]", wrapper.resolve(PositionProvider))
        self._parents = cast("dict[cst.CSTNode, cst.CSTNode]", wrapper.resolve(ParentNodeProvider))
        self.node = self._innermost(finding.range)

    def code(self, node: cst.CSTNode) -> str:
        """The source of a node, original or changed."""
        return self.module.code_for_node(node)

    def range(self, node: cst.CSTNode) -> Range:
        """Where an original node stands in the document."""
        place = self._positions[node]
        return Range(
            Position(place.start.line - 1 + self._first_line, place.start.column),
            Position(place.end.line - 1 + self._first_line, place.end.column),
        )

    def replace(self, node: cst.CSTNode, new: cst.CSTNode | str) -> Edit:
        """The edit that puts ``new`` in the place of an original node."""
        return Edit(self.range(node), new if isinstance(new, str) else self.code(new))

    def around(self, node: cst.CSTNode | None = None) -> Iterator[cst.CSTNode]:
        """A node and what it stands in, outward."""
        current: cst.CSTNode | None = node or self.node
        while current is not None:
            yield current
            current = self._parents.get(current)

    def nearest(self, kind: type[Node], node: cst.CSTNode | None = None) -> Node | None:
        """The innermost node of a kind around a node (around the finding's where none is given)."""
        return next((outer for outer in self.around(node) if isinstance(outer, kind)), None)

    def call(self, *names: str) -> cst.Call | None:
        """The innermost call around the finding whose function has one of these qualified names (any, where none)."""
        calls = (outer for outer in self.around() if isinstance(outer, cst.Call))
        return next((call for call in calls if not names or self.imports.qualified(call.func) in names), None)

    def scope(self) -> cst.CSTNode:
        """The innermost function around the finding, else the statement's module."""
        return self.nearest(cst.FunctionDef) or self.module

    def _innermost(self, place: Range) -> cst.CSTNode:
        best: cst.CSTNode = self.module
        size: tuple[int, int] | None = None
        for node in self._positions:
            around = self.range(node)
            extent = (around.end.line - around.start.line, around.end.column - around.start.column)
            if around.contains(place) and not isinstance(node, cst.Module) and (size is None or extent <= size):
                best, size = node, extent
        return best


def locate(document: Document, finding: Finding) -> Site | None:
    """The site of a finding; None where the text around it does not parse."""
    line = finding.range.start.line
    spans = [span for span in outline(document).top_level if span[0] <= line <= span[1]]
    if not spans:
        return None
    try:
        return Site(document, finding, spans[0][0], max(spans[-1][1], finding.range.end.line))
    except (SyntaxError, ValueError, cst.ParserSyntaxError):
        return None


def argument(call: cst.Call, keyword: str, position: int | None = None) -> cst.Arg | None:
    """An argument of a call by its keyword, or by its position where it has one."""
    named = next((arg for arg in call.args if arg.keyword and arg.keyword.value == keyword), None)
    if named or position is None or position >= len(call.args):
        return named
    positional = call.args[: position + 1]
    return positional[-1] if not any(arg.keyword or arg.star for arg in positional) else None


def with_argument(call: cst.Call, keyword: str, value: str) -> cst.Call:
    """A copy of a call in which a keyword argument has a value: replaced where it stands, else added at the end."""
    new_value = cst.parse_expression(value)
    for index, arg in enumerate(call.args):
        if arg.keyword and arg.keyword.value == keyword:
            return call.with_changes(args=[*call.args[:index], arg.with_changes(value=new_value), *call.args[index + 1 :]])
    equal = cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace(""))
    added = cst.Arg(new_value, keyword=cst.Name(keyword), equal=equal)
    if not call.args:
        return call.with_changes(args=[added])
    last = call.args[-1]
    comma = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
    if isinstance(last.comma, cst.Comma):
        between = call.args[-2].comma if len(call.args) > 1 else comma
        added = added.with_changes(comma=last.comma, whitespace_after_arg=last.whitespace_after_arg)
        return call.with_changes(args=[*call.args[:-1], last.with_changes(comma=between), added])
    added = added.with_changes(whitespace_after_arg=last.whitespace_after_arg)
    moved = last.with_changes(comma=comma, whitespace_after_arg=cst.SimpleWhitespace(""))
    return call.with_changes(args=[*call.args[:-1], moved, added])
