"""Modules, classes and functions of a Python tree with what their names stand for."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

_INNER = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_NAMED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_BINDING = (ast.Assign, ast.AnnAssign, ast.NamedExpr, ast.withitem)
_DEPTH = 5


@dataclass
class Scope:
    """One scope: its nodes without those of inner ones, its parameters, and the scope whose names it sees."""

    outer: "Scope | None"
    nodes: list[ast.AST] = field(default_factory=list)
    parameters: frozenset[str] = frozenset()
    is_class: bool = False
    functions: "dict[str, Scope]" = field(default_factory=dict)

    @cached_property
    def imports(self) -> dict[str, str]:
        """Local name -> qualified name, such as ``j`` -> ``jwt`` and ``decode`` -> ``jwt.decode``."""
        names: dict[str, str] = {}
        for node in self.nodes:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    first = alias.name.split(".")[0]
                    names[alias.asname or first] = alias.name if alias.asname else first
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        return names

    @cached_property
    def assignments(self) -> dict[str, list[ast.expr | None]]:
        """Name -> every value it is given here; None for a value that is not known, as of a loop variable."""
        values: dict[str, list[ast.expr | None]] = {}
        known: set[int] = set()
        for node in self.nodes:  # an assignment comes before the names it assigns to
            if isinstance(node, ast.Name):
                if not isinstance(node.ctx, ast.Load) and id(node) not in known:
                    values.setdefault(node.id, []).append(None)
            elif isinstance(node, _NAMED):
                values.setdefault(node.name, []).append(None)
            elif isinstance(node, _BINDING):
                for target, value in _bindings(node):
                    values.setdefault(target.id, []).append(value)
                    known.add(id(target))
        return values

    def qualified(self, node: ast.expr | None, depth: int = _DEPTH) -> str:
        """What a dotted name or a call stands for, imports and variables followed, such as ``hmac.new().digest``.

        Empty where the expression is neither.
        """
        if isinstance(node, ast.Attribute):
            owner = self.qualified(node.value, depth)
            return f"{owner}.{node.attr}" if owner else ""
        if isinstance(node, ast.Call):
            function = self.qualified(node.func, depth)
            return f"{function}()" if function else ""
        if not isinstance(node, ast.Name):
            return ""
        value = self.value(node)
        if depth and value is not node and isinstance(value, ast.Attribute | ast.Call | ast.Name):
            return self.qualified(value, depth - 1)
        return self._imported(node.id)

    def value(self, node: ast.expr | None, depth: int = _DEPTH) -> ast.expr | None:
        """What an expression stands for: a name given one value only, here or around, is followed to that value."""
        if not isinstance(node, ast.Name) or not depth:
            return node
        scope: Scope | None = self
        while scope:
            if node.id in scope.parameters or node.id in scope.imports:
                return node
            if values := scope.assignments.get(node.id):
                return scope.value(values[0], depth - 1) if len(values) == 1 and values[0] is not None else node
            scope = scope.outer
        return node

    def returned(self, call: ast.Call) -> list[tuple[ast.expr, "Scope"]]:
        """What a function of the same module can return, with its scope; empty where the function is not known."""
        scope: Scope | None = self
        while scope and isinstance(call.func, ast.Name):
            if function := scope.functions.get(call.func.id):
                return [
                    (node.value, function) for node in function.nodes if isinstance(node, ast.Return) and node.value
                ]
            scope = scope.outer
        return []

    def _imported(self, name: str) -> str:
        scope: Scope | None = self
        while scope:
            if name in scope.imports:
                return scope.imports[name]
            if name in scope.parameters or name in scope.assignments:
                return ""
            scope = scope.outer
        return name


def scopes(tree: ast.Module) -> list[Scope]:
    """Every scope of a module, outer before inner."""
    module = Scope(None)
    found = [module]
    waiting: list[tuple[ast.AST, Scope]] = [(node, module) for node in reversed(tree.body)]
    while waiting:
        node, scope = waiting.pop()
        scope.nodes.append(node)
        if isinstance(node, _INNER):
            inner = Scope(scope.outer if scope.is_class else scope, parameters=_parameters(node))
            inner.is_class = isinstance(node, ast.ClassDef)
            if isinstance(node, ast.FunctionDef) and not scope.is_class:
                scope.functions[node.name] = inner
            scope = inner
            found.append(scope)
        waiting += [(child, scope) for child in reversed(_children(node))]
    return found


def _children(node: ast.AST) -> list[ast.AST]:
    """What ``ast.iter_child_nodes`` yields, without the shared nodes that stand for operators and contexts."""
    children: list[ast.AST] = []
    for name in node._fields:
        value = getattr(node, name, None)
        if isinstance(value, list):
            children += [each for each in value if isinstance(each, ast.AST)]
        elif isinstance(value, ast.AST) and value._fields:
            children.append(value)
    return children


def _parameters(node: ast.AST) -> frozenset[str]:
    arguments = getattr(node, "args", None)
    return (
        frozenset(each.arg for each in ast.walk(arguments) if isinstance(each, ast.arg)) if arguments else frozenset()
    )


def _bindings(node: ast.AST) -> Iterator[tuple[ast.Name, ast.expr | None]]:
    if isinstance(node, ast.Assign):
        for target in node.targets:
            if isinstance(target, ast.Name):
                yield target, node.value
    elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and isinstance(node.target, ast.Name) and node.value:
        yield node.target, node.value
    elif isinstance(node, ast.withitem) and isinstance(node.optional_vars, ast.Name):
        yield node.optional_vars, node.context_expr
