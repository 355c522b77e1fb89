"""What a client and the service say to each other about keys."""

import datetime as dt
from typing import Self

from pydantic import BaseModel, Field

from codetune_core.access.expiry import USUAL_EXPIRY
from codetune_core.domain.service_key import USUAL_SCOPES, Scope, ServiceKey
from codetune_core.execution.wire import WireBody

KEYS_PATH = "/api/keys/"


class KeyBody(WireBody):
    """A key to be made: for ``user``, or for who asks where that is empty.

    ``expires`` is ``90d``, ``2027-01-01`` (as that day of UTC begins) or ``never``.
    """

    user: str = Field(default="", max_length=100)
    scopes: tuple[Scope, ...] = Field(default=USUAL_SCOPES, min_length=1)
    expires: str = USUAL_EXPIRY
    note: str = Field(default="", max_length=200)


class IssuedKey(BaseModel):
    """What is known of a key, which is not the key; see ServiceKey."""

    id: str
    user: str
    scopes: list[Scope]
    note: str
    created_at: dt.datetime
    created_by: str
    expires_at: dt.datetime | None
    revoked_at: dt.datetime | None
    last_used_at: dt.datetime | None

    @classmethod
    def of(cls, key: ServiceKey) -> Self:
        """Return what is sent."""
        return cls(
            id=key.id,
            user=key.user_id,
            scopes=sorted(key.scopes),
            note=key.note,
            created_at=key.created_at,
            created_by=key.created_by,
            expires_at=key.expires_at,
            revoked_at=key.revoked_at,
            last_used_at=key.last_used_at,
        )


class MadeKey(BaseModel):
    """A new key: ``key`` is said once, and kept nowhere."""

    issued: IssuedKey
    key: str


class IssuedKeys(BaseModel):
    """A page of keys; ``next`` is empty on the last one."""

    items: list[IssuedKey]
    next: str = ""
