"""The place of a finding in the syntax tree: what a fix rule looks at and what it builds its edits with."""

from collections.abc import Iterator
from typing import TypeVar

import libcst as cst

from codetune_core.domain.document import Document
from codetune_core.domain.finding import Finding
from codetune_core.domain.text import Edit, Range
from codetune_core.fixes.imports import Imports, module_of
from codetune_core.fixes.trees import Tree, tree_around

Node = TypeVar("Node", bound=cst.CSTNode)


class Site:
    """The top-level statement around a finding, parsed, and the innermost node that the finding talks about.

    Only that statement is parsed, once for all findings in it: a fix costs the same in a long file as in a short one.

    Attributes:
        document: the whole text.
        finding: what is to be removed.
        module: the syntax tree of the statement.
        node: the innermost node whose text holds the finding's range.
        imports: of the whole document, as they are visible at the finding.
    """

    def __init__(self, document: Document, finding: Finding, tree: Tree) -> None:
        self.document = document
        self.finding = finding
        self.imports = Imports(module_of(document), finding.range.start)
        self.module = tree.module
        self._tree = tree
        self.node = tree.innermost(finding.range)

    def code(self, node: cst.CSTNode) -> str:
        """The source of a node, original or changed; its further lines are indented as the finding's block is."""
        small = cst.Expr(node) if isinstance(node, cst.BaseExpression) else node
        blocks = [outer for outer in self.around() if isinstance(outer, cst.IndentedBlock)]
        if not blocks or not isinstance(small, cst.BaseSmallStatement):
            return self.module.code_for_node(node)
        margin = "".join(self.module.default_indent if block.indent is None else block.indent for block in blocks)
        inside = cst.IndentedBlock([cst.SimpleStatementLine([small])], indent=margin)
        newline = len(self.module.default_newline)
        return self.module.code_for_node(inside)[newline + len(margin) : -newline]

    def range(self, node: cst.CSTNode) -> Range:
        """Where an original node stands in the document, without parentheses around it."""
        return self._tree.range(node)

    def range_with_parentheses(self, node: cst.CSTNode) -> Range:
        """Where an original node stands in the document, with the parentheses around it."""
        return self._tree.with_parentheses(node)

    def replace(self, node: cst.CSTNode, new: cst.CSTNode | str) -> Edit:
        """The edit that puts ``new`` in the place of an original node and its parentheses; only what differs."""
        return self._tree.difference(node, new if isinstance(new, str) else self.code(new))

    def insert_behind(self, node: cst.CSTNode, text: str) -> Edit:
        """The edit that adds a text directly behind an original node and its parentheses."""
        end = self._tree.with_parentheses(node).end
        return Edit(Range(end, end), text)

    def remove(self, node: cst.BaseSmallStatement) -> Edit:
        """The edit that takes out a statement, with its line where it stands alone on it.

        Raises ValueError where it shares its line with another statement or is all that a block holds.
        """
        line = self.parent(node)
        block = self.parent(line) if line else None
        if not isinstance(line, cst.SimpleStatementLine) or len(line.body) > 1:
            raise ValueError("not alone on its line")
        if isinstance(block, cst.IndentedBlock) and len(block.body) == 1:
            raise ValueError("all that the block holds")
        return self._tree.without_line(line)

    def parent(self, node: cst.CSTNode) -> cst.CSTNode | None:
        """What an original node stands in; None for the module."""
        return self._tree.parents.get(node)

    def around(self, node: cst.CSTNode | None = None) -> Iterator[cst.CSTNode]:
        """A node and what it stands in, outward."""
        current: cst.CSTNode | None = node or self.node
        while current is not None:
            yield current
            current = self._tree.parents.get(current)

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


def locate(document: Document, finding: Finding) -> Site | None:
    """The site of a finding; None where the text does not parse, or nothing stands at the finding's place."""
    try:
        tree = tree_around(document, finding.range.start.line)
        return Site(document, finding, tree) if tree else None
    except (SyntaxError, ValueError, RecursionError, cst.ParserSyntaxError):
        return None


def argument(call: cst.Call, keyword: str, position: int | None = None) -> cst.Arg | None:
    """An argument of a call by its keyword, or by its position where it has one."""
    named = next((arg for arg in call.args if arg.keyword and arg.keyword.value == keyword), None)
    if named or position is None or position >= len(call.args):
        return named
    positional = call.args[: position + 1]
    return positional[-1] if not any(arg.keyword or arg.star for arg in positional) else None


def unpacks(call: cst.Call) -> bool:
    """Whether a call takes arguments out of ``*`` or ``**``: which ones, the text does not say."""
    return any(arg.star for arg in call.args)


def with_argument(call: cst.Call, keyword: str, value: str) -> cst.Call:
    """A copy of a call in which a keyword argument has a value: replaced where it stands, else added at the end."""
    new_value = cst.parse_expression(value)
    for index, arg in enumerate(call.args):
        if arg.keyword and arg.keyword.value == keyword:
            return call.with_changes(
                args=[*call.args[:index], arg.with_changes(value=new_value), *call.args[index + 1 :]]
            )
    equal = cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace(""))
    added = cst.Arg(new_value, keyword=cst.Name(keyword), equal=equal)
    if not call.args:
        return call.with_changes(args=[added])
    *before, last = call.args
    return call.with_changes(args=[*before, *_appended(call, last, added)])


def without_argument(call: cst.Call, removed: cst.Arg) -> cst.Call:
    """A copy of a call without one of its arguments; the layout of the others stays."""
    index = next(index for index, arg in enumerate(call.args) if arg is removed)
    args = [*call.args[:index], *call.args[index + 1 :]]
    if index == len(args) and args:
        args[-1] = _last(args[-1], removed)
    if not args:
        return call.with_changes(args=[], whitespace_before_args=cst.SimpleWhitespace(""))
    return call.with_changes(args=args)


def _last(arg: cst.Arg, removed: cst.Arg) -> cst.Arg:
    """An argument in the place of the last one, with the comment behind it."""
    comment = arg.comma.whitespace_after if isinstance(arg.comma, cst.Comma) else None
    comma, end = removed.comma, removed.whitespace_after_arg
    if isinstance(comment, cst.ParenthesizedWhitespace):
        if isinstance(comma, cst.Comma) and isinstance(comma.whitespace_after, cst.ParenthesizedWhitespace):
            comma = comma.with_changes(
                whitespace_after=comma.whitespace_after.with_changes(first_line=comment.first_line)
            )
        elif isinstance(end, cst.ParenthesizedWhitespace):
            end = end.with_changes(first_line=comment.first_line)
    return arg.with_changes(comma=comma, whitespace_after_arg=end)


def _appended(call: cst.Call, last: cst.Arg, added: cst.Arg) -> tuple[cst.Arg, cst.Arg]:
    """The last argument and the one that follows it now: on a line of its own where the arguments have their own."""
    trailing = isinstance(last.comma, cst.Comma)
    end = last.comma.whitespace_after if isinstance(last.comma, cst.Comma) else last.whitespace_after_arg
    own_lines = isinstance(end, cst.ParenthesizedWhitespace) and isinstance(
        call.whitespace_before_args, cst.ParenthesizedWhitespace
    )
    between: cst.BaseParenthesizableWhitespace = cst.SimpleWhitespace(" ")
    if isinstance(end, cst.ParenthesizedWhitespace) and (own_lines or end.first_line.comment):
        margin = _margin(call) or end
        between = end.with_changes(indent=margin.indent, last_line=margin.last_line)
        plain = end.first_line.with_changes(whitespace=cst.SimpleWhitespace(""), comment=None)
        end = end.with_changes(first_line=plain, empty_lines=[])
    if trailing:
        added = added.with_changes(comma=cst.Comma(whitespace_after=end))
    else:
        added = added.with_changes(whitespace_after_arg=end)
    moved = last.with_changes(comma=cst.Comma(whitespace_after=between), whitespace_after_arg=cst.SimpleWhitespace(""))
    return moved, added


def _margin(call: cst.Call) -> cst.ParenthesizedWhitespace | None:
    """The white space before an argument that begins its line."""
    between = [arg.comma.whitespace_after for arg in call.args[:-1] if isinstance(arg.comma, cst.Comma)]
    spaces = [call.whitespace_before_args, *between]
    return next((space for space in spaces if isinstance(space, cst.ParenthesizedWhitespace)), None)
