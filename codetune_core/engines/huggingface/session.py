"""One server of Hugging Face's: who it is, the token for it, and calls that end within their time."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from codetune_core.engines.huggingface.token import find_token
from codetune_core.errors import EngineTimeout, SettingsError
from codetune_core.http.address import parse_address
from codetune_core.http.keys import OWN, Key
from codetune_core.http.refusals import BadStatus
from codetune_core.sections import EngineSettings

if TYPE_CHECKING:
    import httpx2

    from codetune_core.engines.huggingface.pool import InferenceClient

_LOG = logging.getLogger(__name__)
_UNAVAILABLE = 503
_NOT_ALLOWED = {401, 403}
_AGAIN_SECONDS = 5
"""A server that starts is asked again after this, where it does not say when."""

T = TypeVar("T")
Sleep = Callable[[float], Awaitable[None]]


class Session:
    """Connections to one server, opened when something is asked.

    Attributes:
        asked: the settings.
        address: of the server.
        is_router: whether it is that of the Inference Providers, and not a dedicated Endpoint.
    """

    def __init__(self, asked: EngineSettings, sleep: Sleep = asyncio.sleep) -> None:
        """Connect to nobody yet; raises SettingsError for an address, a proxy or a certificate that cannot be used."""
        self.asked = asked
        self.address = parse_address(asked.base_url or OWN["huggingface"].base_url)
        self.is_router = self.address.origin == parse_address(OWN["huggingface"].base_url).origin
        self.address.proxy(asked.proxy)
        if asked.ca_file and not asked.ca_file.is_file():
            raise SettingsError(f"engine.ca_file: there is no file {asked.ca_file}")
        self._sleep = sleep
        self._opening = asyncio.Lock()
        self._pool: httpx2.AsyncClient | None = None
        self._key: Key | None = None
        self._key_holds = False

    @property
    def first_deadline(self) -> float:
        """When the first piece of what is asked now must be there, on the event loop's clock."""
        return asyncio.get_running_loop().time() + self.asked.first_token_seconds

    @asynccontextmanager
    async def client(self, model: str, url: str = "") -> AsyncGenerator["InferenceClient"]:
        """Give the client for one request, to the address, or to who serves the model; what fails is said in words.

        Leaving the context closes the answer, which stops the server.
        """
        from codetune_core.engines.huggingface.meanings import failures_told  # noqa: PLC0415 - heavy
        from codetune_core.engines.huggingface.pool import InferenceClient  # noqa: PLC0415

        pool = await self._opened()
        with failures_told(self.asked, self.address, self._key, model):
            try:
                async with InferenceClient(pool, self.asked, url=url) as client:
                    yield client
            except BadStatus as refusal:
                if refusal.status in _NOT_ALLOWED:
                    self._key_holds = False
                raise

    async def json(self, method: str, url: str, body: Any = None, model: str = "") -> Any:
        """Return what the server answers, as JSON; it may take as long as the first token of an answer."""
        async with self.client(model, url) as client:
            deadline = self.first_deadline
            response = await self.started(lambda: client.pool().request(method, url, json=body), deadline)
            return response.json()

    async def started(self, call: Callable[[], Awaitable[T]], deadline: float) -> T:
        """Await a call; again while the server says that it loads its model, and will have done so in time."""
        clock = asyncio.get_running_loop().time
        while True:
            try:
                return await self.within(call(), deadline, has_begun=False)
            except BadStatus as refusal:
                pause = _loads_for(refusal)
                if pause is None or clock() + pause >= deadline:
                    raise
                _LOG.info("%s loads its model; it is asked again in %.0f s", self.address.base_url, pause)
            await self._sleep(pause)

    async def within(self, answer: Awaitable[T], deadline: float, *, has_begun: bool) -> T:
        """Await what must come before a deadline; raises EngineTimeout."""
        try:
            async with asyncio.timeout_at(deadline) as limit:
                return await answer
        except TimeoutError as error:
            if not limit.expired():
                raise
            seconds, setting = self.asked.first_token_seconds, "first_token_seconds"
            if has_begun:
                seconds, setting = self.asked.gap_seconds, "gap_seconds"
            told = f"{self.address.base_url} gave nothing within {seconds:g} seconds (engine.{setting})"
            raise EngineTimeout(told) from error

    async def aclose(self) -> None:
        """Close all connections."""
        if self._pool:
            await self._pool.aclose()

    async def _opened(self) -> "httpx2.AsyncClient":
        """Find the token before anything is sent; a token that was refused is looked for anew."""
        async with self._opening:
            if not self._key_holds:
                self._key = await find_token(self.asked)
                self._key_holds = True
            if self._pool is None:
                from codetune_core.engines.huggingface.pool import open_pool  # noqa: PLC0415 - heavy

                self._pool = await asyncio.to_thread(open_pool, self.asked, self.address, lambda: self._key)
            return self._pool


def _loads_for(refusal: BadStatus) -> float | None:
    """Return in how many seconds a server that loads its model will have done so; None where it does not load."""
    if refusal.status != _UNAVAILABLE or "loading" not in refusal.message.lower():
        return None
    return _AGAIN_SECONDS if refusal.retry_after is None else refusal.retry_after
