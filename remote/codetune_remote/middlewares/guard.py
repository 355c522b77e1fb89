"""Refuses what browsers are made to send: other names for this server (DNS rebinding), and pages of other sites."""

import ipaddress
import re
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from aiohttp import web

from codetune_core.service_sections import ServeSettings
from codetune_remote.problems import Refusal
from codetune_remote.service import SERVICE

_HOST = re.compile(r"[A-Za-z0-9._-]+(:[0-9]+)?|\[[0-9A-Fa-f:.]+\](:[0-9]+)?")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let through what came under a name of this server, from no page or a page that may ask.

    No browser reaches a Unix socket, so nothing is checked there.
    """
    if (here := _local_address(request)) is not None:
        settings = request.app[SERVICE].settings
        _check_host(request, here, settings)
        _check_origin(request, settings)
    return await handler(request)


def _local_address(request: web.Request) -> str | None:
    """Return the address that the connection reached; None for a Unix socket."""
    sockname = request.get_extra_info("sockname")
    return _plain(sockname[0]) if isinstance(sockname, tuple) else None


def _plain(address: str) -> str:
    """Return an IPv4 address as such, where a socket of both families wrote it as IPv6."""
    mapped = getattr(ipaddress.ip_address(address), "ipv4_mapped", None)
    return str(mapped or address)


def _check_host(request: web.Request, here: str, settings: ServeSettings) -> None:
    sent = request.headers.getall("Host", [])
    if len(sent) != 1:
        raise Refusal(400, "malformed", "one Host header is needed")
    # An absolute address in the request line goes before the header (RFC 9112, 3.2.2): neither may be another's.
    names = [host_name(host) for host in (sent[0], request.host)]
    if not all(names):
        raise Refusal(400, "malformed", "the Host header is not a name or an address")
    ours = {here, *map(str.lower, settings.allowed_hosts)}
    if not all(name in ours or _is_of_this_machine(name) for name in names):
        raise Refusal(421, "wrong-host", "this server is not known by that name: list it in serve.allowed_hosts")


def host_name(host: str) -> str:
    """Return the name or address in a Host header, in small letters and without port; empty where there is none."""
    try:
        parts = urlsplit(f"//{host}")
        valid = _HOST.fullmatch(host) is not None and (parts.port is None or parts.port > 0)
    except ValueError:
        return ""
    return (parts.hostname or "").rstrip(".") if valid else ""


def _is_of_this_machine(name: str) -> bool:
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _check_origin(request: web.Request, settings: ServeSettings) -> None:
    origin = request.headers.get("Origin")
    if origin is not None:
        if not may_ask(request, origin, settings):
            raise Refusal(403, "wrong-origin", "pages of that origin may not ask: list it in serve.allowed_origins")
        return
    # Without Origin come reads that a page embeds (images, scripts), and addresses that a person opens.
    if request.headers.get("Sec-Fetch-Site") in {"cross-site", "same-site"} and not _is_opened(request):
        raise Refusal(403, "wrong-origin", "a page of another site asked")


def may_ask(request: web.Request, origin: str, settings: ServeSettings) -> bool:
    """Tell whether it is this server's own origin or one that the settings list."""
    return origin in settings.allowed_origins or origin.partition("://")[2].lower() == request.host.lower()


def _is_opened(request: web.Request) -> bool:
    return (
        request.method in {"GET", "HEAD"}
        and request.headers.get("Sec-Fetch-Mode") == "navigate"
        and request.headers.get("Sec-Fetch-Dest") == "document"
    )
