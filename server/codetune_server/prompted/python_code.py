"""Small pieces of Python, parsed next to the editor: what a function lacks, and where its docstring goes."""

import ast
from dataclasses import dataclass

from codetune_core.domain.text import split_lines

_MOST_CHARACTERS = 60_000
"""A longer piece is not parsed here: what is small stays small."""
_WRAP = "if 1:\n"

Documented = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True, slots=True)
class Function:
    """A function or class that a piece consists of; lines are counted from 0 within the piece.

    Attributes:
        name: what it is called.
        signature: its text up to the body.
        docstring: what it says; empty where there is none.
        is_stub: whether nothing but a docstring, ``pass``, ``...`` or a NotImplementedError stands in its body.
        body: the line on which the body begins, and whether that is a line of its own.
        documented: the lines of the docstring, the last one included; None where there is none.
    """

    name: str
    signature: str
    docstring: str
    is_stub: bool
    body: int
    is_apart: bool
    documented: tuple[int, int] | None


def parse(code: str) -> ast.Module | None:
    """Parse a piece that may be indented; None where it does not parse or is too long."""
    if len(code) > _MOST_CHARACTERS:
        return None
    try:
        return ast.parse(_wrapped(code))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def function(code: str) -> Function | None:
    """Return the one function or class of a piece; None where it consists of anything else."""
    tree = parse(code)
    body = _statements(tree, code) if tree else []
    if len(body) != 1 or not isinstance(body[0], Documented):
        return None
    node, added = body[0], _added(code)
    first = node.body[0]
    begins, column = min((each.lineno - 1 - added, each.col_offset) for each in _beginnings(first))
    lines = split_lines(code)
    docstring = ast.get_docstring(node)
    ends = (first.lineno - 1 - added, (first.end_lineno or first.lineno) - 1 - added)
    return Function(
        name=node.name,
        signature="".join(lines[:begins]).strip() or lines[0].strip(),
        docstring=docstring or "",
        is_stub=not isinstance(node, ast.ClassDef) and all(map(_says_nothing, node.body)),
        body=begins,
        is_apart=begins > 0 and not lines[begins].encode()[:column].strip(b" \t@"),
        documented=ends if docstring is not None else None,
    )


def fixed_lines(code: str) -> frozenset[int]:
    """Return the lines (from 0) that begin inside a string which is no docstring: shifting them changes a value."""
    tree = parse(code)
    found: set[int] = set()
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, Documented) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:]
        elif isinstance(node, ast.JoinedStr | ast.Constant) and isinstance(getattr(node, "value", ""), str | bytes):
            found |= set(range(node.lineno - _added(code), (node.end_lineno or node.lineno) - _added(code)))
    return frozenset(found)


def shape(code: str) -> str | None:
    """Return what a piece does without its docstrings, to compare it; None where it does not parse."""
    tree = parse(code)
    if tree is None:
        return None
    for node in ast.walk(tree):
        if isinstance(node, Documented) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.dump(tree)


def _wrapped(code: str) -> str:
    return _WRAP + code if _added(code) else code


def _added(code: str) -> int:
    """Return 1 where the piece is indented, and so stands in a block."""
    first = next((line for line in split_lines(code) if line.strip() and not line.lstrip().startswith("#")), "")
    return int(first[:1] in (" ", "\t"))


def _statements(tree: ast.Module, code: str) -> list[ast.stmt]:
    wrapping = tree.body[0] if _added(code) else None
    return wrapping.body if isinstance(wrapping, ast.If) else tree.body


def _says_nothing(statement: ast.stmt) -> bool:
    match statement:
        case ast.Pass() | ast.Expr(value=ast.Constant()):
            return True
        case ast.Raise(exc=ast.Name(id="NotImplementedError") | ast.Call(func=ast.Name(id="NotImplementedError"))):
            return True
    return False


def _beginnings(statement: ast.stmt) -> list[ast.stmt | ast.expr]:
    return [statement, *getattr(statement, "decorator_list", ())]
