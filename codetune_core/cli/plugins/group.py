"""``codetune plugins``: tools of others, each in a process of its own."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from codetune_core.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from codetune_core.bootstrap.core import Core

_FORMAT = click.option(
    "--format", "format_name", type=click.Choice(["text", "json"]), default="text", help="For people, or for scripts."
)
_NAME = click.argument("name")


@click.group(short_help="Tools of others: list, run, switch off.")
def plugins() -> None:
    """Tools of others, and the two that come with CodeTune; each runs in a process of its own, within limits.

    A plugin is a class in an installed package, or a file in your plugin folder; the files of a workspace count once
    you trust it. None is imported before it is used. How to write one: docs/plugins.md.

    \b
    codetune plugins list                                        what there is, and how it stands
    codetune plugins info whiterabbitneo                         what one does, and what it may
    codetune plugins run whiterabbitneo security --input app.py  have one answer
    codetune plugins disable NAME                                switch one off, or a detector
    """  # noqa: D301 - the backspace is click's


@plugins.command("list", short_help="What there is, and how it stands.")
@_FORMAT
def list_(format_name: str) -> None:
    """List plugins and detectors, with what they give and how they stand; none is imported for it.

    \b
    not loaded   loaded when it is first used
    error        it cannot be used; the reason follows
    disabled     switched off by plugins.disabled or detectors.disabled
    not trusted  it comes with a workspace that is not trusted, so nothing but its name is known
    """  # noqa: D301 - the backspace is click's
    from codetune_core.cli.plugins.listing import as_json, as_table, found_here  # noqa: PLC0415 - `--help` does not wait

    found = found_here()
    if format_name == "json":
        _write({"plugins": [as_json(each) for each in found]})
    else:
        click.echo("\n".join(as_table(found)))


@plugins.command(short_help="What one does, and what it may.")
@_NAME
@_FORMAT
def info(name: str, format_name: str) -> None:
    """Show all that is known of a plugin without running it."""
    from codetune_core.cli.plugins.listing import as_json, as_lines, named_here  # noqa: PLC0415 - `--help` does not wait

    found = named_here(name)
    if format_name == "json":
        _write(as_json(found))
    else:
        click.echo("\n".join(as_lines(found)))


@plugins.command(short_help="Have one answer.")
@_NAME
@click.argument("task")
@click.option("--input", "source", metavar="FILE", help="The text it is about; - for the standard input.")
@click.option("--arg", "assignments", multiple=True, metavar="NAME=VALUE", help="NAME=@FILE reads a file.")
@click.option("--engine", default="", help="Instead of the setting engine.name.")
@click.option("--script", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="For `--engine scripted`.")
@_FORMAT
def run(  # noqa: PLR0913 - click's
    name: str,
    task: str,
    *,
    source: str | None,
    assignments: tuple[str, ...],
    engine: str,
    script: Path | None,
    format_name: str,
) -> None:
    """Have a plugin answer: text goes to the standard output as it comes, everything else to the standard error.

    What it asks of a model is recorded (`codetune history list`) and counts for your budget. Ctrl-C stops plugin and
    model. It ends with 1 where the plugin or its model fails.

    \b
    codetune plugins run whiterabbitneo security --input app.py
    git show HEAD:app.py | codetune plugins run codet5p summarize --input -
    codetune plugins run codet5p generate --arg "signature=def mean(xs)" --input wish.txt --arg model=codet5p-770m
    """  # noqa: D301 - the backspace is click's
    from codetune_core.cli.core import with_core  # noqa: PLC0415 - `codetune --help` does not wait for a database
    from codetune_core.cli.plugins.running import answered, read_input  # noqa: PLC0415
    from codetune_core.cli.prompts.values import read_values  # noqa: PLC0415
    from codetune_core.plugins.api import Request  # noqa: PLC0415

    text, arguments = read_input(source), read_values(assignments)

    async def work(core: "Core") -> ExitCode:
        return await answered(core, name, Request(task, text, dict(arguments)), format_name)

    given = {"name": engine, "script": str(script.resolve()) if script else ""}
    with_core(work, engine={key: value for key, value in given.items() if value})


@plugins.command(short_help="Switch one on again.")
@_NAME
def enable(name: str) -> None:
    """Take a plugin, or a detector, out of `disabled` in your codetune.toml; editors see it when they start anew."""
    _switch(name, on=True)


@plugins.command(short_help="Switch one off.")
@_NAME
def disable(name: str) -> None:
    """Write a plugin, or a detector, into `disabled` in your codetune.toml; editors see it when they start anew."""
    _switch(name, on=False)


@plugins.command(short_help="Look at one again, and try whether it loads.")
@click.argument("name", required=False)
@_FORMAT
def reload(name: str | None, format_name: str) -> None:
    """Read again what plugins say of themselves, and load each in its process to see whether it can be used.

    Without NAME, all that are neither switched off nor detectors. It ends with 1 where one cannot be loaded. Other
    processes of CodeTune load a changed plugin when they start anew.
    """
    from codetune_core.cli.core import run as run_async  # noqa: PLC0415 - `codetune --help` does not wait for it
    from codetune_core.cli.plugins.listing import as_json, as_table  # noqa: PLC0415
    from codetune_core.cli.plugins.running import reloaded  # noqa: PLC0415

    async def work() -> ExitCode:
        found = await reloaded(name)
        if format_name == "json":
            _write({"plugins": [as_json(each) for each in found]})
        else:
            click.echo("\n".join(as_table(found)))
        return ExitCode.FINDINGS if any(each.status == "error" for each in found) else ExitCode.CLEAN

    run_async(work)


def _switch(name: str, *, on: bool) -> None:
    from codetune_core.cli.plugins.listing import switched  # noqa: PLC0415 - `codetune --help` does not wait for it
    from codetune_core.errors import CodeTuneError  # noqa: PLC0415

    try:
        click.echo(switched(name, on=on))
    except CodeTuneError as error:
        click.echo(f"codetune: {error}", err=True)
        sys.exit(ExitCode.USAGE)


def _write(content: object) -> None:
    click.echo(json.dumps(content, indent=2, ensure_ascii=False))
