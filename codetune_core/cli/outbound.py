"""``codetune outbound``: what left this machine."""

import json
import sys
from itertools import islice
from typing import TYPE_CHECKING

import click

from codetune_core.cli.exit_codes import ExitCode
from codetune_core.cli.history_filter import When

if TYPE_CHECKING:
    import datetime as dt

    from codetune_core.outbound.ledger import Entry, Ledger

_FORMAT = click.option(
    "--format", "format_name", type=click.Choice(["text", "json"]), default="text", help="For people, or for scripts."
)


@click.group(short_help="What left this machine.")
def outbound() -> None:
    """What left this machine: when, to where, what for, how many bytes, and how many secrets were replaced in it.

    \b
    codetune outbound list --since 7d             the newest first
    codetune outbound list --to api.openai.com    to one server
    codetune outbound show ID                     all that is known of one

    What was sent is not kept, only its SHA-256. What may leave is set in `[outbound]`: see docs/privacy.md.
    """  # noqa: D301 - the backspace is click's


@outbound.command("list", short_help="What left, the newest first.")
@click.option("--since", type=When(), help="From then on: a day, a time (UTC), or 12h, 30d, 4w ago.")
@click.option("--to", "destination", default="", metavar="TEXT", help="Only to servers whose address has this in it.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="So many at most.")
@_FORMAT
def list_(since: "dt.datetime | None", destination: str, limit: int, format_name: str) -> None:
    """List what left this machine, the newest first; what only asked which models there are has no bytes."""
    from codetune_core.cli.outbound_text import listed  # noqa: PLC0415 - see `_ledger`

    found = list(islice((entry for entry in _ledger().newest(since) if destination in entry.destination), limit))
    if format_name == "json":
        _write([entry.as_json() for entry in found])
    elif found:
        click.echo(listed(found))
    else:
        click.echo("there is no record of anything that left this machine", err=True)


@outbound.command(short_help="All that is known of one.")
@click.argument("identifier", metavar="ID")
@_FORMAT
def show(identifier: str, format_name: str) -> None:
    """Show all that is known of one that left, by its id or the id of its execution."""
    from codetune_core.cli.outbound_text import shown  # noqa: PLC0415 - see `_ledger`

    found: list[Entry] = _ledger().find(identifier)
    if not found:
        click.echo(f"codetune: nothing that left is known under {identifier}: see `codetune outbound list`", err=True)
        sys.exit(ExitCode.USAGE)
    if format_name == "json":
        _write([entry.as_json() for entry in found])
    else:
        click.echo("\n\n".join(map(shown, found)))


def _ledger() -> "Ledger":
    # `codetune --help` waits for none of this.
    from codetune_core.cli.core import user_settings  # noqa: PLC0415
    from codetune_core.outbound.ledger import Ledger, ledger_folder  # noqa: PLC0415

    return Ledger(ledger_folder(), user_settings().outbound.ledger_days)


def _write(content: object) -> None:
    click.echo(json.dumps(content, indent=2, ensure_ascii=False))
