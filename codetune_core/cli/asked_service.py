"""The service of the user's team, as a subcommand asks it: through the outbound gate, waiting for a Space."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Any, TypeVar
from urllib.parse import urlencode

import click
from pydantic import BaseModel, TypeAdapter, ValidationError

from codetune_core.cli.formats.visible import visible
from codetune_core.errors import EngineLost, SettingsError
from codetune_core.execution.remote.connection import ServiceConnection
from codetune_core.execution.remote.faults import Unreachable
from codetune_core.execution.remote.space import Space
from codetune_core.execution.remote.wakings import Wakings
from codetune_core.http.passage import through
from codetune_core.outbound.gate import Gate
from codetune_core.outbound.origin import Origin
from codetune_core.settings import Settings

Said = TypeVar("Said")


class AskedService:
    """One service; ``where`` is its address, ``leaves`` whether what is sent to it leaves this machine."""

    def __init__(self, connection: ServiceConnection, gate: Gate, purpose: str) -> None:
        """``purpose`` is what the outbound ledger says that it was asked for."""
        self.where = connection.where
        self.leaves = connection.leaves
        self._connection = connection
        self._way = gate.passage(Origin(purpose))
        self._space = Space(connection, connection.front, Wakings()) if connection.front else None

    async def get(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        """Return what a GET gives; raises an ExecutionError whose words say what to do, as the others do."""
        address = f"{path}?{urlencode({name: _written(value) for name, value in query.items()})}" if query else path
        return await self._asked(lambda: self._connection.get(address))

    async def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Return what a POST gives."""
        return await self._asked(lambda: self._connection.post(path, body))

    async def delete(self, path: str) -> Any:
        """Return what a DELETE gives."""
        return await self._asked(lambda: self._connection.delete(path))

    async def sayable(self, text: str) -> str:
        """Return words as they may stand in a query: a secret among them as its placeholder, as it was recorded."""
        if not self.leaves or not text:
            return text
        prepared = await self._way.prepare(self.where, json.dumps({"text": text}).encode())
        return str(json.loads(prepared or b"{}")["text"])

    def read(self, kind: type[Said], said: Any) -> Said:
        """Return what the service said as a value of a type; raises EngineLost where it is none."""
        try:
            return TypeAdapter(kind).validate_python(said)
        except ValidationError as error:
            wrong = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(map(str, wrong["loc"]))
            raise EngineLost(
                f"{self.where} says what this CodeTune cannot read ({place}: {wrong['msg']}): upgrade the older one"
            ) from error

    async def _asked(self, ask: Callable[[], Awaitable[Any]]) -> Any:
        """Ask; once more where the service is a Space that did not run, when it does."""
        with through(self._way):
            try:
                return await ask()
            except Unreachable as failure:
                if self._space is None:
                    raise
                await self._woken(self._space, failure)
            return await ask()

    async def _woken(self, space: Space, failure: Unreachable) -> None:
        async with aclosing(space.awake(failure, asyncio.sleep, waits=True)) as waited:
            async for waiting in waited:
                about = "" if waiting.seconds is None else f", about {waiting.seconds:.0f} s"
                click.echo(f"notice: {visible(waiting.reason)}{about}", err=True)


@asynccontextmanager
async def asked_service(settings: Settings, purpose: str) -> AsyncIterator[AskedService]:
    """Open the service of ``remote.base_url``; raises SettingsError where none is set."""
    if not settings.remote.base_url:
        raise SettingsError("which service? Set remote.base_url to its address")
    connection = ServiceConnection.to_service(settings.remote)
    try:
        yield AskedService(connection, Gate(settings.outbound), purpose)
    finally:
        await connection.aclose()


def set_of(query: BaseModel) -> dict[str, Any]:
    """Return what a query sets, as JSON has it."""
    return query.model_dump(mode="json", exclude_defaults=True)


def _written(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
