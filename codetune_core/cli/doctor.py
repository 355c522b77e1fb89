"""``codetune doctor``: what is installed, which detectors run, what is switched off and why."""

import json
import sys

import click

from codetune_core.cli.exit_codes import ExitCode


@click.command(short_help="Say what is installed, what runs, and what is off and why.")
@click.option("--format", "format_name", type=click.Choice(("text", "json")), default="text", help="How to write it.")
def doctor(format_name: str) -> None:
    """Say what is installed, which detectors run, which settings hold, and which editors were found.

    Ends with 1 where no detector runs, so that nothing could be reviewed.

    \b
    codetune doctor                 for people
    codetune doctor --format json   for a bug report or a script
    """  # noqa: D301 - the backspace is click's
    import asyncio  # noqa: PLC0415

    from codetune_core.cli.diagnosis import as_json, as_text, diagnose  # noqa: PLC0415 - `--help` does not wait for it

    diagnosis = asyncio.run(diagnose())
    text = json.dumps(as_json(diagnosis), indent=2) if format_name == "json" else "\n".join(as_text(diagnosis))
    click.echo(text)
    sys.exit(ExitCode.CLEAN if diagnosis.healthy else ExitCode.FINDINGS)
