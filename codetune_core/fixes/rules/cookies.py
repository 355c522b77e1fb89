"""Fixes for cookies that travel unencrypted, that scripts read, or that other sites make the browser send."""

import re
from collections.abc import Iterator

import libcst as cst

from codetune_core.domain.fix import Applicability
from codetune_core.fixes.registry import Proposal, fixes
from codetune_core.fixes.site import Site, argument, unpacks, with_argument

_PLACES = {"secure": 6, "httponly": 7, "samesite": 8}
"""Positions in ``set_cookie`` of Werkzeug, Django and Starlette alike."""
_VALUES = {"secure": "True", "httponly": "True", "samesite": '"Lax"'}
_OFF = frozenset(("False", "None", "0", '""', "''", '"None"', "'None'", '"none"', "'none'"))
_READ_BY_SCRIPTS = re.compile(r"csrf|xsrf", re.IGNORECASE)
_NOTE = (
    "`secure`: sent over HTTPS only (browsers make an exception for localhost); `httponly`: JavaScript cannot read it; "
    "`samesite`: not sent with forms that other sites post."
)


@fixes("CT101")
def set_cookie(site: Site) -> Iterator[Proposal]:
    """``response.set_cookie(...)`` gets ``secure``, ``httponly`` and ``samesite`` where they are missing or off."""
    call = site.call()
    if call is None or unpacks(call) or not site.code(call.func).endswith("set_cookie"):
        return
    wanted = [name for name in _PLACES if name != "httponly" or not _for_scripts(site, call)]
    changed = [name for name in wanted if _is_off(site, argument(call, name, _PLACES[name]))]
    new = call
    for name in changed:
        new = _with_value(new, name)
    if changed:
        title = f"set {', '.join(changed)} for the cookie"
        yield Proposal(title, Applicability.UNSAFE, (site.replace(call, new),), note=_NOTE)


@fixes("CT101")
def cookie_setting(site: Site) -> Iterator[Proposal]:
    """``SESSION_COOKIE_SECURE = False`` -> ``True``, as an assignment, a keyword or an entry of a dictionary."""
    off = _switched_off(site)
    if off is not None:
        yield Proposal("protect the cookie", Applicability.UNSAFE, (site.replace(off, "True"),), note=_NOTE)


def _for_scripts(site: Site, call: cst.Call) -> bool:
    """Whether the cookie is one that the page's own scripts must read."""
    name = argument(call, "key", 0)
    return name is not None and bool(_READ_BY_SCRIPTS.search(site.code(name.value)))


def _is_off(site: Site, given: cst.Arg | None) -> bool:
    return given is None or site.code(given.value) in _OFF


def _with_value(call: cst.Call, name: str) -> cst.Call:
    given = argument(call, name, _PLACES[name])
    if given is None:
        return with_argument(call, name, _VALUES[name])
    return call.with_deep_changes(given, value=cst.parse_expression(_VALUES[name]))


def _switched_off(site: Site) -> cst.BaseExpression | None:
    """The ``False`` that the finding is about."""
    node: cst.CSTNode = site.node
    if isinstance(node, cst.SimpleStatementLine):
        node = node.body[0]
    value = node.value if isinstance(node, cst.Assign | cst.AnnAssign | cst.Arg) else node
    return value if isinstance(value, cst.Name) and value.value == "False" else None
