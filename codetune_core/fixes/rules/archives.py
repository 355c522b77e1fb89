"""Fixes for archives whose members are written wherever they say."""

import ast
from collections.abc import Iterator

import libcst as cst

from codetune_core.domain.fix import Applicability
from codetune_core.fixes.imports import module_of
from codetune_core.fixes.registry import Proposal, fixes
from codetune_core.fixes.site import Site, unpacks, with_argument
from codetune_core.fixes.surroundings import scopes_around

_TITLE = 'extract with `filter="data"`'
_NOTE = (
    "Members with absolute paths or `..`, links out of the folder and devices are refused with `tarfile.FilterError`; "
    "owners and the permissions of others are not taken over. Needs Python 3.12, or a security release of an older one "
    "(3.11.4, 3.10.12, 3.9.17, 3.8.17)."
)
_ADVICE = (
    'For a tar archive pass `filter="data"` (Python 3.12, and the security releases before it). `zipfile` has no such '
    "argument: it drops drive letters, leading slashes and `..` by itself."
)


@fixes("S202")
def tar_filter(site: Site) -> Iterator[Proposal]:
    """``tar.extractall(path)`` -> ``tar.extractall(path, filter="data")``."""
    call = site.nearest(cst.Call)
    if (
        call is None
        or not isinstance(call.func, cst.Attribute)
        or call.func.attr.value not in ("extract", "extractall")
    ):
        return
    makers = _makers(site, call.func.value)
    if not unpacks(call) and makers and all(maker.startswith("tarfile.") for maker in makers):
        edits = (site.replace(call, with_argument(call, "filter", '"data"')),)
        yield Proposal(_TITLE, Applicability.UNSAFE, edits, note=_NOTE)
    elif not any(maker.startswith("zipfile.") for maker in makers):
        yield Proposal(_TITLE, Applicability.DISPLAY_ONLY, note=_ADVICE)


def _makers(site: Site, archive: cst.BaseExpression) -> set[str]:
    """Qualified names of the functions that may have made an archive, or of the classes it is annotated with."""
    if isinstance(archive, cst.Call):
        return {site.imports.qualified(archive.func)}
    name, line = site.code(archive), site.range(archive).start.line
    for scope in scopes_around(module_of(site.document).tree, line):
        made = {_qualified(site, maker) for maker in _named(scope, name)}
        if made:
            return made
    return set()


def _named(scope: ast.AST, name: str) -> Iterator[ast.expr | None]:
    """What a name is given in a scope: the function that is called, the annotation, or None for anything else."""
    for node in ast.walk(scope):
        match node:
            case ast.Assign(targets=targets, value=value) if any(ast.unparse(target) == name for target in targets):
                yield _maker(value)
            case ast.NamedExpr(target=target, value=value) if ast.unparse(target) == name:
                yield _maker(value)
            case ast.withitem(context_expr=value, optional_vars=ast.expr() as target) if ast.unparse(target) == name:
                yield _maker(value)
            case ast.AnnAssign(target=target, annotation=annotation) if ast.unparse(target) == name:
                yield annotation
            case ast.arg(arg=parameter, annotation=annotation) if parameter == name and annotation:
                yield annotation
            case _:
                pass


def _maker(value: ast.expr) -> ast.expr | None:
    """The function called in ``f(...)``, also in ``closing(f(...))`` and ``stack.enter_context(f(...))``."""
    if not isinstance(value, ast.Call):
        return None
    inner = value.args[0] if len(value.args) == 1 else None
    wrapped = ast.unparse(value.func).rpartition(".")[2] in ("closing", "enter_context")
    return inner.func if wrapped and isinstance(inner, ast.Call) else value.func


def _qualified(site: Site, node: ast.expr | None) -> str:
    return site.imports.qualified(cst.parse_expression(ast.unparse(node))) if node else ""
