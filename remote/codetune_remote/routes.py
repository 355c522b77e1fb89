"""Every endpoint of the service, joined from the handlers' own tables: the paths are a contract."""

from codetune_remote.handlers import documents, execute, health, keys
from codetune_remote.route import Route

ROUTES: tuple[Route, ...] = (
    *health.ROUTES,
    *documents.ROUTES,
    *execute.ROUTES,
    *keys.ROUTES,
)
