"""What the names of a module mean by its imports, and how to reach a name that is not imported yet."""

import ast
from dataclasses import dataclass
from functools import lru_cache

import libcst as cst
from libcst.helpers import get_full_name_for_node

from codetune_core.domain.document import Document
from codetune_core.domain.text import Edit, Position, Range


@dataclass(frozen=True, slots=True)
class Reference:
    """How to write a name here, and the import statement that this needs, empty where none."""

    code: str
    statement: str = ""


class Imports:
    """The imports of one module; raises SyntaxError for a text that does not parse."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._module = ast.parse(document.text)
        self._meaning: dict[str, str] = {}
        self._global: dict[str, str] = {}
        self._bound: set[str] = set()
        for node in ast.walk(self._module):
            self._note(node)
        for statement in self._module.body:
            if isinstance(statement, ast.Import | ast.ImportFrom):
                self._global.update(_bindings(statement))

    def qualified(self, node: cst.CSTNode) -> str:
        """Dotted name of a name or attribute with import aliases resolved; empty for any other expression."""
        dotted = get_full_name_for_node(node) if isinstance(node, cst.Name | cst.Attribute) else None
        if not dotted:
            return ""
        head, _, rest = dotted.partition(".")
        return f"{self._meaning.get(head, head)}.{rest}" if rest else self._meaning.get(head, head)

    def reference(self, module: str, name: str = "") -> Reference | None:
        """How to write ``module.name`` (or the module itself); None where every way is taken by another meaning."""
        dotted = f"{module}.{name}" if name else module
        for local, meaning in self._global.items():
            if meaning == dotted:
                return Reference(local)
            if name and meaning == module:
                return Reference(f"{local}.{name}")
        if module.partition(".")[0] not in self._bound:
            return Reference(dotted, f"import {module}")
        if name and name not in self._bound:
            return Reference(name, f"from {module} import {name}")
        return None

    def insertion(self, statement: str) -> Edit:
        """The edit that adds an import statement: into the first block of imports, else below the module's docstring."""
        newline = "\r\n" if "\r\n" in self._document.text else "\n"
        line = self._place(statement)
        at = Position(line, 0)
        gap = "" if self._in_block(line) else newline
        if line >= len(self._document.lines) or (line == len(self._document.lines) - 1 and self._document.lines[line]):
            return Edit(Range(at, at), f"{statement}{newline}{gap}")
        return Edit(Range(at, at), f"{statement}{newline}{gap}")

    def _place(self, statement: str) -> int:
        body = self._module.body
        start = 0
        if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
            start = 1
        while start < len(body) and _is_future(body[start]):
            start += 1
        block = []
        for node in body[start:]:
            if not isinstance(node, ast.Import | ast.ImportFrom):
                break
            block.append(node)
        before = [node for node in block if ast.unparse(node) < statement]
        if before:
            return before[-1].end_lineno or before[-1].lineno
        if block:
            return block[0].lineno - 1
        return (body[start - 1].end_lineno or 0) if start else self._below_header()

    def _below_header(self) -> int:
        """The first line that is not a ``#!`` or an encoding comment."""
        lines = self._document.lines
        line = 0
        while line < min(2, len(lines)) and lines[line].startswith("#"):
            line += 1
        return line

    def _in_block(self, line: int) -> bool:
        return any(
            isinstance(node, ast.Import | ast.ImportFrom) and line in (node.lineno - 1, node.end_lineno)
            for node in self._module.body
        )

    def _note(self, node: ast.AST) -> None:
        match node:
            case ast.Import() | ast.ImportFrom():
                self._meaning.update(_bindings(node))
                self._bound.update(_bindings(node))
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.arg(arg=name):
                self._bound.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                self._bound.add(name)
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                self._bound.add(name)
            case ast.Global(names=names) | ast.Nonlocal(names=names):
                self._bound.update(names)


@lru_cache(maxsize=8)
def imports_of(document: Document) -> Imports:
    """The imports of a document; remembered for the documents asked for last."""
    return Imports(document)


def _bindings(node: ast.Import | ast.ImportFrom) -> dict[str, str]:
    if isinstance(node, ast.ImportFrom):
        module = "." * node.level + (node.module or "")
        return {alias.asname or alias.name: f"{module}.{alias.name}" for alias in node.names}
    return {
        alias.asname or alias.name.partition(".")[0]: alias.name if alias.asname else alias.name.partition(".")[0]
        for alias in node.names
    }


def _is_future(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"
