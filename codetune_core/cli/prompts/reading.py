"""``codetune prompts list``, ``show`` and ``log``: what there is, what it says, and what ran when."""

import datetime as dt
from collections.abc import Mapping
from contextlib import suppress

import click

from codetune_core.bootstrap.core import Core
from codetune_core.cli.core import with_core
from codetune_core.cli.exit_codes import ExitCode
from codetune_core.cli.prompts import as_json, as_text
from codetune_core.cli.prompts.lookup import standing_or_newest
from codetune_core.cli.prompts.options import FORMAT, REFERENCE, Reference
from codetune_core.domain.deployment import Deployment
from codetune_core.domain.prompt import Category, Prompt, PromptVersion
from codetune_core.prompts.ledger import standing_at
from codetune_core.prompts.library import PromptLibrary

_CATEGORIES = [category.value for category in Category]
_LAST = dt.datetime.max.replace(tzinfo=dt.UTC)


@click.command("list", short_help="Prompts of the library.")
@click.option("--category", type=click.Choice(_CATEGORIES), help="Only this category.")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="Only prompts with this tag; again for more tags.")
@click.option("--archived", is_flag=True, help="Those that were taken out of use.")
@FORMAT
def list_prompts(category: str | None, tags: tuple[str, ...], archived: bool, format_name: str) -> None:  # noqa: FBT001
    """List the prompts of the library, by name, with what came of their executions.

    \b
    codetune prompts list --category security
    codetune prompts list --tag review --tag diff     with both tags
    codetune prompts list --format json | jq -r '.prompts[].name'
    """  # noqa: D301 - the backspace is click's

    async def work(core: Core) -> ExitCode:
        wanted = Category(category) if category else None
        found = await core.prompts.list(category=wanted, tags=tags, archived=archived)
        if format_name == "json":
            as_json.write_json({"prompts": [as_json.prompt_json(prompt) for prompt in found]})
        elif found:
            console = as_text.console()
            console.print(as_text.prompts_table(found, console))
        else:
            click.echo("no such prompt", err=True)
        return ExitCode.CLEAN

    with_core(work)


@click.command(short_help="Everything that a prompt says.")
@REFERENCE
@FORMAT
def show(reference: Reference, format_name: str) -> None:
    """Show a prompt: what it is for, where its versions are deployed, and all that one of them says.

    Without a version, the one in production, or else the newest.

    \b
    codetune prompts show explain-code
    codetune prompts show explain-code@2 --format json
    """  # noqa: D301 - the backspace is click's

    async def work(core: Core) -> ExitCode:
        prompt = await core.prompts.show(reference.name)
        versions = await core.prompts.versions(reference.name)
        labels = {label: state.stands.number for label, state in (await core.prompts.states(reference.name)).items()}
        version = await standing_or_newest(core.prompts, reference)
        if format_name == "json":
            _show_json(prompt, version, versions, labels)
        else:
            _show_text(prompt, version, versions, labels)
        return ExitCode.CLEAN

    with_core(work)


def _show_json(
    prompt: Prompt, version: PromptVersion, versions: list[PromptVersion], labels: Mapping[str, int]
) -> None:
    listed = [as_json.version_json(each, _labels_of(each, labels)) for each in versions]
    shown = as_json.version_json(version, _labels_of(version, labels), wording=True)
    as_json.write_json(as_json.prompt_json(prompt) | {"labels": labels, "shown": shown, "versions": listed})


def _show_text(
    prompt: Prompt, version: PromptVersion, versions: list[PromptVersion], labels: Mapping[str, int]
) -> None:
    console = as_text.console()
    for line in as_text.described(prompt, labels):
        console.print(line)
    console.print()
    console.print(as_text.versions_table(versions, labels))
    console.print(f"\nversion {version.number}", style="bold")
    for line in as_text.wording_lines(version.wording):
        console.print(line)


def _labels_of(version: PromptVersion, labels: Mapping[str, int]) -> list[str]:
    return [label for label, number in labels.items() if number == version.number]


@click.command(short_help="What was deployed when, and what ran on a day.")
@click.argument("name")
@click.option("--label", help="Only this label.")
@click.option(
    "--at", "when", metavar="TIME", help="What ran then: a UTC day (2026-05-04) or a time (2026-05-04T12:00Z)."
)
@FORMAT
def log(name: str, label: str | None, when: str | None, format_name: str) -> None:
    """Show the ledger of a prompt's deployments, the newest first; nothing in it ever changes.

    With a day, `--at` shows all that ran on that day; with a time, what ran at that moment.

    \b
    codetune prompts log explain-code
    codetune prompts log explain-code --at 2026-05-04 --label production
    """  # noqa: D301 - the backspace is click's
    period = _period(when) if when else None

    async def work(core: Core) -> ExitCode:
        entries = (await _ran(core.prompts, name, label, period))[::-1]
        if format_name == "json":
            as_json.write_json({"entries": [as_json.deployment_json(entry) for entry in entries]})
        elif entries:
            as_text.console().print(as_text.ledger_table(entries))
        else:
            click.echo(f"nothing was deployed{' then' if when else ''}", err=True)
        return ExitCode.CLEAN

    with_core(work)


async def _ran(
    library: PromptLibrary, name: str, label: str | None, period: tuple[dt.datetime, dt.datetime] | None
) -> list[Deployment]:
    """Return what held at any time of a period, or ever; the oldest first."""
    if period is None:
        return await library.ledger(name, label=label)
    start, end = period
    if start == end:
        return list(standing_at(await library.ledger(name, label=label), start).values())
    return await library.between(name, start, end, label=label)


def _period(text: str) -> tuple[dt.datetime, dt.datetime]:
    """Return the beginning and the end of a UTC day, or a time twice; a time without a zone is UTC."""
    with suppress(ValueError):
        day = dt.datetime.combine(dt.date.fromisoformat(text), dt.time(), dt.UTC)
        return day, day + min(dt.timedelta(days=1), _LAST - day)
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is no time: write 2026-05-04 or 2026-05-04T12:00Z") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    return moment, moment
