"""Fixes for servers that more people reach than should: Flask's debugger, all network interfaces, any URL scheme."""

from collections.abc import Iterator

import libcst as cst

from codetune_core.domain.fix import Applicability
from codetune_core.fixes.registry import Proposal, fixes
from codetune_core.fixes.site import Site, without_argument

_ALL, _LOCAL = "0.0.0.0", "127.0.0.1"  # noqa: S104 - what the fix replaces


@fixes("S201")
def flask_debug(site: Site) -> Iterator[Proposal]:
    """``app.run(debug=True)`` -> ``app.run()``, which obeys ``FLASK_DEBUG``."""
    flag = site.nearest(cst.Arg)
    call = site.nearest(cst.Call, flag)
    if call is None or flag is None or flag.keyword is None or flag.keyword.value != "debug":
        return
    note = (
        "Anybody who reaches Flask's debugger runs code of their own. Without the argument Flask asks the environment: "
        "set `FLASK_DEBUG=1` where you develop, and nowhere else."
    )
    edits = (site.replace(call, without_argument(call, flag)),)
    yield Proposal("leave the debug mode to FLASK_DEBUG", Applicability.UNSAFE, edits, note=note)


@fixes("S104")
def all_interfaces(site: Site) -> Iterator[Proposal]:
    """``"0.0.0.0"`` -> ``"127.0.0.1"``, unless the address is only compared with."""
    text = site.nearest(cst.SimpleString)
    if text is None or _ALL not in text.value or site.nearest(cst.Comparison) or site.nearest(cst.MatchValue):
        return
    note = (
        "Only programs on this machine reach the server then. Where others must reach it (in a container, behind a "
        "load balancer on another machine), name the interface or read the address from the settings."
    )
    edits = (site.replace(text, text.value.replace(_ALL, _LOCAL)),)
    yield Proposal(f"listen on {_LOCAL} only", Applicability.UNSAFE, edits, note=note)


@fixes("S310")
def any_scheme(_site: Site) -> Iterator[Proposal]:
    """Which schemes are wanted, only a person knows."""
    note = (
        "`urlopen` also opens `file:` and `ftp:` URLs, whatever its caller passed. Before the call, refuse every other "
        'scheme: `if urlsplit(url).scheme != "https": raise ValueError(url)`; compare the host with those you '
        "expect where the URL comes from outside."
    )
    yield Proposal("check the URL's scheme before opening it", Applicability.DISPLAY_ONLY, note=note)
