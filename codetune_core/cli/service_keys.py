"""``codetune keys create``, ``issued`` and ``revoke``: keys with which others may ask your service."""

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import click

from codetune_core.cli.exit_codes import ExitCode
from codetune_core.domain.service_key import USUAL_SCOPES, Scope
from codetune_core.errors import AccessError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from codetune_core.access.wire import IssuedKey, KeyBody
    from codetune_core.cli.key_places import KeyPlace

_REMOTE = click.option("--remote", is_flag=True, help="On the service of remote.base_url, with a key of scope admin.")
_HEADINGS = ("ID", "USER", "SCOPES", "EXPIRES", "LAST USED", "NOTE")


@click.command(short_help="Make a key for somebody, and print it once.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice([str(scope) for scope in Scope]),
    default=[str(scope) for scope in USUAL_SCOPES],
    show_default=True,
    help="What it allows; may be given several times. admin allows everything.",
)
@click.option("--expires", default="90d", show_default=True, metavar="WHEN", help="90d, 2027-01-01 (UTC) or never.")
@click.option("--user", default="", metavar="NAME", help="Whom it is for, whose limits and history it has; or you.")
@click.option("--note", default="", help="What it is for, in your words.")
@click.option("--offline", is_flag=True, help="Store nothing: print a key of scope admin and its SHA-256.")
@_REMOTE
def create(*, offline: bool, remote: bool, **wanted: Any) -> None:
    """Make a key with which somebody may ask your service, and print it, once.

    It is the last word of the output, and alone on the standard output. The database keeps its SHA-256.

    With --offline the key is the first one of a service whose database you cannot reach, such as a Space: give the
    service the SHA-256 in the environment variable that is printed with it.
    """
    if offline:
        _make_offline()
        return

    async def work(place: "KeyPlace") -> ExitCode:
        made = await place.create(_body(wanted))
        issued = made.issued
        click.echo(f"key {issued.id} for {issued.user}: {', '.join(issued.scopes)}; {_expires(issued)}", err=True)
        click.echo("This is the only time that you see it:", err=True)
        click.echo(made.key)
        return ExitCode.CLEAN

    _run(work, remote=remote)


@click.command(short_help="Which keys there are; never the keys.")
@click.option(
    "--format", "format_name", type=click.Choice(["text", "json"]), default="text", help="For people, or for scripts."
)
@_REMOTE
def issued(*, format_name: str, remote: bool) -> None:
    """List the keys that were made, the newest first: for whom and what, and until when; never the keys."""

    async def work(place: "KeyPlace") -> ExitCode:
        from codetune_core.cli.key_places import all_keys  # noqa: PLC0415

        keys = await all_keys(place)
        if format_name == "json":
            click.echo(json.dumps([key.model_dump(mode="json") for key in keys], indent=2, ensure_ascii=False))
        elif keys:
            _table([_HEADINGS, *map(_row, keys)])
        else:
            click.echo("there are no keys: codetune keys create")
        return ExitCode.CLEAN

    _run(work, remote=remote)


@click.command(short_help="Take a key back.")
@click.argument("key_id", metavar="ID")
@_REMOTE
def revoke(*, key_id: str, remote: bool) -> None:
    """Take the key called ID back: the service refuses it within five seconds."""

    async def work(place: "KeyPlace") -> ExitCode:
        gone = await place.revoke(key_id)
        click.echo(f"revoked: {gone.id} of {gone.user}")
        return ExitCode.CLEAN

    _run(work, remote=remote)


def _body(wanted: dict[str, Any]) -> "KeyBody":
    from pydantic import ValidationError  # noqa: PLC0415 - `codetune --help` waits for nothing

    from codetune_core.access.wire import KeyBody  # noqa: PLC0415

    try:
        return KeyBody(**wanted)
    except ValidationError as error:
        wrong = error.errors()[0]
        raise AccessError(f"--{wrong['loc'][0]}: {wrong['msg']}") from error


def _make_offline() -> None:
    from codetune_core.access.key_text import new_key  # noqa: PLC0415
    from codetune_core.access.keys import ADMIN_VARIABLE  # noqa: PLC0415

    made = new_key()
    click.echo(f"{ADMIN_VARIABLE}={made.hash}")
    click.echo(made.text.get_secret_value())


def _run(work: "Callable[[KeyPlace], Coroutine[None, None, ExitCode]]", *, remote: bool) -> None:
    from codetune_core.cli.core import run, user_settings  # noqa: PLC0415
    from codetune_core.cli.key_places import opened  # noqa: PLC0415

    async def there() -> ExitCode:
        settings = user_settings()
        if settings.remote.base_url and not remote:
            click.echo(f"notice: here, not on {settings.remote.base_url}: for that, add --remote", err=True)
        async with opened(settings, remote=remote) as place:
            return await work(place)

    run(there)


def _row(key: "IssuedKey") -> tuple[str, ...]:
    used = f"{key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never"
    return (key.id, key.user, ",".join(key.scopes), _expires(key), used, key.note)


def _expires(key: "IssuedKey") -> str:
    if key.revoked_at:
        return f"revoked {key.revoked_at:%Y-%m-%d}"
    if key.expires_at is None:
        return "never expires"
    return f"{'expired' if key.expires_at <= dt.datetime.now(dt.UTC) else 'until'} {key.expires_at:%Y-%m-%d %H:%M} UTC"


def _table(rows: "list[tuple[str, ...]]") -> None:
    from codetune_core.cli.formats.visible import visible  # noqa: PLC0415 - `--help` needs it not

    rows = [tuple(map(visible, row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
