"""Fixes for JSON Web Tokens that are believed without a valid signature."""

import ast
from collections.abc import Iterator, Sequence

import libcst as cst

from codetune_core.domain.fix import Applicability
from codetune_core.fixes.imports import module_of
from codetune_core.fixes.registry import Proposal, fixes
from codetune_core.fixes.site import Site, argument, unpacks, with_argument, without_argument

_TITLE = "verify the token's signature"
_NOTE = (
    "Tokens with a wrong signature raise an error, and so do those that have expired or are meant for another "
    "audience: catch `jwt.PyJWTError` (python-jose: `JWTError`) and treat the caller as unknown."
)
_ADVICE = (
    'Pass the key and the algorithms that the issuer uses: `jwt.decode(token, key, algorithms=["RS256"])`. Never take '
    "the algorithm from the token itself. Where the token is only looked at before it is verified, base no decision "
    "on what it says."
)
_VERIFY_PLACE = 2
_ALGORITHMS_PLACE = 2
"""In PyJWT 2; PyJWT 1 had the flag there."""


@fixes("CT102")
def unverified(site: Site) -> Iterator[Proposal]:
    """``jwt.decode(token, key, verify=False)`` -> without; where no key is at hand, only advice."""
    call = site.call()
    new = _verifying(site, call) if call else None
    if call and new and not new.deep_equals(call):
        yield Proposal(_TITLE, Applicability.UNSAFE, (site.replace(call, new),), note=_NOTE)
    else:
        yield Proposal(_TITLE, Applicability.DISPLAY_ONLY, note=_ADVICE)


def _verifying(site: Site, call: cst.Call) -> cst.Call | None:
    """The call with every way of not verifying taken out; None where a key or the algorithm is not known."""
    key = argument(call, "key", 1)
    if unpacks(call) or key is None or site.code(key.value) in ("None", '""', "''"):
        return None
    new = _with_options(site, _without_flag(site, call))
    return _with_algorithms(site, new)


def _without_flag(site: Site, call: cst.Call) -> cst.Call:
    flag = argument(call, "verify", _VERIFY_PLACE)
    if flag is None or site.code(flag.value) != "False":
        return call
    if flag.keyword is None:
        return call.with_deep_changes(flag, value=cst.Name("True"))
    return without_argument(call, flag)


def _with_options(site: Site, call: cst.Call) -> cst.Call:
    """Without ``verify_signature``, and without the options where they hold nothing else."""
    options = argument(call, "options")
    entries = _entries(options.value) if options else ()
    flags = [entry for entry in entries if _is_flag(site, entry)]
    if options is None or not flags:
        return call
    if len(entries) == 1:
        return without_argument(call, options)
    return call.with_deep_changes(flags[0], value=cst.Name("True"))


def _entries(options: cst.BaseExpression) -> Sequence[cst.BaseDictElement | cst.Arg]:
    """The entries of ``{...}`` or ``dict(...)``."""
    if isinstance(options, cst.Dict):
        return options.elements
    return options.args if isinstance(options, cst.Call) else ()


def _is_flag(site: Site, entry: cst.BaseDictElement | cst.Arg) -> bool:
    key = entry.key if isinstance(entry, cst.DictElement) else entry.keyword if isinstance(entry, cst.Arg) else None
    return key is not None and site.code(key).strip("\"'") == "verify_signature"


def _with_algorithms(site: Site, call: cst.Call) -> cst.Call | None:
    given = argument(call, "algorithms", _ALGORITHMS_PLACE)
    if given is not None:
        return _without_none(site, call, given.value)
    if site.imports.qualified(call.func).startswith("jose."):
        return call
    signed = _algorithm_of_encode(site)
    return with_argument(call, "algorithms", f'["{signed}"]') if signed else None


def _without_none(site: Site, call: cst.Call, given: cst.BaseExpression) -> cst.Call | None:
    """Without the algorithm that stands for no signature; None where there is no other."""
    if not isinstance(given, cst.List | cst.Tuple | cst.Set):
        return None if _is_none(site, given) else call
    kept = [element for element in given.elements if not _is_none(site, element.value)]
    if not kept:
        return None
    if len(kept) == len(given.elements):
        return call
    alone = isinstance(given, cst.Tuple) and len(kept) == 1
    kept[-1] = kept[-1].with_changes(comma=cst.Comma() if alone else given.elements[-1].comma)
    return call.with_deep_changes(given, elements=kept)


def _algorithm_of_encode(site: Site) -> str:
    """The one algorithm that this module signs tokens with; empty where there is none or more than one."""
    found = set()
    for node in ast.walk(module_of(site.document).tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "encode":
            given = [keyword.value for keyword in node.keywords if keyword.arg == "algorithm"] or node.args[2:3]
            found |= {
                value.value for value in given if isinstance(value, ast.Constant) and isinstance(value.value, str)
            }
    return found.pop() if len(found) == 1 and "none" not in found else ""


def _is_none(site: Site, value: cst.BaseExpression) -> bool:
    return isinstance(value, cst.SimpleString) and site.code(value).strip("\"'").lower() == "none"
