"""``codetune prompts deploy`` and ``rollback``: which version runs under a label from now on."""

import click

from codetune_core.bootstrap.core import Core
from codetune_core.cli.core import with_core
from codetune_core.cli.exit_codes import ExitCode
from codetune_core.cli.prompts import as_json
from codetune_core.cli.prompts.options import FORMAT, LABEL, MESSAGE, who
from codetune_core.domain.deployment import Deployment
from codetune_core.prompts.ledger import LabelState


@click.command(short_help="Let a version run under a label.")
@click.argument("name")
@click.argument("version", type=click.IntRange(min=1))
@LABEL
@MESSAGE
@FORMAT
def deploy(name: str, version: int, label: str, message: str, format_name: str) -> None:
    """Let a version of a prompt run under a label from now on; an experiment under this label ends.

    \b
    codetune prompts deploy explain-code 2 -m "half as long, same rating"
    codetune prompts deploy explain-code 3 --label staging
    """  # noqa: D301 - the backspace is click's

    async def work(core: Core) -> ExitCode:
        before = (await core.prompts.states(name)).get(label)
        entry = await core.prompts.deploy(name, version, label=label, by=who(), reason=message)
        _tell(name, before, entry, format_name)
        return ExitCode.CLEAN

    with_core(work)


@click.command(short_help="Go back to what ran before.")
@click.argument("name")
@click.option("--to", "version", type=click.IntRange(min=1), help="Back to this version, which ran here before.")
@LABEL
@MESSAGE
@FORMAT
def rollback(name: str, version: int | None, label: str, message: str, format_name: str) -> None:
    """Go back to what ran under a label before; twice goes back two. During an experiment, back to its control.

    Nothing is undone in the log: a rollback is an entry of its own.

    \b
    codetune prompts rollback explain-code -m "answers got worse"
    codetune prompts rollback explain-code --to 1 --label staging
    """  # noqa: D301 - the backspace is click's

    async def work(core: Core) -> ExitCode:
        before = (await core.prompts.states(name)).get(label)
        entry = await core.prompts.rollback(name, label=label, number=version, by=who(), reason=message)
        _tell(name, before, entry, format_name)
        return ExitCode.CLEAN

    with_core(work)


def _tell(name: str, before: LabelState | None, entry: Deployment, format_name: str) -> None:
    is_new = before is None or before.last != entry
    if format_name == "json":
        as_json.write_json({"prompt": name, "changed": is_new, "entry": as_json.deployment_json(entry)})
        return
    was = f" (before: version {before.stands.number})" if before and is_new else ""
    click.echo(f"{name}: version {entry.version_number} {'now' if is_new else 'already'} runs under {entry.label}{was}")
