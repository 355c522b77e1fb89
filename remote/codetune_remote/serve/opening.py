"""What a service imports and opens before it can execute; itself imported late, for that takes more than a second."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from aiohttp import web

from codetune_core.bootstrap.core import Core, open_core
from codetune_core.cli.core import say
from codetune_core.daemon.own import own_identity, own_settings
from codetune_core.daemon.place import identity_file
from codetune_core.domain.execution import Role
from codetune_core.errors import SettingsError
from codetune_core.settings import Settings
from codetune_remote.app import make_app
from codetune_remote.connections import Runner
from codetune_remote.observe.logs import logging_as, watch
from codetune_remote.serve.sockets import is_this_machine
from codetune_remote.service import Service


@asynccontextmanager
async def open_service(listener: socket.socket, models: Sequence[str]) -> AsyncIterator[Service]:
    """Open the core, with the user's own settings, and begin to load models, by role or name.

    What is wrong in the settings is said on the standard error. Raises SettingsError where other machines could reach
    it and nobody has a key, and where a model cannot be loaded here; and what ``open_core`` raises.
    """
    own = await asyncio.to_thread(own_settings)
    watch(asyncio.get_running_loop())
    with logging_as(own.settings.serve.log_format):
        async with open_core(own.settings) as core:
            say((*own.notices, *core.notices))
            await _check_keys(core, listener)
            for name in models:
                role = Role(name) if name in set(Role) else None
                await core.loads.begin("" if role else name, role or Role.GENERATION)
            yield Service(core)


async def _check_keys(core: Core, listener: socket.socket) -> None:
    if not is_this_machine(listener) and not await core.keys.any_usable():
        raise SettingsError(
            "other machines can reach this address, and there is no key: make one with `codetune keys create`, or "
            "listen on 127.0.0.1"
        )


def runner_of(service: Service, last_seconds: float) -> web.AppRunner:
    """Return what answers for a service; answers on their way have ``last_seconds`` when it ends."""
    return Runner(make_app(service), access_log=None, shutdown_timeout=last_seconds)


@contextmanager
def identified(settings: Settings, listener: socket.socket) -> Iterator[None]:
    """Say, beside a Unix socket, which version and settings answer there, as long as new work is taken."""
    if listener.family != socket.AF_UNIX:
        yield
        return
    path = identity_file(Path(listener.getsockname()))
    own_identity(settings).write(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
