"""``codetune keys``: the keys with which you ask, in the system's keyring, and those with which others ask you."""

import json
import sys
from typing import TYPE_CHECKING

import click

from codetune_core.cli.exit_codes import ExitCode
from codetune_core.cli.service_keys import create, issued, revoke
from codetune_core.errors import CodeTuneError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from codetune_core.sections import ServerSettings
    from codetune_core.settings import Settings

_NAME = click.argument("engine")


@click.group(short_help="Keys with which you ask services, and with which others ask yours.")
def keys() -> None:
    """Keys with which you ask services, in your system's keyring, and keys with which others ask your service.

    \b
    codetune keys set openai         asks for the key, and shows nothing of it
    codetune keys list               where each engine's key comes from
    codetune keys remove openai      forgets it
    codetune keys create --user ada  makes a key for your service, and prints it once
    codetune keys issued             which ones there are
    codetune keys revoke ID          takes one back

    A key is kept for the address of its engine (engine.base_url) and sent nowhere else. ENGINE is the name of an
    engine, one that you gave in `engines`, or `remote` for the service of your team (remote.base_url).
    """  # noqa: D301 - the backspace is click's


for _command in (create, issued, revoke):
    keys.add_command(_command)


@keys.command("set", short_help="Keep a key.")
@_NAME
def set_key(engine: str) -> None:
    """Keep the key of ENGINE; it is read from the terminal without being shown, else from the standard input."""
    from codetune_core.http.keys import account, store_key  # noqa: PLC0415 - `codetune --help` waits for nothing

    async def work(asked: "ServerSettings") -> ExitCode:
        shown = f"Key for {account(asked)}"
        value = click.prompt(shown, hide_input=True) if sys.stdin.isatty() else sys.stdin.readline()
        await store_key(asked, value)
        click.echo(f"kept for {account(asked)}")
        return ExitCode.CLEAN

    _run(engine, work)


@keys.command(short_help="Forget a key.")
@_NAME
def remove(engine: str) -> None:
    """Forget the key of ENGINE in the keyring."""
    from codetune_core.http.keys import account, remove_key  # noqa: PLC0415

    async def work(asked: "ServerSettings") -> ExitCode:
        gone = await remove_key(asked)
        click.echo(f"{'forgotten' if gone else 'there was none'} for {account(asked)}")
        return ExitCode.CLEAN

    _run(engine, work)


@keys.command("list", short_help="Where each key comes from.")
@click.option(
    "--format", "format_name", type=click.Choice(["text", "json"]), default="text", help="For people, or for scripts."
)
def list_keys(format_name: str) -> None:
    """Say where the key of each engine comes from; never the key."""
    from codetune_core.cli.core import run, user_settings  # noqa: PLC0415
    from codetune_core.engines.registry import available  # noqa: PLC0415
    from codetune_core.http.keys import OWN  # noqa: PLC0415

    async def work() -> ExitCode:
        settings = user_settings()
        remote = ["remote"] if settings.remote.base_url else []
        names = dict.fromkeys([*filter(OWN.__contains__, available()), *settings.engines, *remote])
        found = {name: await _source(_asked(settings, name)) for name in names}
        if format_name == "json":
            click.echo(json.dumps(found, indent=2))
        else:
            width = max(map(len, found))
            click.echo("\n".join(f"{name:<{width}}  {source}" for name, source in found.items()))
        return ExitCode.CLEAN

    run(work)


async def _source(asked: "ServerSettings") -> str:
    from codetune_core.http.keys import account, find_key  # noqa: PLC0415

    try:
        found = await find_key(asked)
        return f"{found.source}, for {account(asked)}" if found else "no key"
    except CodeTuneError as error:
        return str(error)


def _run(engine: str, work: "Callable[[ServerSettings], Coroutine[None, None, ExitCode]]") -> None:
    from codetune_core.cli.core import run, user_settings  # noqa: PLC0415
    from codetune_core.http.keys import base_url  # noqa: PLC0415

    async def with_server() -> ExitCode:
        asked = _asked(user_settings(), engine)
        if not base_url(asked):
            raise CodeTuneError(f"{engine} asks no server, so it needs no key; for one of your own set its base_url")
        return await work(asked)

    run(with_server)


def _asked(settings: "Settings", name: str) -> "ServerSettings":
    """Return what the settings say of an engine or the service; raises CodeTuneError for a name that is none."""
    from codetune_core.engines.registry import available  # noqa: PLC0415
    from codetune_core.sections import EngineSettings  # noqa: PLC0415

    if name in settings.engines:
        return settings.engines[name]
    if name == "remote":
        return settings.remote
    known = available()
    if name not in known:
        raise CodeTuneError(f"there is no engine {name}; there are {', '.join([*known, *settings.engines])}")
    return settings.engine if settings.engine.name == name else EngineSettings(name=name)
