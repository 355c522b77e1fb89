"""Fixes for TLS versions that are broken: SSL 2 and 3, TLS 1.0 and 1.1."""

import re
from collections.abc import Iterator

import libcst as cst

from codetune_core.domain.fix import Applicability
from codetune_core.fixes.registry import Proposal, fixes
from codetune_core.fixes.site import Site, argument, unpacks, with_argument
from codetune_core.fixes.surroundings import neighbour

_OLD = re.compile(r"(?:PROTOCOL_)?(?:SSLv2|SSLv3|SSLv23|TLSv1|TLSv1_1)(?:_METHOD)?")
_SERVES = re.compile(r"server_side\s*=\s*True|Purpose\.CLIENT_AUTH|PROTOCOL_TLS_SERVER")
_BOUNDS = {"minimum_version": "TLSv1_2", "maximum_version": "MAXIMUM_SUPPORTED"}
_PARTNERS = "Partners that know nothing newer than TLS 1.1 can no longer connect."
_WRAPPED = (
    f"{_PARTNERS} `ssl.wrap_socket` does not check certificates and is gone from Python 3.12: change to "
    "`ssl.create_default_context().wrap_socket(sock, server_hostname=...)` when you can."
)
_PYOPENSSL = f"{_PARTNERS} Say also `context.set_min_proto_version(SSL.TLS1_2_VERSION)`."
_CLIENT = f"{_PARTNERS} `PROTOCOL_TLS_CLIENT` also checks the server's certificate and name: pass `server_hostname`."
_SERVER = f"{_PARTNERS} `PROTOCOL_TLS_SERVER` is for the side that accepts connections."


@fixes("S502", "S503")
def old_protocol(site: Site) -> Iterator[Proposal]:
    """``ssl_version=ssl.PROTOCOL_SSLv3``, also as a default -> ``ssl.PROTOCOL_TLSv1_2``."""
    node = site.node.value if isinstance(site.node, cst.Arg) else site.node
    protocol = site.nearest(cst.Attribute, node) or site.nearest(cst.Name, node)
    module, _, name = site.imports.qualified(protocol).rpartition(".") if protocol else ("", "", "")
    if protocol is None or not _OLD.fullmatch(name):
        return
    if module.endswith("SSL"):
        yield from _renamed(site, protocol, "TLS_METHOD", _PYOPENSSL)
    else:
        yield from _renamed(site, protocol, "PROTOCOL_TLSv1_2", _WRAPPED)


@fixes("S504")
def no_version(site: Site) -> Iterator[Proposal]:
    """``ssl.wrap_socket(sock)`` -> ``ssl.wrap_socket(sock, ssl_version=ssl.PROTOCOL_TLSv1_2)``."""
    call = site.call("ssl.wrap_socket")
    version = site.imports.reference("ssl", "PROTOCOL_TLSv1_2")
    if call is None or version is None or unpacks(call):
        return
    edits = (site.replace(call, with_argument(call, "ssl_version", version.code)),)
    yield Proposal("accept TLS 1.2 only", Applicability.UNSAFE, edits, (version,), _WRAPPED)


@fixes("CT104")
def old_context(site: Site) -> Iterator[Proposal]:
    """``ssl.SSLContext(ssl.PROTOCOL_TLSv1)`` -> ``ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)``, or ``..._SERVER``."""
    call = site.nearest(cst.Call)
    made = site.imports.qualified(call.func) if call else ""
    protocol = argument(call, "method" if made.endswith("SSL.Context") else "protocol", 0) if call else None
    if protocol is None:
        return
    if made == "OpenSSL.SSL.Context":
        yield from _replaced(site, protocol.value, "OpenSSL.SSL", "TLS_METHOD", _PYOPENSSL)
    elif made == "ssl.SSLContext":
        sides = [("PROTOCOL_TLS_CLIENT", _CLIENT), ("PROTOCOL_TLS_SERVER", _SERVER)]
        for name, note in reversed(sides) if _SERVES.search(site.code(site.scope())) else sides:
            yield from _replaced(site, protocol.value, "ssl", name, note)


@fixes("CT104")
def old_bound(site: Site) -> Iterator[Proposal]:
    """``context.minimum_version = ssl.TLSVersion.TLSv1`` -> ``ssl.TLSVersion.TLSv1_2``; the keyword likewise."""
    node = site.node.body[0] if isinstance(site.node, cst.SimpleStatementLine) else site.node
    match node:
        case cst.Assign(targets=[cst.AssignTarget(target=cst.Attribute(attr=cst.Name(value=name)))], value=value):
            pass
        case cst.Arg(keyword=cst.Name(value=name), value=value):
            pass
        case _:
            return
    if name in _BOUNDS:
        note = _PARTNERS if name == "minimum_version" else "The newest version that both sides know is used."
        yield from _replaced(site, value, "ssl", f"TLSVersion.{_BOUNDS[name]}", note)


def _renamed(site: Site, node: cst.BaseExpression, name: str, note: str) -> Iterator[Proposal]:
    """The neighbour of a name in its module."""
    reference = neighbour(site, node, name)
    if reference:
        edits = (site.replace(node, reference.code),)
        yield Proposal(f"use {name}", Applicability.UNSAFE, edits, (reference,), note)


def _replaced(site: Site, node: cst.BaseExpression, module: str, name: str, note: str) -> Iterator[Proposal]:
    first, _, rest = name.partition(".")
    reference = site.imports.reference(module, first)
    if reference:
        code = f"{reference.code}.{rest}" if rest else reference.code
        yield Proposal(f"use {rest or name}", Applicability.UNSAFE, (site.replace(node, code),), (reference,), note)
