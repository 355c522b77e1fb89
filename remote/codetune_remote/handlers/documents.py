"""The API's own description, for programs and for people, and what each kind of problem means."""

from aiohttp import web
from pydantic import BaseModel, Field

from codetune_core.execution.wire import WireBody
from codetune_remote.openapi import DOCUMENT
from codetune_remote.page import PAGE_POLICY
from codetune_remote.problem_kinds import KINDS
from codetune_remote.problems import Refusal, title_of
from codetune_remote.route import Call, Nothing, Route


class ByKind(WireBody):
    """The path of a kind of problem."""

    kind: str = Field(pattern=r"^[a-z-]{1,40}$")


class Kind(BaseModel):
    """What a kind of problem means, and what to do about it."""

    type: str
    title: str
    meaning: str


async def openapi(call: Call) -> web.Response:
    """Give the OpenAPI 3.1 document of this service; it holds no secret, so it takes no key."""
    return web.Response(text=call.request.app[DOCUMENT].text, content_type="application/json")


async def browse(call: Call) -> web.Response:
    """Give the same document to be read by people; works without scripts."""
    text = call.request.app[DOCUMENT].page
    return web.Response(text=text, content_type="text/html", headers={"Content-Security-Policy": PAGE_POLICY})


async def problem_kind(call: Call[Nothing, Nothing, ByKind]) -> Kind:
    """Say what a kind of problem means: the ``type`` of each problem leads here."""
    kind = call.path.kind
    if kind not in KINDS:
        raise Refusal(404, "not-found", "there is no such kind of problem")
    return Kind(type=f"/problems/{kind}", title=title_of(kind), meaning=KINDS[kind])


ROUTES = (
    Route("GET", "/api/openapi.json", openapi, None, "This document", media=("application/json",)),
    Route("GET", "/api/", browse, None, "This document, for people", media=("text/html",)),
    Route("GET", "/problems/{kind}", problem_kind, None, "What a kind of problem means", parts=ByKind, reply=Kind),
)
