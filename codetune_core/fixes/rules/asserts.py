"""Fixes for checks that vanish under ``python -O``: ``assert`` -> ``if`` and ``raise``."""

from collections.abc import Callable, Iterator

import libcst as cst

from codetune_core.domain.fix import Applicability
from codetune_core.domain.text import Edit, Position, Range
from codetune_core.fixes.registry import Proposal, fixes
from codetune_core.fixes.site import Site

_OPPOSITE: dict[type[cst.CSTNode], Callable[..., cst.BaseCompOp]] = {
    cst.Equal: cst.NotEqual,
    cst.NotEqual: cst.Equal,
    cst.Is: cst.IsNot,
    cst.IsNot: cst.Is,
    cst.In: cst.NotIn,
    cst.NotIn: cst.In,
}
"""``<`` has none: of two sets, or where one is NaN, neither ``a < b`` nor ``a >= b`` holds."""
_LOOSE = cst.BooleanOperation | cst.IfExp | cst.Lambda | cst.NamedExpr | cst.Yield
_NOTE = "The check then also runs under `python -O`, which leaves assertions out. What it raises stays the same."


@fixes("S101")
def assert_statement(site: Site) -> Iterator[Proposal]:
    """``assert a == b, text`` -> ``if a != b: raise AssertionError(text)`` on two lines."""
    check = site.nearest(cst.Assert)
    body = site.parent(check) if check else None
    if check is None or not isinstance(body, cst.SimpleStatementLine | cst.SimpleStatementSuite) or len(body.body) > 1:
        return
    edit = _edit(site, check, body)
    if edit:
        yield Proposal("raise the error with `if` and `raise`", Applicability.UNSAFE, (edit,), note=_NOTE)


def _edit(site: Site, check: cst.Assert, body: cst.CSTNode) -> Edit | None:
    raised = f"raise AssertionError({site.code(check.msg)})" if check.msg else "raise AssertionError"
    place = site.range(check)
    if isinstance(check.test, cst.Name) and check.test.value == "False":
        return Edit(place, raised)
    condition = _negated(site, check.test)
    if not condition:
        return None
    line = site.document.lines[place.start.line]
    newline = "\r\n" if line.endswith("\r\n") else "\n"
    margin = line[: len(line) - len(line.lstrip(" \t"))]
    step = _indent(site)
    if isinstance(body, cst.SimpleStatementLine):
        return Edit(place, f"if {condition}:{newline}{margin}{step}{raised}")
    start = Position(place.start.line, len(line[: place.start.column].rstrip()))
    margin += step
    text = f"{newline}{margin}if {condition}:{newline}{margin}{step}{raised}"
    return Edit(Range(start, place.end), text)


def _negated(site: Site, test: cst.BaseExpression) -> str:
    """The opposite of a condition, as one would write it; empty where the condition is a constant."""
    if isinstance(test, cst.Tuple | cst.SimpleString | cst.Integer) or site.code(test) in ("True", "None"):
        return ""
    if isinstance(test, cst.UnaryOperation) and isinstance(test.operator, cst.Not):
        return site.code(test.expression)
    if isinstance(test, cst.Comparison) and len(test.comparisons) == 1:
        target = test.comparisons[0]
        operator = _opposite(target.operator)
        if operator:
            return site.code(test.with_changes(comparisons=[target.with_changes(operator=operator)]))
    if isinstance(test, _LOOSE) and not test.lpar:
        return f"not ({site.code(test)})"
    return f"not {site.code(test)}"


def _opposite(operator: cst.BaseCompOp) -> cst.BaseCompOp | None:
    """The operator that says the contrary, with the same white space around it."""
    match operator:
        case cst.Equal() | cst.NotEqual() | cst.Is() | cst.IsNot() | cst.In() | cst.NotIn():
            opposite = _OPPOSITE[type(operator)]
            return opposite(whitespace_before=operator.whitespace_before, whitespace_after=operator.whitespace_after)
        case _:
            return None


def _indent(site: Site) -> str:
    """One step of indentation, as the module does it."""
    indented = next((line for line in site.document.lines if line[:1] in (" ", "\t") and line.strip()), "")
    return "\t" if indented.startswith("\t") else site.module.default_indent
