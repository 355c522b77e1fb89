"""Asks the service as somebody, and compares what comes back with what should."""

import json
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from serving import on_tcp

from codetune_core.domain.service_key import Scope
from codetune_core.execution.headers import KEY_HEADER
from codetune_remote.service import Service


class Api:
    """One user's way to the service."""

    def __init__(self, client: aiohttp.ClientSession, headers: dict[str, str] | None = None) -> None:
        self.client, self.headers = client, headers or {}

    async def check(self, asked: str, status: int = 200, body: Any = None, **query: Any) -> Any:
        """Ask, such as ``GET /api/prompts/``, expect this status, and return the JSON that came."""
        method, _, path = asked.partition(" ")
        sent = {} if body is None else {"json": body}
        written = {name: _written(value) for name, value in query.items()}
        async with self.client.request(method, path, params=written, headers=self.headers, **sent) as answer:
            text = await answer.text()
            assert answer.status == status, text
            expected = "application/json" if status < 400 else "application/problem+json"
            assert answer.content_type == expected
            return json.loads(text)

    async def pages(self, asked: str, **query: Any) -> list[Any]:
        """Return all items of a list, page by page."""
        page = await self.check(asked, **query)
        items = page["items"]
        while page["next"]:
            page = await self.check(asked, **query | {"cursor": page["next"]})
            items += page["items"]
        return items


def _written(value: Any) -> Any:
    match value:
        case bool():
            return "true" if value else "false"
        case list():
            return value
    return str(value)


@asynccontextmanager
async def people(service: Service, **scopes: tuple[Scope, ...]):
    """Who may ask over TCP, by name, each with a key of these scopes."""
    async with on_tcp(service) as client:
        yield {name: Api(client, await _key(service, name, allowed)) for name, allowed in scopes.items()}


async def _key(service: Service, user: str, scopes: tuple[Scope, ...]) -> dict[str, str]:
    _, made = await service.core.keys.create(user, scopes, expires="1d")
    return {KEY_HEADER: made.text.get_secret_value()}
