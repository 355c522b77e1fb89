"""Detects a client that speaks another version of the wire, and says which side is to be upgraded."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from codetune_core.execution.headers import WIRE_HEADER, WIRE_VERSION
from codetune_remote.problems import Refusal

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def wire_version(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let through who speaks this version, and who says nothing, such as a person with curl.

    Outside ``/api/`` nothing is checked: everybody may ask which version answers.
    """
    sent = request.headers.get(WIRE_HEADER)
    if sent is not None and request.path.startswith("/api/"):
        _check(sent)
    return await handler(request)


def _check(sent: str) -> None:
    if sent == str(WIRE_VERSION):
        return
    if not (sent.isascii() and sent.isdecimal() and len(sent) < 6):  # noqa: PLR2004 - no version is that high
        raise Refusal(400, "wire-version", f"{WIRE_HEADER} is not a number", extra={"wire": WIRE_VERSION})
    side = "client" if int(sent) < WIRE_VERSION else "service"
    detail = f"the client speaks wire version {int(sent)}, the service {WIRE_VERSION}: upgrade CodeTune of the {side}"
    raise Refusal(400, "wire-version", detail, extra={"wire": WIRE_VERSION, "upgrade": side})
