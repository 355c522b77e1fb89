"""``codetune prompts diff`` and ``compare``: what differs between two versions, and which one is better."""

import click

from codetune_core.bootstrap.core import Core
from codetune_core.cli.core import with_core
from codetune_core.cli.exit_codes import ExitCode
from codetune_core.cli.formats.visible import visible
from codetune_core.cli.prompts import as_json, as_text
from codetune_core.cli.prompts.lookup import newest, numbered
from codetune_core.cli.prompts.options import FORMAT, LABEL, Reference, reference
from codetune_core.cli.prompts.replaying import replayed
from codetune_core.cli.prompts.verdicts import write_replay, write_verdict
from codetune_core.errors import PromptError
from codetune_core.prompts.diff import VersionDiff
from codetune_core.prompts.experiments.compare import Verdict
from codetune_core.prompts.experiments.controller import last_between, look


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
        new = await numbered(core.prompts, after) if after else await newest(core.prompts, before)
        found = await core.prompts.diff((old.name, old.number or 0), (new.name, new.number or 0))
        if format_name == "json":
            as_json.write_json(_diff_json(found, old, new))
        elif not found.fields:
            click.echo(f"{old} and {new} say the same", err=True)
        else:
            _write_diff(found, by_field=by_field)
        return ExitCode.CLEAN

    with_core(work)


@click.command(short_help="Which of two versions is better, on evidence.")
@click.argument("before", type=reference, metavar="A")
@click.argument("after", type=reference, metavar="B")
@LABEL
@click.option("--replay", "inputs", type=click.IntRange(min=1), help="Run that many recorded inputs through both, now.")
@FORMAT
def compare(before: Reference, after: Reference, label: str, inputs: int | None, format_name: str) -> None:
    """Say which of two versions is better: a table, and the verdict in words. NAME is the version in production.

    Without --replay, by what users did with the answers of the last experiment that had both as arms; looking often
    does not make its verdict less sure. With --replay 200, by running the newest 200 recorded inputs of A's prompt
    through both versions, in pairs. That takes as long and costs as much as 400 executions, and shows up as such in
    the history.

    \b
    codetune prompts compare explain-code@1 explain-code@2
    codetune prompts compare explain-code@1 explain-code@2 --replay 200
    """  # noqa: D301 - the backspace is click's

    async def work(core: Core) -> ExitCode:
        a, b = await numbered(core.prompts, before), await numbered(core.prompts, after)
        if inputs:
            write_replay(await replayed(core, a, b, inputs), format_name)
        else:
            write_verdict(await _seen(core, a, b, label), format_name)
        return ExitCode.CLEAN

    with_core(work)


async def _seen(core: Core, a: Reference, b: Reference, label: str) -> Verdict:
    """Return the verdict of the last experiment that had both versions as arms."""
    entries = await core.prompts.ledger(a.name, label=label)
    if a.name == b.name and (experiment := last_between(entries, {a.number or 0, b.number or 0})):
        return await look(experiment, core.experiments)
    raise PromptError(
        f"no experiment under {label!r} had {a} and {b} as arms: start one with `codetune prompts experiment start`, "
        "or compare them on recorded inputs with --replay 100"
    )


def _write_diff(found: VersionDiff, *, by_field: bool) -> None:
    if by_field:
        table = as_text.table("field", "change", "before", "after")
        for change in found.fields:
            table.add_row(change.field, change.change, *(_cell(value) for value in (change.before, change.after)))
        as_text.console().print(table)
    else:
        as_text.write_diff(found.unified)


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
