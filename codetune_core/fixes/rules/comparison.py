"""Fixes for secrets compared in a time that tells how much of a guess was right."""

from collections.abc import Iterator

import libcst as cst

from codetune_core.domain.fix import Applicability
from codetune_core.domain.text import Edit
from codetune_core.fixes.registry import Proposal, fixes
from codetune_core.fixes.site import Site

_REQUEST_PARTS = frozenset(("headers", "cookies", "META", "form", "args", "GET", "POST", "query_params", "values"))
_NOTE = (
    "`compare_digest` takes two `bytes`, or two `str` of ASCII characters only; anything else, None too, raises "
    "`TypeError`, where `==` said False. Encode both sides where the text comes from outside."
)


@fixes("CT103")
def constant_time(site: Site) -> Iterator[Proposal]:
    """``a == b`` -> ``hmac.compare_digest(a, b)``, ``a != b`` -> ``not hmac.compare_digest(a, b)``."""
    comparison = site.nearest(cst.Comparison)
    reference = site.imports.reference("hmac", "compare_digest")
    if comparison is None or reference is None or len(comparison.comparisons) != 1:
        return
    target = comparison.comparisons[0]
    if not isinstance(target.operator, cst.Equal | cst.NotEqual):
        return
    call = f"{reference.code}({_text(site, comparison.left)}, {_text(site, target.comparator)})"
    edits = (_edit(site, comparison, call, equal=isinstance(target.operator, cst.Equal)),)
    yield Proposal("compare with `hmac.compare_digest`", Applicability.UNSAFE, edits, (reference,), _NOTE)


def _edit(site: Site, comparison: cst.Comparison, call: str, *, equal: bool) -> Edit:
    if equal:
        return site.replace(comparison, _kept(comparison, call))
    around = site.parent(comparison)
    if isinstance(around, cst.UnaryOperation) and isinstance(around.operator, cst.Not):
        return site.replace(around, call)
    return site.replace(comparison, _kept(comparison, f"not {call}"))


def _kept(comparison: cst.Comparison, code: str) -> str:
    """The new code in the parentheses that the old one had."""
    return f"({code})" if comparison.lpar else code


def _text(site: Site, side: cst.BaseExpression) -> str:
    """A side as an argument; a part of a request that may be missing becomes an empty text."""
    match side:
        case cst.Call(func=cst.Attribute(value=holder, attr=cst.Name(value="get")), args=[cst.Arg(star="") as name]):
            if site.code(holder).rpartition(".")[2] in _REQUEST_PARTS:
                return site.code(side.with_changes(args=[name, cst.Arg(cst.SimpleString('""'))]))
        case _:
            pass
    return site.code(side)
