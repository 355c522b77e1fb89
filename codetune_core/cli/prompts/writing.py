"""``codetune prompts new`` and ``edit``: prompts and versions from a file, the standard input or an editor."""

import asyncio
import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import click

from codetune_core.bootstrap.core import Core
from codetune_core.cli.core import with_core
from codetune_core.cli.exit_codes import ExitCode
from codetune_core.cli.prompts import as_json
from codetune_core.cli.prompts.editor import EditedFile
from codetune_core.cli.prompts.lookup import standing_or_newest
from codetune_core.cli.prompts.options import FORMAT, MESSAGE, REFERENCE, Reference, new_name, who
from codetune_core.domain.deployment import PRODUCTION
from codetune_core.domain.prompt import Prompt, PromptVersion
from codetune_core.errors import IdenticalVersion, PromptFileError
from codetune_core.prompts.check import check_wording
from codetune_core.prompts.files import PromptFile, load_prompt, read_prompt, write_prompt
from codetune_core.prompts.library import PromptLibrary

FILE = click.option(
    "--file", "source", type=click.Path(path_type=Path, dir_okay=False), help="Take it from here; - is stdin."
)
SKELETON = """\
---
codetune: 1
name: {name}
description: What it is for, in a sentence.
# code_generation, code_review, security, refactoring, documentation, testing, explanation, question_answering, other
category: other
tags: []
# Generation 0.2 to 0.4, analysis 0.5 to 0.7, rewriting 0.7 to 0.9, structured findings 0.
temperature: 0.5
max_tokens: 2048
variables:
  # Types: line, text (untrusted prose), code (untrusted source), integer, number, boolean, list.
  code:
    type: code
    description: The code in question.
---

=== system ===

You are an experienced software engineer.

=== user ===

Explain this code:

{{{{ code }}}}
"""


@click.command(short_help="Add a prompt.")
@click.argument("name", type=new_name)
@FILE
@click.option("--no-deploy", is_flag=True, help="Do not let version 1 run in production yet.")
@MESSAGE
@FORMAT
def new(name: str, source: Path | None, no_deploy: bool, message: str, format_name: str) -> None:  # noqa: FBT001
    """Add a prompt; without --file, in your editor ($VISUAL or $EDITOR), which opens on an example.

    Its version 1 runs in production at once, as nothing ran before. NAME goes before the name in the file.

    \b
    codetune prompts new explain-regex
    codetune prompts new explain-regex --file regex.prompt.md
    codetune prompts export - explain-code | codetune prompts new mine --file -
    """  # noqa: D301 - the backspace is click's

    async def work(core: Core) -> ExitCode:
        edited = None if source else EditedFile(name, SKELETON.format(name=name))
        with edited or nullcontext():
            found = await _edited(edited) if edited else _from(source)
            if found is None:
                return _unchanged()
            draft = found.draft.model_copy(update={"name": name})
            prompt, version = await core.prompts.create(
                draft, found.wording, by=who(), notes=message, deploy=not no_deploy
            )
        _say(found)
        _tell(prompt, version, format_name, deployed=not no_deploy)
        return ExitCode.CLEAN

    with_core(work)


@click.command(short_help="Write the next version.")
@REFERENCE
@FILE
@click.option("--deploy", "deploys", is_flag=True, help="Let it run in production at once.")
@MESSAGE
@FORMAT
def edit(reference: Reference, source: Path | None, deploys: bool, message: str, format_name: str) -> None:  # noqa: FBT001
    """Write the next version of a prompt; without --file, in your editor ($VISUAL or $EDITOR).

    The editor opens on the version in production, or on NAME@2. What is written there becomes a new version, which runs
    only once it is deployed; what describes the prompt (name, description, tags) changes at once. A text that is no
    prompt is not lost: you can edit it again, or find it where the message says.

    \b
    codetune prompts edit explain-code -m "shorter answers"
    codetune prompts edit explain-code --file explain-code.prompt.md --deploy
    """  # noqa: D301 - the backspace is click's

    async def work(core: Core) -> ExitCode:
        prompt = await core.prompts.show(reference.name)
        base = await standing_or_newest(core.prompts, reference)
        edited = None if source else EditedFile(prompt.name, write_prompt(prompt.draft, base.wording))
        with edited or nullcontext():
            found = await _edited(edited) if edited else _from(source)
            if found and found.is_foreign:
                found = replace(found, draft=prompt.draft)
            if found is None or (found.draft, found.wording) == (prompt.draft, base.wording):
                return _unchanged()
            prompt, version = await _write(core.prompts, prompt, base, found, message)
        _say(found)
        if deploys:
            await core.prompts.deploy(prompt.name, version.number, by=who(), reason=message)
        _tell(prompt, version, format_name, deployed=deploys)
        return ExitCode.CLEAN

    with_core(work)


async def _write(
    library: PromptLibrary, prompt: Prompt, base: PromptVersion, found: PromptFile, message: str
) -> tuple[Prompt, PromptVersion]:
    """Write what changed; raises IdenticalVersion and NameTaken before anything is written."""
    said_before = next((each for each in await library.versions(prompt.name) if each.wording == found.wording), None)
    if said_before and said_before.number != base.number:
        raise IdenticalVersion(
            f"version {said_before.number} of {prompt.name} says exactly this: "
            f"`codetune prompts deploy {prompt.name} {said_before.number}` lets it run",
            said_before.number,
        )
    if found.draft != prompt.draft:
        prompt = await library.describe(prompt.name, found.draft)
    if said_before:
        return prompt, said_before
    return prompt, await library.edit(prompt.name, found.wording, by=who(), notes=message)


async def _edited(file: EditedFile) -> PromptFile | None:
    # In a thread: the loop may be in the middle of a transaction of its own, which would hold others up for as long.
    return await asyncio.to_thread(file.edit)


def _from(source: Path | None) -> PromptFile:
    if source is None or str(source) == "-":
        found = read_prompt(_standard_input(), "standard input")
    else:
        found = load_prompt(source)
    check_wording(found.wording)
    return found


def _standard_input() -> str:
    try:
        return sys.stdin.buffer.read().decode()
    except UnicodeDecodeError as error:
        raise PromptFileError(f"standard input: not UTF-8 (byte {error.start + 1})") from None


def _unchanged() -> ExitCode:
    click.echo("nothing was changed", err=True)
    return ExitCode.CLEAN


def _say(found: PromptFile) -> None:
    for note in (*found.notes, *check_wording(found.wording)):
        click.echo(f"notice: {note}", err=True)


def _tell(prompt: Prompt, version: PromptVersion, format_name: str, *, deployed: bool) -> None:
    if format_name == "json":
        labels = [PRODUCTION] if deployed else []
        as_json.write_json(
            {"prompt": as_json.prompt_json(prompt), "version": as_json.version_json(version, labels, wording=True)}
        )
        return
    click.echo(f"{prompt.name}: version {version.number}{' runs in production' if deployed else ''}")
    if not deployed:
        click.echo(f"`codetune prompts deploy {prompt.name} {version.number}` lets it run in production", err=True)
