"""A Route: one endpoint, from which the application, the checks of its bodies and the OpenAPI document are made."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from string import Formatter
from typing import Any, Generic
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel, TypeAdapter
from typing_extensions import TypeVar

from codetune_core.domain.service_key import Scope
from codetune_core.execution.wire import WireBody
from codetune_remote.principal import Principal
from codetune_remote.service import Service


class Nothing(WireBody):
    """No body, no query, or nothing that varies in the path."""


Body = TypeVar("Body", default=Nothing)
Query = TypeVar("Query", default=Nothing)
Path = TypeVar("Path", default=Nothing)


class ById(WireBody):
    """A path that ends in, or holds, the id of one thing."""

    id: UUID


@dataclass(frozen=True, slots=True)
class Call(Generic[Body, Query, Path]):
    """One request that is allowed and valid: what a handler works with.

    Written ``Call[ExecuteBody]``, ``Call[Nothing, Cursor]`` or ``Call[PutBody, Nothing, ById]``.
    """

    service: Service
    principal: Principal
    body: Body
    query: Query
    path: Path
    request: web.Request


Handler = Callable[[Call[Any, Any, Any]], Awaitable[Any]]
"""Returns what ``Route.reply`` describes, or a response of its own."""


@dataclass(frozen=True)
class Route:
    """One endpoint.

    Attributes:
        path: with ``{names}`` of what varies in it: the fields of ``parts``.
        handler: what it does.
        scope: what it takes; None for anybody.
        summary: one line for the document; the handler's docstring says the rest.
        parts: types of what varies in the path; what does not fit them is 404.
        body: type of the JSON that it takes; unknown names are ignored, for a newer side may send them.
        query: type of the parameters in the address; unknown names are refused, for they are typed by people.
        reply: type of the JSON that it gives; a response of the handler's own where it is None.
        status: of its success.
        empty: status of a success without content -> when it comes instead.
        problems: status of each error that is its own -> when it comes.
        media: kinds of content that it gives where they are not JSON.
    """

    method: str
    path: str
    handler: Handler
    scope: Scope | None
    summary: str
    parts: type[BaseModel] = Nothing
    body: type[BaseModel] = Nothing
    query: type[BaseModel] = Nothing
    reply: Any = None
    status: int = 200
    empty: Mapping[int, str] = field(default_factory=dict)
    problems: Mapping[int, str] = field(default_factory=dict)
    media: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        named = {name for _, name, _, _ in Formatter().parse(self.path) if name}
        if named != set(self.parts.model_fields):
            raise ValueError(f"{self.path} does not vary in what {self.parts.__name__} declares")

    @property
    def streams(self) -> bool:
        """Whether it gives events as they happen."""
        return "text/event-stream" in self.media

    @cached_property
    def adapter(self) -> TypeAdapter[Any]:
        """Writes the reply."""
        return TypeAdapter(self.reply)
