"""Asks a server over HTTP: one pool of connections that stay open, its key, own certificates, a proxy, time limits."""

import asyncio
import importlib
import json
import ssl
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from codetune_core.domain.request_id import REQUEST_ID
from codetune_core.errors import EngineLost, EngineUnusable, ExecutionError, SettingsError
from codetune_core.http.address import Address
from codetune_core.http.event_stream import EventStream, too_slow
from codetune_core.http.keys import Key, KeyHolder, missing_key, redacted, server_address
from codetune_core.http.passage import leaves, noted, prepared
from codetune_core.http.refusals import BadStatus, bad_status, network_error
from codetune_core.sections import ServerSettings

if TYPE_CHECKING:
    import aiohttp

_KEEP_ALIVE_SECONDS = 60
_MOST_JSON_BYTES = 256_000_000
_MOST_ERROR_BYTES = 64_000
_OK = range(200, 300)
_REQUEST_HEADER = "X-Request-ID"
"""What vLLM, proxies and our own service write into their logs."""
_AT_SOCKET = "http://localhost"
_WANTS_KEY = {401, 403}

Sign = Callable[[str], Mapping[str, str]]
"""A key to the headers that carry it."""


class HttpServer:
    """A server, and the connections to it.

    Redirects are not followed, and no header is sent to any other origin. Every method raises `BadStatus` where the
    server answers with an error, and an ExecutionError where it cannot be reached, hangs up or is too slow.
    """

    def __init__(
        self,
        asked: ServerSettings,
        sign: Sign,
        headers: Mapping[str, str] | None = None,
        *,
        socket: Path | None = None,
    ) -> None:
        """Connect to nobody yet; raises SettingsError for an address, a proxy or a certificate that cannot be used.

        A server at a Unix ``socket`` knows who comes by whose process it is, and gets no key.
        """
        self.address = Address(_AT_SOCKET, "localhost", _AT_SOCKET, asked.section) if socket else server_address(asked)
        self._asked = asked
        self._sign = sign
        self._headers = dict(headers or {})
        self._socket = socket
        self._proxy = None if socket else self.address.proxy(asked.proxy)
        self.leaves = not socket and leaves(self.address, self._proxy)
        self._keys = KeyHolder(asked)
        self._key: Key | None = None
        self._session: aiohttp.ClientSession | None = None
        self._opening = asyncio.Lock()
        if asked.ca_file and not asked.ca_file.is_file():
            raise SettingsError(f"{asked.section}.ca_file: there is no file {asked.ca_file}")

    async def get(self, url: str, seconds: float | None = None) -> Any:
        """Return what a GET answers, as JSON; it may take ``seconds``, or as long as the first token of an answer."""
        async with self._answer("GET", url, None, seconds) as response:
            return await read_json(response, url, self._asked.section)

    async def post(self, url: str, body: Mapping[str, Any], seconds: float | None = None) -> Any:
        """Return what a POST answers, as JSON; it may take ``seconds``, or as long as the first token of an answer."""
        async with self._answer("POST", url, body, seconds) as response:
            return await read_json(response, url, self._asked.section)

    @asynccontextmanager
    async def stream(self, url: str, body: Mapping[str, Any]) -> AsyncGenerator[EventStream]:
        """Ask for a stream; leaving the context before its end closes the connection, which stops the server."""
        asked_at = asyncio.get_running_loop().time()
        async with self.open("POST", url, body, seconds=self._asked.first_token_seconds) as response:
            yield EventStream(response, self._asked, url, asked_at)

    def meaning(self, refusal: BadStatus) -> ExecutionError:
        """Return the error that says what a refusal means, without the key that servers like to repeat."""
        refusal.message = self.without_key(refusal.message)
        return refusal.meaning(self.address.base_url, self._asked.section)

    def without_key(self, text: str) -> str:
        """Return a text without the key that was sent last."""
        return redacted(text, self._key)

    @contextmanager
    def in_words(self) -> Iterator[None]:
        """Raise, for a BadStatus, the error that it means."""
        try:
            yield
        except BadStatus as refusal:
            raise self.meaning(refusal) from refusal

    async def aclose(self) -> None:
        """Close all connections."""
        if self._session:
            await self._session.close()

    @asynccontextmanager
    async def _answer(
        self, method: str, url: str, body: Mapping[str, Any] | None, seconds: float | None
    ) -> AsyncGenerator["aiohttp.ClientResponse"]:
        """Open, and bound the time that all of the answer takes."""
        limit = self._asked.first_token_seconds if seconds is None else seconds
        try:
            async with asyncio.timeout(limit), self.open(method, url, body, seconds=limit) as response:
                yield response
        except TimeoutError as error:
            raise too_slow(url, limit, self._first_token if seconds is None else "") from error

    @asynccontextmanager
    async def open(
        self,
        method: str,
        url: str,
        body: Mapping[str, Any] | bytes | None = None,
        *,
        seconds: float,
        headers: Mapping[str, str] | None = None,
    ) -> AsyncGenerator["aiohttp.ClientResponse"]:
        """Give the answer once it begins, which may take ``seconds``; leaving closes it where it was not read."""
        data = await prepared(url, _bytes(body)) if self.leaves else _bytes(body)
        session = await self._opened()
        import aiohttp  # noqa: PLC0415 - only who asks a server needs it

        response: aiohttp.ClientResponse | None = None
        try:
            async with asyncio.timeout(seconds):
                response = await self._answered(session, method, url, data, headers or {})
                if response.status not in _OK:
                    raise await self._refusal(response)
            yield response
        except aiohttp.ClientError as error:
            raise network_error(error, url, self._asked.connect_seconds, self._asked.section) from error
        except TimeoutError as error:
            raise too_slow(url, seconds, self._first_token) from error
        finally:
            if response is not None:
                _finish(response)

    async def _answered(
        self, session: "aiohttp.ClientSession", method: str, url: str, body: bytes | None, headers: Mapping[str, str]
    ) -> "aiohttp.ClientResponse":
        """Send a request; once more with the key of the keyring, where one is wanted and none was sent."""
        key = None if self._socket else await self._keys.key()
        response = await self._sent(session, method, url, headers={**self._headers_for(url, key), **headers}, data=body)
        if response.status in _WANTS_KEY and key is None and not self._socket and await self._keys.look_further():
            _finish(response)
            signed = self._headers_for(url, await self._keys.key())
            response = await self._sent(session, method, url, headers={**signed, **headers}, data=body)
        return response

    @property
    def _first_token(self) -> str:
        return f"{self._asked.section}.first_token_seconds"

    async def _sent(
        self, session: "aiohttp.ClientSession", method: str, url: str, **asked: Any
    ) -> "aiohttp.ClientResponse":
        """Send a request; once more where the server had closed the connection that was kept for it."""
        import aiohttp  # noqa: PLC0415

        used = SimpleNamespace(again=False)
        options = {"proxy": self._proxy, "allow_redirects": False, "trace_request_ctx": used, **asked}
        try:
            return await self._requested(session, method, url, options)
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
            if not used.again or isinstance(error, aiohttp.ClientConnectorError):
                raise
            return await self._requested(session, method, url, options)

    async def _requested(
        self, session: "aiohttp.ClientSession", method: str, url: str, options: Mapping[str, Any]
    ) -> "aiohttp.ClientResponse":
        if not self.leaves:
            return await session.request(method, url, **options)
        with noted(method, url, options["data"]) as answered:
            response = await session.request(method, url, **options)
            answered(response.status)
            return response

    def _headers_for(self, url: str, key: Key | None) -> dict[str, str]:
        """Return the headers of a request; raises EngineUnusable where the key would travel in clear, or elsewhere."""
        self._key = key
        headers = {**self._headers, "Content-Type": "application/json"}
        if request_id := REQUEST_ID.get():
            headers[_REQUEST_HEADER] = request_id
        if key is None:
            if not self._socket and (lacking := missing_key(self._asked)):
                raise EngineUnusable(lacking)
            return headers
        if not url.startswith(f"{self.address.origin}/"):
            raise EngineUnusable(f"the key is for {self.address.origin}, and is not sent to {url}")
        if not (self.address.is_encrypted or (self.address.is_this_machine and self._proxy is None)):
            where = self.address.origin
            raise EngineUnusable(f"the key would travel to {where} unencrypted: use https, or ask it without a key")
        return {**headers, **self._sign(key.secret.get_secret_value())}

    async def _refusal(self, response: "aiohttp.ClientResponse") -> BadStatus:
        body = await _read(response, _MOST_ERROR_BYTES)
        if response.status in _WANTS_KEY:
            self._keys.forget()
        return bad_status(response.status, response.headers, body.decode("utf-8", "replace"))

    async def _opened(self) -> "aiohttp.ClientSession":
        async with self._opening:
            if self._session is None:
                # In a thread, because it takes 0.2 s and more.
                aiohttp = await asyncio.to_thread(importlib.import_module, "aiohttp")
                connector = await self._connector()
                limits = aiohttp.ClientTimeout(total=None, connect=self._asked.connect_seconds)
                trace = aiohttp.TraceConfig()
                trace.on_connection_reuseconn.append(_reused)
                self._session = aiohttp.ClientSession(connector=connector, timeout=limits, trace_configs=[trace])
            return self._session

    async def _connector(self) -> "aiohttp.BaseConnector":
        import aiohttp  # noqa: PLC0415

        if self._socket:
            return aiohttp.UnixConnector(str(self._socket), limit=0, keepalive_timeout=_KEEP_ALIVE_SECONDS)
        trust = await asyncio.to_thread(self._trust)
        return aiohttp.TCPConnector(ssl=trust, limit=0, keepalive_timeout=_KEEP_ALIVE_SECONDS)

    def _trust(self) -> "ssl.SSLContext | bool":
        """Return what is trusted: True for what the system trusts, of which aiohttp keeps one copy."""
        path = self._asked.ca_file
        if path is None:
            return True
        context = ssl.create_default_context()
        try:
            context.load_verify_locations(path)
        except OSError as error:  # ssl.SSLError is one
            section = self._asked.section
            raise EngineUnusable(f"{section}.ca_file: {path} holds no certificate in PEM: {error}") from error
        return context


async def read_json(response: "aiohttp.ClientResponse", url: str, section: str) -> Any:
    """Return what an answer says; raises EngineLost for what is no JSON."""
    body = await _read(response, _MOST_JSON_BYTES)
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise EngineLost(f"{url} did not answer in JSON: is {section}.base_url the server's?") from error


async def _read(response: "aiohttp.ClientResponse", most: int) -> bytes:
    """Return a body, or its first ``most`` bytes and what came with them."""
    body = bytearray()
    async for block in response.content.iter_any():
        body += block
        if len(body) >= most:
            break
    return bytes(body)


def _bytes(body: Mapping[str, Any] | bytes | None) -> bytes | None:
    # Half a character, as editors send one while it is typed, becomes a question mark: many servers refuse it.
    return (
        body
        if body is None or isinstance(body, bytes)
        else json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
    )


def _finish(response: "aiohttp.ClientResponse") -> None:
    """Give the connection back where all was read, else close it."""
    if response.content.at_eof():
        response.release()
    else:
        response.close()


async def _reused(_session: Any, context: Any, _params: Any) -> None:
    context.trace_request_ctx.again = True
