"""Every endpoint of the service: the paths are a contract."""

from codetune_core.execution.wire import ExecuteBody
from codetune_remote.handlers import execute, health
from codetune_remote.principal import Scope
from codetune_remote.route import Route

ROUTES = (
    Route("GET", "/healthz", health.healthz, None, "Whether the process answers", reply=health.Alive),
    Route("GET", "/version", health.version, None, "Which version answers", reply=health.Version),
    Route(
        "POST",
        "/api/execute",
        execute.execute,
        Scope.EXECUTE,
        "Run a prompt, by task",
        body=ExecuteBody,
        media=("text/event-stream", "application/x-ndjson"),
    ),
)
