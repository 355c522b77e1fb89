"""Fixes for HTTP requests that wait for ever, or do not check whom they talk to."""

from collections.abc import Iterator

import libcst as cst

from codetune_core.domain.fix import Applicability
from codetune_core.fixes.registry import Proposal, fixes
from codetune_core.fixes.site import Site, argument, unpacks, with_argument, without_argument

_SECONDS = 10
_TIMEOUT_NOTE = (
    "`timeout` limits the time to connect and the time between two pieces of the answer. A server that rightly needs "
    "longer to begin its answer now raises `Timeout`: raise the limit there."
)
_VERIFY_NOTE = (
    "The certificate is checked again: a server with a self-signed one now fails. Give its authority's certificate "
    "instead of switching the check off: `verify='/path/to/ca-bundle.pem'`, or `REQUESTS_CA_BUNDLE` in the "
    "environment."
)


@fixes("S113")
def timeout(site: Site) -> Iterator[Proposal]:
    """``requests.get(url)`` -> ``requests.get(url, timeout=10)``."""
    call = site.call()
    if call is None or (unpacks(call) and argument(call, "timeout") is None):
        return
    edit = site.replace(call, with_argument(call, "timeout", str(_SECONDS)))
    title = f"give the request a time limit of {_SECONDS} seconds"
    yield Proposal(title, Applicability.UNSAFE, (edit,), note=_TIMEOUT_NOTE)


@fixes("S501")
def verify(site: Site) -> Iterator[Proposal]:
    """``requests.get(url, verify=False)`` -> ``requests.get(url)``."""
    call = _call_with(site, "verify")
    given = argument(call, "verify") if call else None
    if call is None or given is None:
        return
    edit = site.replace(call, without_argument(call, given))
    yield Proposal("check the server's certificate", Applicability.UNSAFE, (edit,), note=_VERIFY_NOTE)


def _call_with(site: Site, keyword: str) -> cst.Call | None:
    calls = (node for node in site.around() if isinstance(node, cst.Call))
    return next((call for call in calls if argument(call, keyword)), None)
