"""Whether it lives, whether it can execute, which version it is, and its figures."""

from aiohttp import hdrs, web
from pydantic import BaseModel

from codetune_core.daemon.own import own_identity
from codetune_core.domain.own_version import own_version
from codetune_core.domain.service_key import Scope
from codetune_core.execution.headers import WIRE_VERSION
from codetune_remote import asker
from codetune_remote.middlewares.request_id import REQUEST_ID
from codetune_remote.observe.build import commit
from codetune_remote.observe.scrape import scrape
from codetune_remote.problems import Refusal
from codetune_remote.replies.readiness import ReadyReply
from codetune_remote.route import Call, Route


class Alive(BaseModel):
    """The process answers."""

    status: str = "alive"


class Version(BaseModel):
    """Which CodeTune answers.

    ``commit`` is empty where it is not known. ``settings`` is a digest of what decides how executions run, said over a
    Unix socket only: an address with a password is among it.
    """

    version: str
    commit: str
    wire: int
    settings: str


async def healthz(_call: Call) -> Alive:
    """Say that the process answers, whatever its models do."""
    return Alive()


async def readyz(call: Call) -> ReadyReply | web.Response:
    """Say whether executions can run, and where not, what is waited for and about how long.

    A service whose models load is not ready until one can answer; one that has no engine is, for prompts.
    """
    service = call.service
    found = ReadyReply(status="draining", detail="it is about to end") if service.draining else None
    found = found or await service.readiness.look()
    if found.can_execute:
        return found
    said = found.model_dump(mode="json", exclude={"detail", "status"})
    refusal = Refusal(
        503,
        "draining" if service.draining else "unavailable",
        found.detail,
        headers={"Retry-After": str(found.retry_after)},
        extra={"state": found.status, **said},
    )
    return refusal.response(call.request[REQUEST_ID])  # not raised, for probes come often and would fill the log


async def version(call: Call) -> Version:
    """Say which version, commit, wire and settings these are."""
    local = asker.by_unix_socket(call.request)
    digest = own_identity(call.service.core.settings).settings if local else ""
    return Version(version=own_version(), commit=commit(), wire=WIRE_VERSION, settings=digest)


async def metrics(call: Call) -> web.Response:
    """Give the figures of this replica for Prometheus, or as OpenMetrics for who accepts that."""
    content, content_type = await scrape(call.service, call.request.headers.get(hdrs.ACCEPT, ""))
    return web.Response(body=content, headers={hdrs.CONTENT_TYPE: content_type})


ROUTES = (
    Route("GET", "/healthz", healthz, None, "Whether the process answers", reply=Alive),
    Route(
        "GET",
        "/readyz",
        readyz,
        None,
        "Whether executions can run",
        reply=ReadyReply,
        problems={503: "not yet: ask again after the seconds in Retry-After"},
    ),
    Route("GET", "/version", version, None, "Which version answers", reply=Version),
    Route(
        "GET",
        "/metrics",
        metrics,
        Scope.READ,
        "Figures for Prometheus",
        media=("text/plain", "application/openmetrics-text"),
    ),
)
