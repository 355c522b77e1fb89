"""A Route: one endpoint, from which the application, the checks of its bodies and the OpenAPI document are made."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from codetune_core.execution.wire import WireBody
from codetune_remote.principal import Principal, Scope
from codetune_remote.service import Service

Body = TypeVar("Body")
Query = TypeVar("Query")
Item = TypeVar("Item")


class Nothing(WireBody):
    """No body, or no query."""


class Cursor(WireBody):
    """Which page of a list: ``cursor`` is what the page before gave as ``next``."""

    model_config = ConfigDict(extra="forbid")

    cursor: str = ""
    limit: int = Field(default=50, ge=1, le=200)


class Page(BaseModel, Generic[Item]):
    """Part of a list; ``next`` is empty on the last one."""

    items: list[Item]
    next: str = ""


@dataclass(frozen=True, slots=True)
class Call(Generic[Body, Query]):
    """One request that is allowed and valid: what a handler works with."""

    service: Service
    principal: Principal
    body: Body
    query: Query
    path: Mapping[str, str]
    request: web.Request


Handler = Callable[[Call[Any, Any]], Awaitable[Any]]
"""Returns what ``Route.reply`` describes, or a response of its own."""


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint.

    Attributes:
        path: with ``{names}`` of its parts.
        handler: what it does.
        scope: what it takes; None for anybody.
        summary: one line for the document; the handler's docstring says the rest.
        body: type of the JSON that it takes.
        query: type of the parameters in the address.
        reply: type of the JSON that it gives; a response of the handler's own where it is None.
        status: of its success.
        problems: status of each error that is its own -> when it comes.
        media: kinds of content that it gives where they are not JSON.
    """

    method: str
    path: str
    handler: Handler
    scope: Scope | None
    summary: str
    body: type[BaseModel] = Nothing
    query: type[BaseModel] = Nothing
    reply: Any = None
    status: int = 200
    problems: Mapping[int, str] = field(default_factory=dict)
    media: tuple[str, ...] = ()

    @property
    def adapter(self) -> TypeAdapter[Any]:
        """Writes the reply."""
        return TypeAdapter(self.reply)
