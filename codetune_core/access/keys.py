"""The keys of the service: made, listed, revoked, and verified when somebody presents one."""

import asyncio
import hmac
import logging
import re
from collections.abc import Iterable, Sequence

from codetune_core.access.expiry import parse_expiry
from codetune_core.access.key_text import NewKey, key_hash, key_id, new_key
from codetune_core.access.protocol import KeyStore, StoredKey
from codetune_core.access.remembered import Remembered
from codetune_core.domain.clock import Clock, utc_now
from codetune_core.domain.service_key import Scope, ServiceKey
from codetune_core.errors import AccessError, KeyRefused, SettingsError, StorageError
from codetune_core.execution.background import Background

ADMIN_VARIABLE = "CODETUNE_ADMIN_KEY_SHA256"
"""Environment variable with the SHA-256 of a key that may do everything: the first one of a service without a shell."""
REMEMBERED_SECONDS = 5.0
"""So long a verified key is taken without a query: a key that is revoked on another replica works as long there."""
_MOST_REMEMBERED = 2048
_CHECKS = 4
"""Keys that are looked up at the same time, so that guesses never take all connections to the database."""
_USE_NOTED_SECONDS = 300
_NO_HASH = "0" * 64
_SHA256 = re.compile(r"[0-9a-f]{64}")
_UNKNOWN = "this key is not known here"
_LOG = logging.getLogger(__name__)


class ServiceKeys:
    """Keys over one store; ``admin_hash`` is what ``ADMIN_VARIABLE`` holds. Close it when done."""

    def __init__(self, store: KeyStore, admin_hash: str = "", now: Clock = utc_now) -> None:
        """Raise SettingsError where ``admin_hash`` is no SHA-256 in hexadecimal digits."""
        self._store = store
        self._admin_hash = _checked_hash(admin_hash)
        self._now = now
        self._verified: Remembered[ServiceKey] = Remembered(REMEMBERED_SECONDS, _MOST_REMEMBERED)
        self._refused: Remembered[str] = Remembered(REMEMBERED_SECONDS, _MOST_REMEMBERED)
        self._checks = asyncio.Semaphore(_CHECKS)
        self._noting = Background()

    async def create(
        self, user_id: str, scopes: Iterable[Scope], *, expires: str, note: str = "", created_by: str = ""
    ) -> tuple[ServiceKey, NewKey]:
        """Make and store a key for somebody; ``expires`` is what `parse_expiry` reads. Raises AccessError."""
        now, made = self._now(), new_key()
        allowed = frozenset(scopes)
        if not user_id or not allowed:
            raise AccessError("a key needs a user, for whom it counts, and at least one scope")
        key = ServiceKey(made.id, user_id, allowed, now, created_by, note, parse_expiry(expires, now))
        await self._store.add(StoredKey(key, made.hash))
        return key, made

    async def page(self, after: str = "", limit: int = 50) -> Sequence[ServiceKey]:
        """Return keys, the newest first, those made before the one called ``after``."""
        return await self._store.page(after, limit)

    async def revoke(self, revoked_id: str) -> ServiceKey | None:
        """Take a key back: at once here, within ``REMEMBERED_SECONDS`` on other replicas; None where there is none."""
        revoked = await self._store.revoke(revoked_id, self._now())
        self._verified.clear()
        return revoked

    async def any_usable(self) -> bool:
        """Tell whether anybody has a key that would be accepted."""
        return self._admin_hash != _NO_HASH or await self._store.any_usable(self._now())

    async def verify(self, text: str) -> ServiceKey:
        """Return what is known of a key that is good; raises KeyRefused, whose text says why as far as it may."""
        digest = key_hash(text)
        if refusal := self._refused.get(digest):
            raise KeyRefused(refusal)
        try:
            key = self._verified.get(digest) or await self._found(text, digest)
            _check_standing(key, expired=key.has_expired(self._now()))
        except KeyRefused as refusal:
            self._refused.put(digest, str(refusal))
            raise
        return key

    async def aclose(self) -> None:
        """Wait until it is written who used their keys."""
        await self._noting.finished()

    async def _found(self, text: str, digest: str) -> ServiceKey:
        presented = key_id(text)
        if not presented:
            raise KeyRefused("this is no key of the service, or it was mistyped: its checksum does not fit")
        if hmac.compare_digest(digest, self._admin_hash):
            key = ServiceKey(presented, "admin", frozenset({Scope.ADMIN}), self._now(), note=ADMIN_VARIABLE)
        else:
            key = await self._looked_up(presented, digest)
        self._verified.put(digest, key)
        return key

    async def _looked_up(self, presented: str, digest: str) -> ServiceKey:
        """Do the same work for an id that nobody has and for a wrong secret."""
        async with self._checks:
            if known := self._verified.get(digest):  # another request with this key was looked up meanwhile
                return known
            stored = await self._store.find(presented)
        same = hmac.compare_digest(digest, stored.hash if stored else _NO_HASH)
        if stored is None or not same:
            raise KeyRefused(_UNKNOWN)
        self._noting.begin(self._note_use(stored.key))
        return stored.key

    async def _note_use(self, key: ServiceKey) -> None:
        now = self._now()
        if key.last_used_at and (now - key.last_used_at).total_seconds() < _USE_NOTED_SECONDS:
            return
        try:
            await self._store.note_use(key.id, now)
        except StorageError as error:
            _LOG.warning("when key %s was used is not noted: %s", key.id, error)


def _check_standing(key: ServiceKey, *, expired: bool) -> None:
    if key.revoked_at:
        raise KeyRefused("this key was revoked: ask for another one")
    if expired:
        raise KeyRefused(f"this key expired on {key.expires_at:%Y-%m-%d}: ask for another one")


def _checked_hash(text: str) -> str:
    found = text.strip().lower()
    if found and not _SHA256.fullmatch(found):
        raise SettingsError(f"{ADMIN_VARIABLE} must hold the 64 digits that `codetune keys create --offline` prints")
    return found or _NO_HASH
