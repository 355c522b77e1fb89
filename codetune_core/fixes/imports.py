"""What a name means where a finding stands, and how to reach a name that is not imported yet."""

import ast
import builtins
import sys
from dataclasses import dataclass
from functools import cached_property, lru_cache

import libcst as cst

from codetune_core.domain.document import Document
from codetune_core.domain.text import Edit, Position
from codetune_core.fixes.insertion import Insertions
from codetune_core.fixes.names import Imported, Place, Scope, scopes_of

BYTE_ORDER_MARK = "\ufeff"


@dataclass(frozen=True, slots=True)
class Reference:
    """How to write a name here, and the import statement that this needs, empty where none."""

    code: str
    statement: str = ""


class Module:
    """A parsed module; raises SyntaxError or ValueError for a text that does not parse."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.tree = ast.parse(document.text.removeprefix(BYTE_ORDER_MARK))
        self.scopes = scopes_of(self.tree)
        self.insertions = Insertions(document, self.tree)

    @cached_property
    def emptied(self) -> frozenset[str]:
        """Names that no assignment gives a value but None, as where an import is tried."""
        assigned = [
            (target.id, isinstance(node.value, ast.Constant) and node.value.value is None)
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        ]
        return frozenset(name for name, _ in assigned) - {name for name, empty in assigned if not empty}


class Imports:
    """The names that are visible at one position of a module."""

    def __init__(self, module: Module, position: Position) -> None:
        self._module = module
        self._place = _place(module.document, position)
        self._scope = module.scopes.at(self._place)

    def qualified(self, node: cst.CSTNode) -> str:
        """Dotted name of a name or attribute with import aliases resolved.

        Names that are not imported stand as written. Empty for any other expression, for a name that is both imported
        and assigned, and for a variable that only looks like a module.
        """
        dotted = _dotted(node)
        if not dotted:
            return ""
        head, _, rest = dotted.partition(".")
        meaning = self._meaning(head)
        return f"{meaning}.{rest}" if meaning and rest else meaning

    def reference(self, module: str, name: str = "") -> Reference | None:
        """How to write ``module.name`` (or the module itself); None where every way is taken by another meaning."""
        return self._present(module, name) or self._absent(module, name)

    def insertion(self, statement: str) -> Edit:
        """The edit that adds an import statement at module level: see ``Insertions``."""
        return self._module.insertions.edit(statement, self._place[0])

    def bound(self, name: str) -> bool:
        """Whether the name means something here already, as a variable, an import or a builtin."""
        return self._home(name) is not None or hasattr(builtins, name)

    def _home(self, name: str) -> Scope | None:
        return next((scope for scope in self._scope.visible() if scope.binds(name)), None)

    def _meaning(self, name: str) -> str:
        scope = self._home(name)
        if scope is None:
            return name
        if name in scope.imports:
            hidden = name in scope.others and name not in self._module.emptied
            return "" if hidden else scope.imports[name][0].meaning
        return "" if name in sys.stdlib_module_names else name

    def _present(self, module: str, name: str) -> Reference | None:
        """The way that the imports visible here give."""
        dotted = f"{module}.{name}" if name else module
        usable = [
            (local, imported)
            for scope in self._scope.visible()
            for local, found in scope.imports.items()
            for imported in found
            if self._usable(scope, local, imported)
        ]
        for local, imported in usable:
            if imported.meaning == dotted and (not imported.modules or not name):
                return Reference(local)
        for local, imported in usable:
            if imported.meaning == module and name:
                return Reference(f"{local}.{name}")
        for local, imported in usable:
            if module in imported.modules and local == module.partition(".")[0]:
                return Reference(dotted)
        return None

    def _usable(self, scope: Scope, local: str, imported: Imported) -> bool:
        """Whether an import reaches here, is not hidden by a nearer meaning, and has run by then."""
        if imported.typing_only or self._home(local) is not scope or self._meaning(local) != imported.meaning:
            return False
        return scope is not self._scope or imported.end <= self._place

    def _absent(self, module: str, name: str) -> Reference | None:
        """The way that a new import gives."""
        head = module.partition(".")[0]
        by_name = Reference(name, f"from {module} import {name}") if name and not self.bound(name) else None
        if by_name and self._module.insertions.imports_from(module):
            return by_name
        if self._home(head) is None or self._submodule_joins(head):
            return Reference(f"{module}.{name}" if name else module, f"import {module}")
        return by_name

    def _submodule_joins(self, head: str) -> bool:
        """Whether the name is the same package already, so that importing a part of it changes nothing."""
        scope = self._home(head)
        return (
            scope is self._module.scopes
            and all(imported.meaning == head and imported.modules for imported in scope.imports[head])
            and head not in scope.others
        )


@lru_cache(maxsize=8)
def module_of(document: Document) -> Module:
    """A document parsed; remembered for the documents asked for last."""
    return Module(document)


def _dotted(node: cst.CSTNode) -> str:
    """``a.b.c`` as written; empty where anything but names stands in it."""
    match node:
        case cst.Name(name):
            return name
        case cst.Attribute(value=value, attr=cst.Name(name)):
            owner = _dotted(value)
            return f"{owner}.{name}" if owner else ""
        case _:
            return ""


def _place(document: Document, position: Position) -> Place:
    line = document.lines[position.line] if position.line < len(document.lines) else ""
    before = line[: position.column]
    if position.line == 0:
        before = before.removeprefix(BYTE_ORDER_MARK)
    return position.line + 1, len(before.encode("utf-8", "surrogatepass"))
