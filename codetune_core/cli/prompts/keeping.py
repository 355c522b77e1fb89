"""``codetune prompts clone``, ``archive``, ``restore`` and ``purge``: which prompts the library holds."""

import click

from codetune_core.bootstrap.core import Core
from codetune_core.cli.core import with_core
from codetune_core.cli.exit_codes import ExitCode
from codetune_core.cli.prompts import as_json
from codetune_core.cli.prompts.options import FORMAT, REFERENCE, Reference, is_yes, new_name, who
from codetune_core.domain.prompt import Prompt


@click.command(short_help="Start a prompt as a copy of another.")
@REFERENCE
@click.argument("new_name", type=new_name)
@FORMAT
def clone(reference: Reference, new_name: str, format_name: str) -> None:
    """Add a prompt that starts as a version of another one, and goes its own way from there.

    \b
    codetune prompts clone security-review security-review-django
    codetune prompts clone explain-code@2 explain-code-short
    """  # noqa: D301 - the backspace is click's

    async def work(core: Core) -> ExitCode:
        prompt = await core.prompts.clone(reference.name, new_name, by=who(), version=reference.number)
        _tell(prompt, f"{new_name} starts as a copy of {reference}", format_name)
        return ExitCode.CLEAN

    with_core(work)


@click.command(short_help="Take a prompt out of use; nothing is lost.")
@click.argument("name")
@FORMAT
def archive(name: str, format_name: str) -> None:
    """Take a prompt out of use: it runs no more and its name is free; versions, log and history stay."""

    async def work(core: Core) -> ExitCode:
        prompt = await core.prompts.archive(name)
        _tell(prompt, f"{name} is archived; `codetune prompts restore {name}` brings it back", format_name)
        return ExitCode.CLEAN

    with_core(work)


@click.command(short_help="Bring an archived prompt back.")
@click.argument("name")
@FORMAT
def restore(name: str, format_name: str) -> None:
    """Bring back the archived prompt of this name, the one made last, with its versions and deployments."""

    async def work(core: Core) -> ExitCode:
        _tell(await core.prompts.restore(name), f"{name} is back", format_name)
        return ExitCode.CLEAN

    with_core(work)


@click.command(short_help="Delete a prompt with its versions for good.")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@FORMAT
def purge(name: str, yes: bool, format_name: str) -> None:  # noqa: FBT001
    """Delete a prompt, active or archived, with its versions and its log, for good.

    What it answered stays in the history, without a prompt. Usually `archive` is what you want.
    """
    if not is_yes(f"Delete {name} with all its versions for good?", assume=yes):
        click.echo("nothing was deleted", err=True)
        return

    async def work(core: Core) -> ExitCode:
        prompt = await core.prompts.show(name)
        await core.prompts.purge(name)
        _tell(prompt, f"{name} is deleted", format_name)
        return ExitCode.CLEAN

    with_core(work)


def _tell(prompt: Prompt, words: str, format_name: str) -> None:
    if format_name == "json":
        as_json.write_json({"prompt": as_json.prompt_json(prompt)})
    else:
        click.echo(words)
