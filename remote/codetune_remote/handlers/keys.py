"""Makes, lists and revokes keys of the service, for who administers it."""

from pydantic import Field

from codetune_core.access.wire import KEYS_PATH, IssuedKey, IssuedKeys, KeyBody, MadeKey
from codetune_core.domain.service_key import Scope
from codetune_core.errors import AccessError
from codetune_core.execution.wire import WireBody
from codetune_core.http.replies import Cursor
from codetune_remote.problems import Refusal
from codetune_remote.route import Call, Nothing, Route


class ByKey(WireBody):
    """A path that ends in a key's id."""

    id: str = Field(pattern=r"^[0-9A-Za-z]{1,20}$")


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


async def issued(call: Call[Nothing, Cursor]) -> IssuedKeys:
    """List keys, the newest first, expired and revoked ones too."""
    keys = await call.service.core.keys.page(call.query.cursor, call.query.limit + 1)
    shown = keys[: call.query.limit]
    return IssuedKeys(items=[IssuedKey.of(key) for key in shown], next=shown[-1].id if len(keys) > len(shown) else "")


async def revoke(call: Call[Nothing, Nothing, ByKey]) -> IssuedKey:
    """Take a key back; replicas take it for a few seconds more."""
    if revoked := await call.service.core.keys.revoke(call.path.id):
        return IssuedKey.of(revoked)
    raise Refusal(404, "not-found", "there is no key of this id")


ROUTES = (
    Route(
        "POST",
        KEYS_PATH,
        create,
        Scope.ADMIN,
        "Make a key",
        body=KeyBody,
        reply=MadeKey,
        status=201,
    ),
    Route("GET", KEYS_PATH, issued, Scope.ADMIN, "List keys", query=Cursor, reply=IssuedKeys),
    Route(
        "DELETE",
        f"{KEYS_PATH}{{id}}",
        revoke,
        Scope.ADMIN,
        "Revoke a key",
        parts=ByKey,
        reply=IssuedKey,
        problems={404: "there is no key of this id"},
    ),
)
