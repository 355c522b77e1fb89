"""A service that runs in a thread of its own, for commands that run their own event loop."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from serving import on_tcp, running, settings_for

from codetune_core.domain.service_key import Scope


@contextmanager
def service_elsewhere(folder: Path, url: str, **people: tuple[Scope, ...]) -> Iterator[tuple[str, dict[str, str]]]:
    """Serve a database; gives the address, and each person's key."""
    ready, end = threading.Event(), threading.Event()
    keys: dict[str, str] = {}
    address = ""

    async def serve() -> None:
        nonlocal address
        folder.mkdir()
        async with running(settings_for(folder, url)) as service, on_tcp(service) as client:
            for name, scopes in people.items():
                _, made = await service.core.keys.create(name, scopes, expires="1d")
                keys[name] = made.text.get_secret_value()
            address = str(client._base_url).rstrip("/")
            ready.set()
            await asyncio.to_thread(end.wait)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    try:
        assert ready.wait(60)
        yield address, keys
    finally:
        end.set()
        thread.join()
