"""The host of the plugins: lists, loads and runs them, each in a process of its own, started when it is needed."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from pydantic import JsonValue

from codetune_core.domain.execution import Usage
from codetune_core.errors import InvalidInput, PluginError
from codetune_core.plugins.api import Request
from codetune_core.plugins.asking import Asking
from codetune_core.plugins.discover import Found, Status, unknown
from codetune_core.plugins.metadata import Kind
from codetune_core.plugins.process import Limits, PluginProcess
from codetune_core.plugins.protocol import Ask


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run gave: a value, the tokens that models took for it, and which models they were."""

    value: JsonValue
    usage: Usage
    models: tuple[str, ...]


@dataclass(slots=True)
class _Plugin:
    found: Found
    process: PluginProcess | None = None
    error: str = ""
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def state(self) -> Found:
        """As it is now: what its code says goes before what is written of it."""
        if self.process and self.process.alive:
            loaded = self.process.loaded
            return replace(self.found, metadata=loaded.metadata, kind=loaded.kind, status=Status.LOADED)
        if self.error and self.found.status is Status.NOT_LOADED:
            return replace(self.found, status=Status.ERROR, reason=self.error)
        return self.found


class PluginHost:
    """The plugins, one process each; close it when done.

    A plugin that failed to load, or whose process died, has the status error; it is tried again when it is next used.

    Args:
        find: finds the plugins; asked again by ``reload``.
        limits: of each process.
        ask: puts a plugin's questions to a model; None to lend no models.
    """

    def __init__(self, find: Callable[[], Iterable[Found]], limits: Limits, ask: Ask | None) -> None:
        self._find = find
        self._limits = limits
        self._ask = ask
        self._plugins = [_Plugin(found) for found in find()]

    def list(self) -> list[Found]:
        """Return every plugin as it is now."""
        return [plugin.state for plugin in self._plugins]

    def state(self, name: str) -> Found:
        """Return one plugin as it is now; raises PluginError where there is none."""
        return self._named(name).state

    async def load(self, name: str) -> Found:
        """Start a plugin's process, unless it runs; raises PluginError where it cannot be loaded."""
        plugin = self._named(name)
        async with plugin.turn:
            await self._started(plugin)
        return plugin.state

    async def unload(self, name: str) -> Found:
        """End a plugin's process when its run has ended."""
        plugin = self._named(name)
        async with plugin.turn:
            await _ended(plugin)
        return plugin.state

    async def reload(self, name: str) -> Found:
        """End a plugin's process, look again at what it says of itself, and load it; raises PluginError."""
        plugin = self._named(name)
        async with plugin.turn:
            await _ended(plugin)
            now = next((found for found in self._find() if _same(found, plugin.found)), None)
            if now is None:
                self._plugins.remove(plugin)
                raise PluginError(f"{name} is gone: {plugin.found.origin} is not there any more")
            plugin.found, plugin.error = now, ""
            await self._started(plugin)
        return plugin.state

    async def run(self, name: str, request: Request, show: Callable[[str], None] = lambda _: None) -> Outcome:
        """Have a plugin answer a request; runs of one plugin wait for each other.

        Raises PluginError where it cannot be loaded, fails, dies or takes too long, InvalidInput where it cannot be
        asked that, and what its model raises. Cancelling stops the model and ends the plugin's process.
        """
        plugin = self._named(name)
        async with plugin.turn:
            process = await self._started(plugin)
            metadata = process.loaded.metadata
            if request.task not in metadata.tasks:
                raise InvalidInput(f"{name} has no task {request.task!r}; it has {', '.join(metadata.tasks) or 'none'}")
            ask = self._ask if "model" in metadata.capabilities else None
            asking = Asking(name, request.task, ask, process.send)
            try:
                value = await process.run(request, asking, show)
            except PluginError as error:
                plugin.error = "" if process.alive else str(error)
                raise
        return Outcome(value, asking.usage, asking.models)

    async def aclose(self) -> None:
        """End every process."""
        await asyncio.gather(*(_ended(plugin) for plugin in self._plugins))

    def _named(self, name: str) -> _Plugin:
        found = next((plugin for plugin in self._plugins if plugin.found.name == name), None)
        if found is None:
            raise unknown(name, (plugin.found.name for plugin in self._plugins))
        return found

    async def _started(self, plugin: _Plugin) -> PluginProcess:
        if plugin.process and plugin.process.alive:
            return plugin.process
        _expect_usable(plugin.found)
        await _ended(plugin)
        try:
            plugin.process = await PluginProcess.start(plugin.found, self._limits)
        except PluginError as error:
            plugin.error = str(error)
            raise PluginError(f"{plugin.found.name} cannot be loaded: {error}") from error
        plugin.error = ""
        return plugin.process


def _expect_usable(found: Found) -> None:
    if found.kind is Kind.DETECTOR:
        raise PluginError(f"{found.name} is a detector: `codetune review` runs it")
    if found.status is not Status.NOT_LOADED:
        raise PluginError(f"{found.name} is not used ({found.status}): {found.reason}")


async def _ended(plugin: _Plugin) -> None:
    process, plugin.process = plugin.process, None
    if process:
        await process.kill()


def _same(found: Found, other: Found) -> bool:
    return (found.file, found.target) == (other.file, other.target) and (
        found.file is not None or found.name == other.name
    )
