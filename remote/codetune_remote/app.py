"""The aiohttp application: its routes and its middlewares."""

from aiohttp import web

from codetune_remote.endpoint import endpoint
from codetune_remote.middlewares.identify import identify
from codetune_remote.middlewares.problem import problem
from codetune_remote.routes import ROUTES
from codetune_remote.service import SERVICE, Service


def make_app(service: Service) -> web.Application:
    """Return the application that serves an open core."""
    app = web.Application(
        middlewares=[problem, identify], client_max_size=int(service.settings.max_body_megabytes * 1_000_000)
    )
    app[SERVICE] = service
    for route in ROUTES:
        app.router.add_route(route.method, route.path, endpoint(route))
    return app
