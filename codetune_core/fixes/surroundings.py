"""What stands around a site: scopes of the whole module, places of its nodes, neighbours of a name in its module."""

import ast
from collections.abc import Iterator

import libcst as cst

from codetune_core.domain.document import Document
from codetune_core.domain.text import Encoding, Position, Range, from_units
from codetune_core.fixes.imports import BYTE_ORDER_MARK, Reference
from codetune_core.fixes.site import Site

_SCOPES = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def scopes_around(tree: ast.Module, line: int) -> list[ast.AST]:
    """The functions and classes around a line (from 0), the innermost first, and last the module."""
    around = [
        node
        for node in ast.walk(tree)
        if isinstance(node, _SCOPES) and node.lineno - 1 <= line < (node.end_lineno or node.lineno)
    ]
    return [*sorted(around, key=lambda node: -node.lineno), tree]


def own_nodes(scope: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a scope, without those of functions and classes inside."""
    for child in ast.iter_child_nodes(scope):
        yield child
        if not isinstance(child, _SCOPES):
            yield from own_nodes(child)


def range_of(document: Document, node: ast.expr | ast.stmt | ast.alias) -> Range:
    """Where a node of ``ast`` stands in the document."""
    end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or node.col_offset
    return Range(_position(document, node.lineno, node.col_offset), _position(document, end_line, end_column))


def neighbour(site: Site, node: cst.BaseExpression, name: str) -> Reference | None:
    """How to write another name of the module that a name comes from; None where there is no module."""
    if isinstance(node, cst.Attribute):
        return Reference(f"{site.code(node.value)}.{name}")
    module = site.imports.qualified(node).rpartition(".")[0]
    return site.imports.reference(module, name) if module else None


def _position(document: Document, line: int, units: int) -> Position:
    """From ``ast``, which counts lines from 1, and columns in UTF-8 bytes after a byte order mark."""
    text = document.lines[line - 1]
    mark = len(BYTE_ORDER_MARK) if line == 1 and text.startswith(BYTE_ORDER_MARK) else 0
    return Position(line - 1, mark + from_units(text[mark:], units, Encoding.UTF8))
