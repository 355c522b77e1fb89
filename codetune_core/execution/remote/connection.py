"""The connection to a service: who answers is checked, what it refuses is said in words."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from codetune_core.errors import EngineLost, EngineTimeout, ExecutionError
from codetune_core.execution.headers import KEY_HEADER, WIRE_HEADER, WIRE_VERSION
from codetune_core.execution.remote.answer import Answer
from codetune_core.execution.remote.faults import Unreachable, check_wire, is_ours, meaning, stranger
from codetune_core.execution.remote.front import Front, front_of
from codetune_core.execution.remote.limits import Limits
from codetune_core.http.refusals import BadStatus
from codetune_core.http.server import HttpServer, read_json
from codetune_core.service_sections import RemoteSettings

if TYPE_CHECKING:
    from aiohttp import ClientResponse

_HEADERS = {WIRE_HEADER: str(WIRE_VERSION), "Accept-Encoding": "identity"}
_EVENTS = "text/event-stream"
_JSON = "application/json"
_JSON_SECONDS = 60
_NO_CONTENT = 204

Start = Callable[[], Awaitable[object]]
_Open = Callable[..., AbstractAsyncContextManager["ClientResponse"]]


class ServiceConnection:
    """A pool of connections to one service; paths are those of its interface, such as ``/api/execute``.

    Attributes:
        where: the service, for messages.
        leaves: whether what is sent leaves this machine.
        front: who stands before it and wants a token; None for nobody.
        limits: how long things may take.
        start: starts the process behind a socket, where it does not run.
        resumable: whether what broke off can be picked up: over TCP; a socket breaks only with its process.
    """

    def __init__(  # noqa: PLR0913 - made by two class methods
        self,
        http: HttpServer,
        where: str,
        limits: Limits,
        *,
        upgrade: str,
        front: Front | None = None,
        start: Start | None = None,
        resumable: bool = True,
    ) -> None:
        """Use ``to_service`` or ``to_socket``; ``upgrade`` says what to do about a service that is too old."""
        self.where = where
        self.front = front
        self.limits = limits
        self.start = start
        self.resumable = resumable
        self.leaves = http.leaves
        self._http = http
        self._upgrade = upgrade

    @classmethod
    def to_service(cls, asked: RemoteSettings, limits: Limits | None = None) -> Self:
        """Connect to the service of a team; raises SettingsError for an address, proxy or certificate of no use."""
        http = HttpServer(asked, lambda key: {KEY_HEADER: key}, _HEADERS)
        front = front_of(asked, http.address)
        return cls(http, http.address.root, limits or Limits.of(asked), upgrade="upgrade the service", front=front)

    @classmethod
    def to_socket(cls, path: Path, start: Start | None = None, limits: Limits | None = None) -> Self:
        """Connect to a process of the same user."""
        http = HttpServer(RemoteSettings(), lambda _: {}, _HEADERS, socket=path)
        upgrade = "stop that daemon, so that a newer one is started: `codetune daemon stop`"
        where = f"the daemon at {path}"
        return cls(http, where, limits or Limits(), upgrade=upgrade, start=start, resumable=False)

    async def get(self, path: str, seconds: float = _JSON_SECONDS) -> Any:
        """Return what a GET gives, as JSON; raises an ExecutionError whose words say what to do."""
        return await self._json("GET", path, None, seconds)

    async def post(self, path: str, body: Mapping[str, Any], seconds: float = _JSON_SECONDS) -> Any:
        """Return what a POST gives, as JSON; raises an ExecutionError whose words say what to do."""
        return await self._json("POST", path, body, seconds)

    async def put(self, path: str, body: Mapping[str, Any], seconds: float = _JSON_SECONDS) -> Any:
        """Return what a PUT gives, as JSON; raises an ExecutionError whose words say what to do."""
        return await self._json("PUT", path, body, seconds)

    async def delete(self, path: str, seconds: float = _JSON_SECONDS) -> Any:
        """Return what a DELETE gives, as JSON; raises an ExecutionError whose words say what to do."""
        return await self._json("DELETE", path, None, seconds)

    @asynccontextmanager
    async def answer(
        self, method: str, path: str, body: Mapping[str, Any] | None, headers: Mapping[str, str]
    ) -> AsyncGenerator[Answer]:
        """Ask for events; leaving the context before their end closes the connection.

        Raises Unreachable or Busy where the service did nothing, and can be asked again.
        """
        wanted = {**headers, "Accept": _EVENTS}
        async with self._opened(method, path, body, wanted, self.limits.opening) as response:
            if response.content_type != _EVENTS:
                raise stranger(self.where, response.status, response.headers)
            yield Answer(response, self.limits, self.where)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def _json(self, method: str, path: str, body: Mapping[str, Any] | None, seconds: float) -> Any:
        async with self._opened(method, path, body, {"Accept": _JSON}, seconds) as response:
            if response.status == _NO_CONTENT:
                return None
            if response.content_type != _JSON:
                raise stranger(self.where, response.status, response.headers)
            return await read_json(response, f"{self.where}{path}", "remote")

    @asynccontextmanager
    async def _opened(
        self, method: str, path: str, body: Mapping[str, Any] | None, headers: Mapping[str, str], seconds: float
    ) -> AsyncGenerator["ClientResponse"]:
        """Give an answer of the service once it begins."""
        began = False
        url = f"{self._http.address.root}{path}"
        try:
            async with AsyncExitStack() as stack:
                opened = partial(self._http.open, method, url, body, seconds=seconds)
                response = await self._entered(stack, opened, headers)
                began = True
                check_wire(response.headers, self.where, self._upgrade)
                yield response
        except BadStatus as refusal:
            raise self._refused(refusal) from refusal
        except (EngineLost, EngineTimeout) as error:
            if began:
                raise
            raise Unreachable(str(error)) from error

    async def _entered(self, stack: AsyncExitStack, opened: _Open, headers: Mapping[str, str]) -> "ClientResponse":
        """Ask; once more with a token, where who stands in front wants one."""
        token = self.front.headers if self.front else {}
        try:
            return await stack.enter_async_context(opened(headers={**headers, **token}))
        except BadStatus as refusal:
            if self.front is None or is_ours(refusal.headers) or not await self.front.look_further(refusal.status):
                raise
        return await stack.enter_async_context(opened(headers={**headers, **self.front.headers}))

    def _refused(self, refusal: BadStatus) -> ExecutionError:
        refusal.message = self._http.without_key(refusal.message)
        if self.front:
            refusal.message = self.front.redacted(refusal.message)
        if is_ours(refusal.headers):
            check_wire(refusal.headers, self.where, self._upgrade)
            return meaning(refusal, self.where)
        return stranger(self.where, refusal.status, refusal.headers, refusal.message)
