"""What the text of a module binds at its top level, and whether it may bind more than it shows."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

_DYNAMIC = frozenset(("exec", "setattr", "__import__"))
_NAMESPACES = frozenset(("globals", "vars", "locals"))


@dataclass(frozen=True, slots=True)
class Names:
    """The names of a module.

    Attributes:
        known: those its text binds.
        aliases: of them, those that are modules: name -> qualified names of what it may be.
        is_open: it may have others, which its text does not show.
    """

    known: frozenset[str] = frozenset()
    aliases: dict[str, frozenset[str]] = field(default_factory=dict)
    is_open: bool = False


def top_level(tree: ast.Module) -> Iterator[ast.AST]:
    """Every node that runs when the module does: not those in functions and classes."""
    waiting: list[ast.AST] = list(reversed(tree.body))
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            waiting += reversed(list(ast.iter_child_nodes(node)))


def absolute(node: ast.ImportFrom, package: str) -> str:
    """Qualified name of the module that a ``from`` takes from; empty where it points above the top."""
    if not node.level:
        return node.module or ""
    parts = package.split(".") if package else []
    if node.level > len(parts):
        return ""
    kept = parts[: len(parts) - node.level + 1]
    return ".".join([*kept, node.module] if node.module else kept)


def imported(node: ast.Import | ast.ImportFrom, package: str) -> Iterator[tuple[str, str]]:
    """Each name that an import binds, and the qualified name that it then stands for."""
    if isinstance(node, ast.ImportFrom):
        module = absolute(node, package)
        yield from ((alias.asname or alias.name, f"{module}.{alias.name}") for alias in node.names)
        return
    for alias in node.names:
        top = alias.name.partition(".")[0]
        yield alias.asname or top, alias.name if alias.asname else top


def binds(node: ast.AST) -> Iterator[str]:
    """The names that one node binds, other than by an import."""
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Name(id=name, ctx=ast.Store()) | ast.ExceptHandler(name=str(name)):
            yield name
        case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            yield name
        case ast.MatchMapping(rest=str(name)):
            yield name


def is_dynamic(node: ast.AST, held: frozenset[str]) -> bool:
    """Whether a module can give itself names here that its text does not show.

    ``held`` are the variables that hold the dictionary of its names.
    """
    match node:
        case ast.FunctionDef(name="__getattr__") | ast.Name(id="__path__", ctx=ast.Store()):
            return True
        case ast.Call(func=ast.Attribute(attr="_convert_" | "_convert")):  # of enum: members become the module's
            return True
        case ast.Call(func=ast.Name(id=name)) if name in _DYNAMIC:
            return True
        case ast.Call(args=arguments) if any(_is_namespace(each, held) for each in arguments):
            return True
        case ast.Call(func=ast.Attribute(value=owner, attr="update" | "setdefault")):
            return _is_namespace(owner, held)
        case ast.Subscript(value=owner, ctx=ast.Store()) if _is_namespace(owner, held):
            return True
        case ast.Subscript(value=ast.Attribute(value=ast.Name(id="sys"), attr="modules"), slice=key):
            return any(isinstance(each, ast.Name) and each.id == "__name__" for each in ast.walk(key))
        case ast.ClassDef(decorator_list=decorators):
            return any("global_enum" in ast.unparse(decorator) for decorator in decorators)
    return False


def _is_namespace(node: ast.AST, named: frozenset[str] = frozenset()) -> bool:
    """Whether an expression is the dictionary of the module's names, or a variable that holds it."""
    match node:
        case ast.Call(func=ast.Name(id=function), args=[]):
            return function in _NAMESPACES
        case ast.Name(id=name):
            return name in named
    return False


def namespaces(tree: ast.Module) -> frozenset[str]:
    """The variables that hold the dictionary of the module's names."""
    assigned = (node for node in top_level(tree) if isinstance(node, ast.Assign) and _is_namespace(node.value))
    return frozenset(target.id for node in assigned for target in node.targets if isinstance(target, ast.Name))
