"""What keys need of their storage."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from codetune_core.domain.service_key import ServiceKey


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key as it is stored: ``hash`` is its SHA-256 in hexadecimal digits."""

    key: ServiceKey
    hash: str


class KeyStore(Protocol):
    """Keys of the service, over all its replicas."""

    async def add(self, stored: StoredKey) -> None:
        """Store a new key."""
        ...

    async def find(self, key_id: str) -> StoredKey | None:
        """Return the key of an id."""
        ...

    async def page(self, after: str, limit: int) -> Sequence[ServiceKey]:
        """Return keys, the newest first, those made before the one called ``after``; empty for from the first on."""
        ...

    async def revoke(self, key_id: str, now: dt.datetime) -> ServiceKey | None:
        """Revoke a key, once, and return it; None where there is none."""
        ...

    async def note_use(self, key_id: str, now: dt.datetime) -> None:
        """Remember that it was used."""
        ...

    async def any_usable(self, now: dt.datetime) -> bool:
        """Tell whether a key would be accepted."""
        ...
