"""Where keys of the service are made: in the database of the settings, or by a service that runs elsewhere."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol
from urllib.parse import quote

from codetune_core.access.keys import ServiceKeys
from codetune_core.access.wire import KEYS_PATH, IssuedKey, IssuedKeys, KeyBody, MadeKey
from codetune_core.cli.asked_service import AskedService, asked_service
from codetune_core.cli.core import say
from codetune_core.cli.prompts.options import who
from codetune_core.errors import AccessError
from codetune_core.settings import Settings
from codetune_core.storage.key_store import SqlKeyStore
from codetune_core.storage.open import open_database

_PAGE = 200


class KeyPlace(Protocol):
    """Keys, wherever they are."""

    async def create(self, wanted: KeyBody) -> MadeKey:
        """Make a key."""
        ...

    async def page(self, after: str) -> IssuedKeys:
        """Return those that were made before the one called ``after``; empty for from the newest on."""
        ...

    async def revoke(self, key_id: str) -> IssuedKey:
        """Take a key back; raises a CodeTuneError where there is none."""
        ...


@asynccontextmanager
async def opened(settings: Settings, *, remote: bool) -> AsyncIterator[KeyPlace]:
    """Open the service of ``remote.base_url``, or the database."""
    if remote:
        async with asked_service(settings, "keys") as service:
            yield _There(service)
        return
    database, notices = await open_database(settings.storage)
    say(notices)
    async with database:
        yield _Here(ServiceKeys(SqlKeyStore(database)))


async def all_keys(place: KeyPlace) -> list[IssuedKey]:
    """Return every key, the newest first."""
    found = await place.page("")
    keys = found.items
    while found.next:
        found = await place.page(found.next)
        keys += found.items
    return keys


class _Here:
    def __init__(self, keys: ServiceKeys) -> None:
        self._keys = keys

    async def create(self, wanted: KeyBody) -> MadeKey:
        key, made = await self._keys.create(
            wanted.user or who(), wanted.scopes, expires=wanted.expires, note=wanted.note, created_by=who()
        )
        return MadeKey(issued=IssuedKey.of(key), key=made.text.get_secret_value())

    async def page(self, after: str) -> IssuedKeys:
        keys = [IssuedKey.of(key) for key in await self._keys.page(after, _PAGE)]
        return IssuedKeys(items=keys, next=keys[-1].id if len(keys) == _PAGE else "")

    async def revoke(self, key_id: str) -> IssuedKey:
        if revoked := await self._keys.revoke(key_id):
            return IssuedKey.of(revoked)
        raise AccessError(f"there is no key {key_id}: see `codetune keys issued`")


class _There:
    def __init__(self, service: AskedService) -> None:
        self._service = service

    async def create(self, wanted: KeyBody) -> MadeKey:
        return self._service.read(MadeKey, await self._service.post(KEYS_PATH, wanted.model_dump(mode="json")))

    async def page(self, after: str) -> IssuedKeys:
        return self._service.read(IssuedKeys, await self._service.get(KEYS_PATH, {"limit": _PAGE, "cursor": after}))

    async def revoke(self, key_id: str) -> IssuedKey:
        return self._service.read(IssuedKey, await self._service.delete(f"{KEYS_PATH}{quote(key_id, safe='')}"))
