"""Vectors and scores: embedding texts, and saying how well they answer a query."""

import asyncio
import base64
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Literal, Self

from aiohttp import web
from pydantic import Field, TypeAdapter, model_validator

from codetune_core.domain.execution import Priority
from codetune_core.domain.service_key import Scope
from codetune_core.execution.wire import AboutFiles
from codetune_core.http.replies import Reply
from codetune_core.outbound.origin import Origin, asked_for
from codetune_remote.replies.models import IdentityReply, identity
from codetune_remote.route import Call, Route

if TYPE_CHECKING:
    from codetune_core.engines.embedding import Vectors

_ROW = TypeAdapter(list[float])
MOST_TEXTS = 256
MOST_CHARS = 1_000_000
Text = Annotated[str, Field(min_length=1, max_length=MOST_CHARS)]


class _Texts(AboutFiles):
    texts: tuple[Text, ...] = Field(min_length=1, max_length=MOST_TEXTS)
    """Up to 256 texts of up to 1,000,000 characters together."""
    model: str = Field(default="", max_length=300)
    """The model's name; empty for the one that the service uses for this."""
    workspace: str = ""
    """Folder of the files that the texts are from; its rules say what may leave the service's machine."""
    paths: tuple[str, ...] = ()
    """Those files, absolute or relative to the workspace."""
    deadline_seconds: float | None = Field(default=None, gt=0)
    """After this, counted from when the service has read it, the work is not started any more."""

    @property
    def characters(self) -> int:
        """Of all texts together."""
        return sum(map(len, self.texts))

    @model_validator(mode="after")
    def _not_too_long(self) -> Self:
        if self.characters > MOST_CHARS:
            raise ValueError(f"the texts have more than {MOST_CHARS:,} characters together: send fewer at a time")
        return self


class EmbedBody(_Texts):
    """Texts to be made into vectors."""

    priority: Priority = Priority.BACKGROUND
    """Who goes first where engines are busy: 0 for typing, 1 for explicit, 2 for background."""
    encoding: Literal["float", "base64"] = "float"
    """How the vectors are written."""


class RerankBody(_Texts):
    """Texts, and the query that they shall answer."""

    query: str = Field(min_length=1, max_length=100_000)
    """What is looked for."""
    priority: Priority = Priority.EXPLICIT
    """Who goes first where engines are busy: 0 for typing, 1 for explicit, 2 for background."""


class UsageReply(Reply):
    """What was worked on."""

    texts: int
    """How many."""
    characters: int
    """Of all together, the query too."""


class EmbedReply(Reply):
    """Vectors, one for each text, in order; each has length 1."""

    model: IdentityReply
    """Who made them: vectors of other models, revisions or quantizations do not compare."""
    dimensions: int
    """Numbers in each vector."""
    vectors: list[list[float]] | None = None
    """For the encoding ``float``."""
    data: str | None = None
    """For the encoding ``base64``: float32, little-endian, row by row."""
    usage: UsageReply
    """What was worked on."""


class RerankReply(Reply):
    """How well each text answers the query."""

    model: IdentityReply
    """Who says so."""
    scores: tuple[float, ...]
    """One for each text, in order; the higher the better, comparable within one reply only."""
    usage: UsageReply
    """What was worked on."""


async def embed(call: Call[EmbedBody]) -> web.Response:
    """Make vectors of texts; a text that the model had before is not sent to it again."""
    core, asked = call.service.core, call.body
    async with _turn(call, "embed"):
        embedder = await asyncio.to_thread(core.embedder_of, call.principal.tenant)
        model = await embedder.model(asked.model)
        vectors = await embedder.embed(model, asked.texts, asked.priority)
    usage = UsageReply(texts=len(asked.texts), characters=asked.characters)
    reply = EmbedReply(model=identity(model), dimensions=vectors.shape[1], usage=usage)
    write = _with_floats if asked.encoding == "float" else _with_base64
    return web.Response(body=await asyncio.to_thread(write, reply, vectors), content_type="application/json")


async def rerank(call: Call[RerankBody]) -> RerankReply:
    """Say how well texts answer a query."""
    core, asked = call.service.core, call.body
    async with _turn(call, "rerank"):
        reranker = await asyncio.to_thread(lambda: core.reranker)
        model = await reranker.model(asked.model)
        scores = await reranker.score(model, asked.query, asked.texts, asked.priority)
    usage = UsageReply(texts=len(asked.texts), characters=asked.characters + len(asked.query))
    return RerankReply(model=identity(model), scores=tuple(scores), usage=usage)


@asynccontextmanager
async def _turn(call: Call[EmbedBody] | Call[RerankBody], purpose: str) -> AsyncGenerator[None]:
    """Wait for the turn; what is asked inside is asked for the workspace of the body."""
    body, admission = call.body, call.service.admission
    origin = Origin(purpose, workspace=body.workspace, paths=body.paths)
    async with admission.turn(call.request, call.principal, body.priority, body.deadline_seconds):
        with asked_for(origin):
            yield


def _with_floats(reply: EmbedReply, vectors: "Vectors") -> bytes:
    # Row by row, so that the event loop's thread is let in between.
    rows = b",".join(_ROW.dump_json(row.tolist()) for row in vectors)
    return reply.model_dump_json(exclude={"vectors"}).encode()[:-1] + b',"vectors":[' + rows + b"]}"


def _with_base64(reply: EmbedReply, vectors: "Vectors") -> bytes:
    data = base64.b64encode(vectors.astype("<f4").tobytes()).decode()
    return reply.model_copy(update={"data": data}).model_dump_json().encode()


_BUSY = {
    429: "Too much waits, or this user asks too often: ask again after the seconds in Retry-After.",
    503: "The engine is not there, takes no more, or the service ends; the detail says which.",
}
ROUTES = (
    Route(
        "POST",
        "/api/embed",
        embed,
        Scope.EXECUTE,
        "Make vectors of texts",
        body=EmbedBody,
        reply=EmbedReply,
        problems=_BUSY,
    ),
    Route(
        "POST",
        "/api/rerank",
        rerank,
        Scope.EXECUTE,
        "Score texts against a query",
        body=RerankBody,
        reply=RerankReply,
        problems=_BUSY,
    ),
)
