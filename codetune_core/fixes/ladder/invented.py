"""V2: what an edited text newly imports or takes from a module is there, in the workspace or installed."""

import ast
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from codetune_core.domain.check import Check
from codetune_core.domain.document import Document
from codetune_core.fixes.ladder.module_text import absolute
from codetune_core.fixes.ladder.modules import Modules
from codetune_core.fixes.ladder.result import Rung, Step, failed, not_run, passed

_MISSING_OK = frozenset(("ImportError", "ModuleNotFoundError", "AttributeError", "Exception", "BaseException"))
_TOLD = 4
"""How many inventions a reason names."""


@dataclass(frozen=True, slots=True)
class Missing:
    """A name that a module does not have; ``module`` is empty where the module itself is missing.

    ``written`` is how the text names the module.
    """

    name: str
    module: str = ""
    written: str = ""


def resolve_names(
    before: Document, after: Document, checks: tuple[Check, Check], modules: Modules, root: Path | None
) -> Step:
    """Compare the names of two texts: only what the edit brings is judged.

    Args:
        before: the current text, which may have unknown names of its own.
        after: the edited copy, which parses.
        checks: what the checker says of both.
        modules: what can be imported.
        root: the workspace's directory, from which relative imports are read.
    """
    if after.language != "python":
        return not_run(Rung.NAMES, "names are resolved in Python only")
    undefined = Counter(checks[1].undefined_names) - Counter(checks[0].undefined_names)
    new = Counter(missing(after, modules, root)) - Counter(missing(before, modules, root))
    reasons = [f"the name `{name}` is not defined" for name in undefined]
    reasons += [_said(each, modules) for each in new]
    return failed(Rung.NAMES, "; ".join(reasons[:_TOLD])) if reasons else passed(Rung.NAMES, "names")


def missing(document: Document, modules: Modules, root: Path | None) -> list[Missing]:
    """What a Python text imports or takes from modules without it being there, one entry a use; nothing is run."""
    try:
        tree = ast.parse(document.text.removeprefix("\ufeff"))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    package = _package(document, root)
    nodes = list(_unguarded(tree))
    found = [each for node in nodes for each in _of_import(node, modules, package)]
    meant = _modules_named(tree, package)
    return found + [each for node in nodes if isinstance(node, ast.Attribute) for each in _of_use(node, meant, modules)]


def _of_import(node: ast.AST, modules: Modules, package: str | None) -> Iterator[Missing]:
    if isinstance(node, ast.Import):
        yield from (Missing(alias.name) for alias in node.names if not modules.exists(alias.name))
    elif isinstance(node, ast.ImportFrom) and not (node.level and package is None):
        module = absolute(node, package or "")
        if not module or not modules.exists(module):
            yield Missing(module or "." * node.level)
            return
        names = [alias.name for alias in node.names if alias.name != "*"]
        yield from (Missing(name, module, module) for name in names if not modules.has(module, name))


def _of_use(node: ast.Attribute, meant: dict[str, frozenset[str]], modules: Modules) -> Iterator[Missing]:
    """The first part of a dotted name that a module does not have, told at the shortest dotted name."""
    owners = _meant(node.value, meant, modules) if isinstance(node.ctx, ast.Load) else frozenset[str]()
    if owners and not any(modules.has(owner, node.attr) for owner in owners):
        yield Missing(node.attr, max(owners), ast.unparse(node.value))


def _meant(node: ast.expr, meant: dict[str, frozenset[str]], modules: Modules) -> frozenset[str]:
    """The modules that a dotted name may stand for; none where it is, or may be, something else."""
    attributes: list[str] = []
    while isinstance(node, ast.Attribute):
        attributes.insert(0, node.attr)
        node = node.value
    starts = meant.get(node.id, frozenset()) if isinstance(node, ast.Name) else frozenset()
    ends = [modules.resolve(".".join((start, *attributes))) for start in starts]
    return frozenset[str]().union(*ends) if ends and all(ends) else frozenset()


def _modules_named(tree: ast.Module, package: str | None) -> dict[str, frozenset[str]]:
    """Names that stand for modules wherever they are used, as nothing but imports binds them anywhere in the text."""
    named: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                named.setdefault(alias.asname or top, set()).add(alias.name if alias.asname else top)
        elif isinstance(node, ast.ImportFrom) and not (node.level and package is None):
            module = absolute(node, package or "")
            for alias in node.names:
                named.setdefault(alias.asname or alias.name, set()).add(f"{module}.{alias.name}")
    bound = set(_bound_otherwise(tree))
    return {name: frozenset(found) for name, found in named.items() if name not in bound}


def _bound_otherwise(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.arg(arg=name):
                yield name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                yield name
            case ast.Attribute(value=ast.Name(id=name), ctx=ast.Store()):  # the module is given attributes here
                yield name


def _unguarded(tree: ast.Module) -> Iterator[ast.AST]:
    """Every node but those in a ``try`` that expects something to be missing, or that run on some systems only."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        children: Iterable[ast.AST] = ast.iter_child_nodes(node)
        if isinstance(node, ast.Try | ast.TryStar) and any(map(_expects, node.handlers)):
            children = (*node.handlers, *node.orelse, *node.finalbody)
        elif isinstance(node, ast.If | ast.IfExp | ast.BoolOp) and _asks_for_system(node):
            children = ()
        waiting += children


def _expects(handler: ast.ExceptHandler) -> bool:
    caught = ast.walk(handler.type) if handler.type else ()
    return handler.type is None or any(isinstance(node, ast.Name) and node.id in _MISSING_OK for node in caught)


def _asks_for_system(node: ast.If | ast.IfExp | ast.BoolOp) -> bool:
    asked = ast.unparse(node.values[0] if isinstance(node, ast.BoolOp) else node.test)
    return any(word in asked for word in ("hasattr", "platform", "os.name", "version_info"))


def _package(document: Document, root: Path | None) -> str | None:
    """Qualified name of the folder of a document, from the workspace's; None where it is in none."""
    path = document.path
    if path is None or root is None or not path.is_relative_to(root):
        return None
    return ".".join(path.parent.relative_to(root).parts)


def _said(each: Missing, modules: Modules) -> str:
    similar = get_close_matches(each.name, modules.similar(each.module), n=1)
    hint = f"; did you mean `{similar[0]}`?" if similar else ""
    if each.module:
        return f"`{each.written}` has no `{each.name}`{hint}"
    return f"there is no module `{each.name}`, neither in this workspace nor installed{hint}"
