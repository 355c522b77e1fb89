"""What each name of a Python module is bound to, scope by scope."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)

Place = tuple[int, int]
"""Line from 1 and column in UTF-8 bytes, as ``ast`` counts."""


@dataclass(frozen=True, slots=True)
class Imported:
    """One import of a name.

    Attributes:
        meaning: qualified name; with its leading dots for a relative import.
        modules: full names of the modules it loads, such as ``os`` and ``os.path``.
        end: where the statement ends.
        typing_only: stands under ``if TYPE_CHECKING``.
    """

    meaning: str
    modules: tuple[str, ...]
    end: Place
    typing_only: bool


@dataclass
class Scope:
    """A module, class, function or comprehension: what it imports, and the names it binds in any other way."""

    node: ast.AST
    outer: "Scope | None" = None
    imports: defaultdict[str, list[Imported]] = field(default_factory=lambda: defaultdict(list))
    others: set[str] = field(default_factory=set)
    inner: list["Scope"] = field(default_factory=list)

    @property
    def is_class(self) -> bool:
        """Whether functions inside do not see its names."""
        return isinstance(self.node, ast.ClassDef)

    def at(self, place: Place) -> "Scope":
        """The innermost scope around a place."""
        inner = next((scope for scope in self.inner if scope.holds(place)), None)
        return inner.at(place) if inner else self

    def holds(self, place: Place) -> bool:
        """Whether the place is inside."""
        start, end = _extent(self.node)
        return start <= place < end

    def visible(self) -> Iterator["Scope"]:
        """The scopes in which a name is looked up, from here outward."""
        yield self
        scope = self.outer
        while scope:
            if not scope.is_class:
                yield scope
            scope = scope.outer

    def binds(self, name: str) -> bool:
        """Whether the name is bound here."""
        return name in self.imports or name in self.others


def scopes_of(module: ast.Module) -> Scope:
    """The scope of a module, with those inside it."""
    top = Scope(module)
    for statement in module.body:
        _visit(statement, top, typing_only=False)
    return top


def bindings(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Local name, meaning and loaded modules of each name that a statement imports."""
    for alias in node.names:
        if isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            meaning = f"{module}{'' if module.endswith('.') else '.'}{alias.name}"
            yield alias.asname or alias.name, meaning, ()
        else:
            parts = alias.name.split(".")
            modules = tuple(".".join(parts[: count + 1]) for count in range(len(parts)))
            yield alias.asname or parts[0], alias.name if alias.asname else parts[0], modules


def _extent(node: ast.AST) -> tuple[Place, Place]:
    start = (getattr(node, "lineno", 1), getattr(node, "col_offset", 0))
    return start, (getattr(node, "end_lineno", 1), getattr(node, "end_col_offset", 0))


def _visit(node: ast.AST, scope: Scope, *, typing_only: bool) -> None:
    _bind(node, scope, typing_only=typing_only)
    if isinstance(node, (*_FUNCTIONS, *_COMPREHENSIONS, ast.ClassDef)):
        scope.inner.append(Scope(node, scope))
        scope = scope.inner[-1]
    if isinstance(node, ast.If) and _is_type_checking(node.test):
        for statement in node.body:
            _visit(statement, scope, typing_only=True)
        for statement in node.orelse:
            _visit(statement, scope, typing_only=typing_only)
        return
    for child in ast.iter_child_nodes(node):
        _visit(child, scope, typing_only=typing_only)


def _bind(node: ast.AST, scope: Scope, *, typing_only: bool) -> None:
    match node:
        case ast.Import() | ast.ImportFrom():
            end = _extent(node)[1]
            for name, meaning, modules in bindings(node):
                scope.imports[name].append(Imported(meaning, modules, end, typing_only))
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
            _home(node, scope).others.add(name)
        case ast.arg(arg=name) | ast.ExceptHandler(name=str(name)):
            scope.others.add(name)
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            scope.others.add(name)
        case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
            scope.others.add(name)
        case ast.Global(names=names) | ast.Nonlocal(names=names):
            for name in names:
                _above(scope, name)
        case _:
            pass


def _home(node: ast.Name, scope: Scope) -> Scope:
    """The scope that a stored name belongs to: ``:=`` in a comprehension binds outside of it."""
    while isinstance(scope.node, _COMPREHENSIONS) and scope.outer and not _is_target(node, scope.node):
        scope = scope.outer
    return scope


def _is_target(node: ast.Name, comprehension: ast.AST) -> bool:
    generators: list[ast.comprehension] = getattr(comprehension, "generators", [])
    return any(node is inner for generator in generators for inner in ast.walk(generator.target))


def _above(scope: Scope, name: str) -> None:
    """A name declared ``global`` or ``nonlocal`` is bound in every scope around, to be on the safe side."""
    outer: Scope | None = scope
    while outer:
        outer.others.add(name)
        outer = outer.outer


def _is_type_checking(test: ast.expr) -> bool:
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )
