"""Fixes for code that is run from a text: ``eval`` of a literal, and advice on ``exec``."""

import ast
from collections.abc import Iterator

import libcst as cst

from codetune_core.domain.fix import Applicability
from codetune_core.fixes.registry import Proposal, fixes
from codetune_core.fixes.site import Site, unpacks

_ADVICE = (
    "Whoever controls a part of this text runs code in this process. Parse the text instead: `ast.literal_eval` for "
    "literals, `json.loads` for data, a table of the allowed operations for formulas, `getattr` with a list of allowed "
    "names for attributes."
)


@fixes("S307")
def eval_literal(site: Site) -> Iterator[Proposal]:
    """``eval(text)`` -> ``ast.literal_eval(text)`` where the text may hold a literal."""
    call = site.call("eval", "builtins.eval")
    reference = site.imports.reference("ast", "literal_eval")
    if call is None or reference is None or not call.args or not _could_be_literal(site, call):
        yield Proposal("read the text without running it", Applicability.DISPLAY_ONLY, note=_ADVICE)
        return
    known = isinstance(call.args[0].value, cst.SimpleString)
    last = call.args[-1]
    text = call.args[0].with_changes(comma=last.comma, whitespace_after_arg=last.whitespace_after_arg)
    new = call.with_changes(func=cst.parse_expression(reference.code), args=[text])
    note = (
        "The text is known, and its value is the same."
        if known
        else "Numbers, strings, bytes, tuples, lists, dicts, sets, booleans and None are read; names, calls and "
        "operators raise `ValueError`."
    )
    applicability = Applicability.SAFE if known else Applicability.UNSAFE
    yield Proposal(
        "read the literal with `ast.literal_eval`", applicability, (site.replace(call, new),), (reference,), note
    )


@fixes("S102")
def exec_text(_site: Site) -> Iterator[Proposal]:
    """There is no harmless ``exec``."""
    yield Proposal("do without running a text as code", Applicability.DISPLAY_ONLY, note=_ADVICE)


def _could_be_literal(site: Site, call: cst.Call) -> bool:
    """Whether nothing says that the text is an expression: names given along, or a text put together as code."""
    text = call.args[0].value
    if unpacks(call) or not all(_gives_no_names(site, arg) for arg in call.args[1:]):
        return False
    if isinstance(text, cst.SimpleString):
        return isinstance(text.evaluated_value, str) and _is_literal(text.evaluated_value)
    return not isinstance(text, cst.FormattedString | cst.ConcatenatedString | cst.BinaryOperation)


def _gives_no_names(site: Site, names: cst.Arg) -> bool:
    """Whether a namespace holds nothing but an attempt to take the builtins away."""
    value = names.value
    if isinstance(value, cst.Dict):
        keys = [site.code(element.key) if isinstance(element, cst.DictElement) else "" for element in value.elements]
        return all(key.strip("\"'") == "__builtins__" for key in keys)
    return site.code(value) == "None"


def _is_literal(text: str) -> bool:
    try:
        ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return False
    return True
