"""Fixes for JSON Web Tokens that are believed without a valid signature."""

import ast
from collections.abc import Iterator

import libcst as cst

from codetune_core.domain.fix import Applicability
from codetune_core.fixes.imports import module_of
from codetune_core.fixes.registry import Proposal, fixes
from codetune_core.fixes.site import Site, argument, unpacks, with_argument, without_argument

_TITLE = "verify the token's signature"
_NOTE = (
    "Tokens with a wrong signature raise an error, and so do those that have expired or are meant for another audience: "
    "catch `jwt.PyJWTError` (python-jose: `JWTError`) and treat the caller as unknown."
)
_ADVICE = (
    'Pass the key and the algorithms that the issuer uses: `jwt.decode(token, key, algorithms=["RS256"])`. Never take '
    "the algorithm from the token itself. Where the token is only looked at before it is verified, base no decision "
    "on what it says."
)
_VERIFY_PLACE = 2


@fixes("CT102")
def unverified(site: Site) -> Iterator[Proposal]:
    """``jwt.decode(token, key, verify=False)`` -> without; where no key is at hand, only advice."""
    call = site.node if isinstance(site.node, cst.Call) else None
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
    options = argument(call, "options")
    match options.value if options else None:
        case cst.Dict(elements=[cst.DictElement(key=key)]) if _is_flag(site, key):
            return without_argument(call, options)
        case cst.Call(args=[cst.Arg(keyword=cst.Name(value="verify_signature"))]):
            return without_argument(call, options)
        case cst.Dict(elements=elements) as given:
            for entry in elements:
                if isinstance(entry, cst.DictElement) and _is_flag(site, entry.key):
                    return call.with_deep_changes(entry, value=cst.Name("True"))
            return call.with_deep_changes(given)
        case cst.Call(args=args):
            flags = [arg for arg in args if arg.keyword and arg.keyword.value == "verify_signature"]
            return call.with_deep_changes(flags[0], value=cst.Name("True")) if flags else call
        case _:
            return call


def _with_algorithms(site: Site, call: cst.Call) -> cst.Call | None:
    given = argument(call, "algorithms", _VERIFY_PLACE)
    if given is None:
        if site.imports.qualified(call.func).startswith("jose."):
            return call
        signed = _algorithm_of_encode(site)
        return with_argument(call, "algorithms", f'["{signed}"]') if signed else None
    if not isinstance(given.value, cst.List | cst.Tuple | cst.Set):
        return None if _is_none(site, given.value) else call
    kept = [element for element in given.value.elements if not _is_none(site, element.value)]
    if not kept:
        return None
    if len(kept) == len(given.value.elements):
        return call
    comma = given.value.elements[-1].comma
    if isinstance(given.value, cst.Tuple) and len(kept) == 1:
        comma = cst.Comma()
    kept[-1] = kept[-1].with_changes(comma=comma)
    return call.with_deep_changes(given.value, elements=kept)


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


def _is_flag(site: Site, key: cst.BaseExpression) -> bool:
    return site.code(key).strip("\"'") == "verify_signature"


def _is_none(site: Site, value: cst.BaseExpression) -> bool:
    return isinstance(value, cst.SimpleString) and site.code(value).strip("\"'").lower() == "none"
