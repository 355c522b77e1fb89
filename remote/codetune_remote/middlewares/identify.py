"""Finds out who asks: by the key, or by the socket that only one user can open."""

import getpass
import logging
import math
from collections.abc import Awaitable, Callable
from functools import cache

from aiohttp import web

from codetune_core.domain.service_key import Scope
from codetune_core.errors import KeyRefused
from codetune_core.execution.headers import KEY_HEADER
from codetune_remote import asker
from codetune_remote.principal import CHALLENGE, Principal
from codetune_remote.problems import Refusal
from codetune_remote.routes import ROUTES
from codetune_remote.service import PRINCIPAL, SERVICE

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_CLOSED = frozenset(route.path for route in ROUTES if route.scope is not None)
_LOG = logging.getLogger(__name__)


@web.middleware
async def identify(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Note who asks; nobody where there is neither a key nor a socket of one's own.

    A key that is sent is who asks, over the socket too. What is open to anybody looks at no key, and so answers where
    the database does not.
    """
    local = asker.by_unix_socket(request)
    if local and not asker.by_own_user(request):
        _LOG.warning("another user of this machine reached the socket and was refused")
        raise Refusal(403, "forbidden", "this socket serves another user of this machine")
    if _is_closed(request):
        if KEY_HEADER in request.headers:
            request[PRINCIPAL] = await _holder(request)
        elif local and not asker.forwarded(request):
            request[PRINCIPAL] = Principal(_own_name(), frozenset({Scope.ADMIN}))
    return await handler(request)


def _is_closed(request: web.Request) -> bool:
    resource = request.match_info.route.resource
    return resource is not None and resource.canonical in _CLOSED


async def _holder(request: web.Request) -> Principal:
    sent = ", ".join(request.headers.getall(KEY_HEADER))  # two are none
    try:
        key = await request.app[SERVICE].core.keys.verify(sent)
    except KeyRefused as refusal:
        raise _refusal(request, str(refusal)) from None
    return Principal(key.user_id, key.scopes, key_id=key.id)


def _refusal(request: web.Request, why: str) -> Refusal:
    """Count the failed attempt, and return what is said: to who made too many, nothing about the key."""
    service = request.app[SERVICE]
    address = asker.address(request, trust_proxy=service.settings.trust_proxy)
    if seconds := service.attempts.count(address):
        after = {"Retry-After": str(math.ceil(seconds))}
        return Refusal(429, "too-many-attempts", "too many requests with a key that is not accepted", headers=after)
    _LOG.warning("a key was refused for %s: %s", address or "the socket", why)
    return Refusal(401, "unauthenticated", why, headers=CHALLENGE)


@cache
def _own_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # no such user, as in some containers
        return "unknown"
