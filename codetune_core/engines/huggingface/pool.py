"""The connections that huggingface_hub's client uses: bound to one server, with its token, trust, proxy and limits."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import cast

import httpx2
from huggingface_hub import AsyncInferenceClient

from codetune_core.errors import EngineUnusable
from codetune_core.http.address import Address
from codetune_core.http.keys import Key
from codetune_core.http.passage import leaves, noted, prepared
from codetune_core.http.refusals import bad_status
from codetune_core.sections import EngineSettings

_KEEP_ALIVE_SECONDS = 60
_MOST_ERROR_BYTES = 64_000
_MOST_ANSWER_BYTES = 256_000_000
_END = b"data: [DONE]\r\n\r\n"
_END_SECONDS = 0.1
_UNSIGNED = "hf_the_transport_signs"
"""What the client is given for a token, so that no code but the transport holds the real one."""


def open_pool(asked: EngineSettings, address: Address, key: Callable[[], Key | None]) -> httpx2.AsyncClient:
    """Open a pool that signs with what ``key`` returns; raises EngineUnusable where certificates cannot be used."""
    inner = httpx2.AsyncHTTPTransport(
        verify=_trust(asked),
        proxy=address.proxy(asked.proxy),
        limits=httpx2.Limits(keepalive_expiry=_KEEP_ALIVE_SECONDS),
    )
    bound = _Bound(_Leaving(inner) if leaves(address, address.proxy(asked.proxy)) else inner, address, key)
    return httpx2.AsyncClient(transport=bound, timeout=limits(asked), trust_env=False)


def limits(asked: EngineSettings) -> httpx2.Timeout:
    """Return the limits of one connection; those of an answer are kept where it is read."""
    return httpx2.Timeout(
        None, connect=asked.connect_seconds, read=max(asked.first_token_seconds, asked.gap_seconds), write=60
    )


def _trust(asked: EngineSettings) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if path := asked.ca_file:
        try:
            context.load_verify_locations(path)
        except OSError as error:  # ssl.SSLError is one
            raise EngineUnusable(f"engine.ca_file: {path} holds no certificate in PEM: {error}") from error
    return context


class InferenceClient(AsyncInferenceClient):
    """One request of huggingface_hub's client, over connections that outlive it; leaving it closes its stream."""

    def __init__(self, pool: httpx2.AsyncClient, asked: EngineSettings, *, url: str = "") -> None:
        """Ask the address, or with none Inference Providers, which choose one by the name of the model."""
        super().__init__(
            base_url=url or None,
            provider="hf-inference" if url else "auto",
            token=_UNSIGNED,
            # Annotated as a number, and handed to the pool as it is.
            timeout=cast("float", limits(asked)),
        )
        self._pool = pool

    def pool(self) -> httpx2.AsyncClient:
        """Return the connections, for what huggingface_hub has no method for."""
        return self._pool

    async def _get_async_client(self) -> httpx2.AsyncClient:
        return self._pool


class _Bound(httpx2.AsyncBaseTransport):
    """Signs what goes to one server, and sends nothing to any other.

    What is not a success is raised as BadStatus at once. So huggingface_hub never gets to see that a server does not
    know a parameter, which it would remember for all later requests of the process.
    """

    def __init__(self, inner: httpx2.AsyncBaseTransport, address: Address, key: Callable[[], Key | None]) -> None:
        self._inner = inner
        self._address = address
        self._key = key

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if _origin(request.url) != _origin(httpx2.URL(self._address.origin)):
            raise EngineUnusable(f"nothing is sent to {request.url.host}, only to {self._address.origin}")
        request.headers.pop("Authorization", None)
        if key := self._key():
            if not (self._address.is_encrypted or self._address.is_this_machine):
                raise EngineUnusable(f"the token would travel to {self._address.origin} unencrypted: use https")
            request.headers["Authorization"] = f"Bearer {key.secret.get_secret_value()}"
        response = await self._inner.handle_async_request(request)
        if not response.is_success:
            body = await _beginning(response)
            raise bad_status(response.status_code, response.headers, body)
        response.stream = _Measured(cast("httpx2.AsyncByteStream", response.stream))
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


class _Leaving(httpx2.AsyncBaseTransport):
    """Sends what the passage that is open makes of a request."""

    def __init__(self, inner: httpx2.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        url, written = str(request.url), await request.aread()
        sent = await prepared(url, written or None)
        headers = request.headers.copy()
        if sent:
            headers["Content-Length"] = str(len(sent))
        leaving = httpx2.Request(request.method, url, headers=headers, content=sent, extensions=request.extensions)
        with noted(request.method, url, sent) as answered:
            response = await self._inner.handle_async_request(leaving)
            answered(response.status_code)
            return response

    async def aclose(self) -> None:
        await self._inner.aclose()


class _Measured(httpx2.AsyncByteStream):
    """A body that ends in an error where it grows beyond all bounds.

    huggingface_hub stops reading at the event that ends a stream; the few bytes after it are read here, so that the
    connection can be used again.
    """

    def __init__(self, inner: httpx2.AsyncByteStream) -> None:
        self._inner = inner
        self._blocks = aiter(inner)
        self._last = b""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for block in self._blocks:
            size += len(block)
            if size > _MOST_ANSWER_BYTES:
                raise httpx2.RemoteProtocolError(f"it sent more than {_MOST_ANSWER_BYTES:,} bytes")
            self._last = (self._last + block)[-len(_END) :]
            yield block

    async def aclose(self) -> None:
        if self._last.strip().endswith(b"[DONE]"):
            with suppress(TimeoutError, httpx2.TransportError):
                async with asyncio.timeout(_END_SECONDS):
                    await anext(self._blocks, None)
        await self._inner.aclose()


def _origin(url: httpx2.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


async def _beginning(response: httpx2.Response) -> str:
    body = bytearray()
    try:
        async for block in response.aiter_bytes():
            body += block
            if len(body) >= _MOST_ERROR_BYTES:
                break
    finally:
        await response.aclose()
    return bytes(body[:_MOST_ERROR_BYTES]).decode("utf-8", "replace")
