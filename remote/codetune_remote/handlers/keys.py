"""Makes, lists and revokes keys of the service, for who administers it."""

import datetime as dt
from typing import Self

from pydantic import BaseModel, Field

from codetune_core.access.expiry import USUAL_EXPIRY
from codetune_core.domain.service_key import USUAL_SCOPES, Scope, ServiceKey
from codetune_core.errors import AccessError
from codetune_core.execution.wire import WireBody
from codetune_remote.problems import Refusal
from codetune_remote.route import Call, Cursor, Nothing, Page, Route


class KeyBody(WireBody):
    """A key to be made: for ``user``, or for who asks where that is empty.

    ``expires`` is ``90d``, ``2027-01-01`` (as that day of UTC begins) or ``never``.
    """

    user: str = Field(default="", max_length=100)
    scopes: tuple[Scope, ...] = Field(default=USUAL_SCOPES, min_length=1)
    expires: str = USUAL_EXPIRY
    note: str = Field(default="", max_length=200)


class ByKey(WireBody):
    """A path that ends in a key's id."""

    id: str = Field(pattern=r"^[0-9A-Za-z]{1,20}$")


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


async def create(call: Call[KeyBody]) -> MadeKey:
    """Make a key; the answer is the only place where it stands."""
    body, asker = call.body, call.principal.user_id
    try:
        key, made = await call.service.core.keys.create(
            body.user or asker, body.scopes, expires=body.expires, note=body.note, created_by=asker
        )
    except AccessError as error:
        raise Refusal(422, "invalid", str(error)) from error
    return MadeKey(issued=IssuedKey.of(key), key=made.text.get_secret_value())


async def issued(call: Call[Nothing, Cursor]) -> Page[IssuedKey]:
    """List keys, the newest first, expired and revoked ones too."""
    keys = await call.service.core.keys.page(call.query.cursor, call.query.limit + 1)
    shown = keys[: call.query.limit]
    return Page(items=[IssuedKey.of(key) for key in shown], next=shown[-1].id if len(keys) > len(shown) else "")


async def revoke(call: Call[Nothing, Nothing, ByKey]) -> IssuedKey:
    """Take a key back; replicas take it for a few seconds more."""
    if revoked := await call.service.core.keys.revoke(call.path.id):
        return IssuedKey.of(revoked)
    raise Refusal(404, "not-found", "there is no key of this id")


ROUTES = (
    Route(
        "POST",
        "/api/keys/",
        create,
        Scope.ADMIN,
        "Make a key",
        body=KeyBody,
        reply=MadeKey,
        status=201,
    ),
    Route("GET", "/api/keys/", issued, Scope.ADMIN, "List keys", query=Cursor, reply=Page[IssuedKey]),
    Route(
        "DELETE",
        "/api/keys/{id}",
        revoke,
        Scope.ADMIN,
        "Revoke a key",
        parts=ByKey,
        reply=IssuedKey,
        problems={404: "there is no key of this id"},
    ),
)
