"""Fixes for connections to a peer that nobody identified: certificates, host names, SSH host keys not checked."""

import ast
from collections.abc import Iterator

import libcst as cst

from codetune_core.domain.fix import Applicability
from codetune_core.domain.text import Edit
from codetune_core.fixes.imports import module_of
from codetune_core.fixes.registry import Proposal, fixes
from codetune_core.fixes.site import Site, without_argument
from codetune_core.fixes.surroundings import neighbour, own_nodes, range_of, scopes_around

_VERIFIED_ARGUMENTS = frozenset(("purpose", "cafile", "capath", "cadata"))
_DROPPED_ARGUMENTS = frozenset(("cert_reqs", "check_hostname", "protocol"))
_CERTIFICATE = (
    "Connections to servers with self-signed, expired or foreign certificates fail from now on. For a private "
    "authority load its certificate: `context.load_verify_locations(...)`, or the argument `cafile`."
)
_HOST_KEY = (
    "Hosts that are not in the known hosts are refused. Load them: `client.load_system_host_keys()`, or "
    "`client.load_host_keys(path)` with a file that `ssh-keyscan` wrote and a person checked."
)


@fixes("S323")
def unverified_context(site: Site) -> Iterator[Proposal]:
    """``ssl._create_unverified_context()`` -> ``ssl.create_default_context()``."""
    reference = site.imports.reference("ssl", "create_default_context")
    call = site.call("ssl._create_unverified_context")
    if reference is None:
        return
    if call is None:
        edit = site.replace(site.node, reference.code) if site.code(site.node).endswith("_unverified_context") else None
    else:
        edit = _verified(site, call, reference.code)
    if edit:
        yield Proposal("check the server's certificate", Applicability.UNSAFE, (edit,), (reference,), _CERTIFICATE)


@fixes("CT104")
def switched_off(site: Site) -> Iterator[Proposal]:
    """``context.check_hostname = False`` and ``verify_mode = ssl.CERT_NONE`` are switched on, both together."""
    statement = site.node.body[0] if isinstance(site.node, cst.SimpleStatementLine) else site.node
    if not isinstance(statement, cst.Assign) or not isinstance(statement.targets[0].target, cst.Attribute):
        return
    owner = site.code(statement.targets[0].target.value)
    found = list(_switched_on(site, owner))
    if any(range_of(site.document, node) == site.range(statement) for node, _ in found):
        edits = tuple(Edit(range_of(site.document, node.value), value) for node, value in found)
        yield Proposal("check the server's certificate and name", Applicability.UNSAFE, edits, note=_CERTIFICATE)


@fixes("CT104")
def switched_off_argument(site: Site) -> Iterator[Proposal]:
    """``cert_reqs="CERT_NONE"`` -> ``"CERT_REQUIRED"``; ``assert_hostname=False`` is left out."""
    call = site.nearest(cst.Call)
    if not isinstance(site.node, cst.Arg) or site.node.keyword is None or call is None:
        return
    code = site.code(site.node.value)
    if site.node.keyword.value == "assert_hostname":
        edit = site.replace(call, without_argument(call, site.node))
    elif code == "False":
        edit = site.replace(site.node.value, "True")
    elif "CERT_NONE" in code:
        edit = site.replace(site.node.value, code.replace("CERT_NONE", "CERT_REQUIRED"))
    else:
        return
    yield Proposal("check the server's certificate and name", Applicability.UNSAFE, (edit,), note=_CERTIFICATE)


@fixes("S507")
def unknown_host(site: Site) -> Iterator[Proposal]:
    """``AutoAddPolicy`` and ``WarningPolicy`` of Paramiko -> ``RejectPolicy``."""
    policy = site.node.value if isinstance(site.node, cst.Arg) else site.node
    policy = policy.func if isinstance(policy, cst.Call) else policy
    reference = neighbour(site, policy, "RejectPolicy") if isinstance(policy, cst.BaseExpression) else None
    if isinstance(policy, cst.BaseExpression) and reference:
        edits = (site.replace(policy, reference.code),)
        yield Proposal("refuse hosts whose key is not known", Applicability.UNSAFE, edits, (reference,), _HOST_KEY)


def _verified(site: Site, call: cst.Call, function: str) -> Edit | None:
    """The call with the arguments that both functions take; None where another one stands."""
    kept = call
    for arg in call.args:
        name = arg.keyword.value if arg.keyword else "" if arg.star else "protocol"
        if name in _DROPPED_ARGUMENTS:
            kept = without_argument(kept, next(each for each in kept.args if each.deep_equals(arg)))
        elif name not in _VERIFIED_ARGUMENTS:
            return None
    return site.replace(call, kept.with_changes(func=cst.parse_expression(function)))


def _switched_on(site: Site, owner: str) -> Iterator[tuple[ast.Assign, str]]:
    """What switches the checks of a context off in this scope, with the value that switches them on."""
    scope = scopes_around(module_of(site.document).tree, site.finding.range.start.line)[0]
    for node in own_nodes(scope):
        match node:
            case ast.Assign(targets=[ast.Attribute(value=context, attr=name), *_]) if ast.unparse(context) == owner:
                code = ast.unparse(node.value)
            case _:
                continue
        if name == "check_hostname" and code == "False":
            yield node, "True"
        elif name == "verify_mode" and code.endswith("CERT_NONE"):
            yield node, code.replace("CERT_NONE", "CERT_REQUIRED")
