"""The aiohttp application: its routes and its middlewares."""

import asyncio
from typing import Any

from aiohttp import hdrs, web

from codetune_remote.admission.limits import add_fields
from codetune_remote.connections import Runner
from codetune_remote.endpoint import endpoint
from codetune_remote.limits import LIMITS, Limits
from codetune_remote.middlewares.cors import allow_origin, cors
from codetune_remote.middlewares.guard import guard
from codetune_remote.middlewares.identify import identify
from codetune_remote.middlewares.observe import observe
from codetune_remote.middlewares.problem import problem
from codetune_remote.middlewares.request_id import request_id
from codetune_remote.middlewares.security_headers import add_headers
from codetune_remote.middlewares.wire_version import wire_version
from codetune_remote.openapi import DOCUMENT, Document
from codetune_remote.route import Route
from codetune_remote.routes import ROUTES
from codetune_remote.service import SERVICE, Service

_MIDDLEWARES = (request_id, observe, problem, guard, cors, wire_version, identify)


def make_runner(service: Service, limits: Limits | None = None, **options: Any) -> web.AppRunner:
    """Return what listens for an open core, once it is set up and given a site; ``options`` are those of AppRunner."""
    return Runner(make_app(service, limits), access_log=None, **options)


def make_app(service: Service, limits: Limits | None = None) -> web.Application:
    """Return the application that serves an open core."""
    limits = limits or Limits()
    app = web.Application(
        middlewares=_MIDDLEWARES,
        client_max_size=int(service.settings.max_body_megabytes * 1_000_000),
        handler_args=limits.of_connections(),
    )
    app[SERVICE], app[LIMITS], app[DOCUMENT] = service, limits, Document(ROUTES)
    app.on_response_prepare.extend([add_headers, allow_origin, add_fields])
    app.on_shutdown.append(_end_executions)
    for route in ROUTES:
        _add(app, route)
    return app


async def _end_executions(app: web.Application) -> None:
    service = app[SERVICE]
    await service.hub.aclose()
    if service.traces:
        await asyncio.to_thread(service.traces.close)


def _add(app: web.Application, route: Route) -> None:
    answer = endpoint(route)
    app.router.add_route(route.method, route.path, answer)
    if route.method == hdrs.METH_GET and not route.streams:
        app.router.add_route(hdrs.METH_HEAD, route.path, answer)
