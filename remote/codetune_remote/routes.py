"""Every endpoint of the service, joined from the handlers' own tables: the paths are a contract."""

from codetune_remote.handlers import (
    cache,
    deployments,
    documents,
    editor,
    embedding,
    execute,
    health,
    history,
    keys,
    models,
    prompts,
    training,
    versions,
)
from codetune_remote.route import Route

ROUTES: tuple[Route, ...] = (
    *health.ROUTES,
    *documents.ROUTES,
    *execute.ROUTES,
    *keys.ROUTES,
    *prompts.ROUTES,
    *versions.ROUTES,
    *deployments.ROUTES,
    *editor.ROUTES,
    *embedding.ROUTES,
    *history.ROUTES,
    *models.ROUTES,
    *cache.ROUTES,
    *training.ROUTES,
)
