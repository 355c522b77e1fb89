"""``codetune prompts diff`` and ``compare``: what differs between two versions, and which one is better."""

import click
from rich.text import Text

from codetune_core.bootstrap.core import Core
from codetune_core.cli.core import with_core
from codetune_core.cli.exit_codes import ExitCode
from codetune_core.cli.formats.visible import visible
from codetune_core.cli.prompts import as_json, as_text
from codetune_core.cli.prompts.options import FORMAT, Reference, reference
from codetune_core.domain.deployment import PRODUCTION
from codetune_core.errors import PromptError
from codetune_core.prompts.diff import VersionDiff
from codetune_core.prompts.library import PromptLibrary

_STYLES = {"+": "green", "-": "red", "@": "cyan"}


@click.command(short_help="What changed between two versions.")
@click.argument("before", type=reference, metavar="NAME[@VERSION]")
@click.argument("after", type=reference, metavar="[NAME[@VERSION]]", required=False)
@click.option("--by-field", is_flag=True, help="Field by field, instead of as a unified diff.")
@FORMAT
def diff(before: Reference, after: Reference | None, by_field: bool, format_name: str) -> None:  # noqa: FBT001
    """Show what differs between two versions, of one prompt or of two.

    NAME alone means the version in production, and as the only argument what the newest version changes of it.

    \b
    codetune prompts diff explain-code                   production and the newest
    codetune prompts diff explain-code@1 explain-code@2
    codetune prompts diff security-review security-review-django --by-field
    """  # noqa: D301 - the backspace is click's

    async def work(core: Core) -> ExitCode:
        old = await numbered(core.prompts, before)
        new = await numbered(core.prompts, after) if after else await _newest(core.prompts, before)
        found = await core.prompts.diff((old.name, old.number or 0), (new.name, new.number or 0))
        if format_name == "json":
            as_json.write_json(_diff_json(found, old, new))
        elif not found.fields:
            click.echo(f"{old} and {new} say the same", err=True)
        else:
            _write_diff(found, by_field=by_field)
        return ExitCode.CLEAN

    with_core(work)


async def numbered(library: PromptLibrary, meant: Reference) -> Reference:
    """Return a reference with a number: that of the version in production where it has none."""
    if meant.number is not None:
        return meant
    state = (await library.states(meant.name)).get(PRODUCTION)
    if state is None:
        raise PromptError(f"no version of {meant.name!r} is in production: write {meant.name}@ and a number")
    return Reference(meant.name, state.stands.number)


async def _newest(library: PromptLibrary, meant: Reference) -> Reference:
    return Reference(meant.name, (await library.versions(meant.name))[0].number)


def _write_diff(found: VersionDiff, *, by_field: bool) -> None:
    console = as_text.console()
    if by_field:
        table = as_text.table("field", "change", "before", "after")
        for change in found.fields:
            table.add_row(change.field, change.change, *(_cell(value) for value in (change.before, change.after)))
        console.print(table)
        return
    for line in found.unified.splitlines():
        console.print(Text(visible(line), _STYLES.get(line[:1], "")))


def _cell(value: object) -> str:
    return "" if value is None else "\n".join(visible(line) for line in str(value).split("\n"))


def _diff_json(found: VersionDiff, old: Reference, new: Reference) -> dict[str, object]:
    return {
        "before": {"prompt": old.name, "version": old.number},
        "after": {"prompt": new.name, "version": new.number},
        "fields": [
            {"field": change.field, "change": change.change, "before": change.before, "after": change.after}
            for change in found.fields
        ],
        "unified": found.unified,
    }
