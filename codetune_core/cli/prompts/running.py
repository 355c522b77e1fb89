"""``codetune prompts run``: one execution, streamed to the terminal."""

from collections.abc import Coroutine
from contextlib import aclosing
from pathlib import Path

import click
from pydantic import JsonValue

from codetune_core.bootstrap.core import Core
from codetune_core.cli.core import with_core
from codetune_core.cli.exit_codes import ExitCode
from codetune_core.cli.prompts.answers import AnswerJson, AnswerLines, AnswerText, Writer
from codetune_core.cli.prompts.dry_run import show_dry_run
from codetune_core.cli.prompts.lookup import expect_engine
from codetune_core.cli.prompts.options import FORMAT, REFERENCE, Reference, who
from codetune_core.cli.prompts.values import files_read, read_values
from codetune_core.cli.shared import executor_for
from codetune_core.domain.execution import ExecutionRequest, Role, Task
from codetune_core.domain.prompt import Category
from codetune_core.errors import PromptNotFound
from codetune_core.execution.protocol import Executor
from codetune_core.outbound.origin import Origin, asked_for
from codetune_core.prompts.library import Choice
from codetune_core.prompts.variables import coerce

_TASKS = {
    Category.CODE_GENERATION: Task.GENERATE,
    Category.CODE_REVIEW: Task.REVIEW,
    Category.SECURITY: Task.REVIEW,
    Category.REFACTORING: Task.OPTIMIZE,
    Category.DOCUMENTATION: Task.DOCSTRING,
    Category.TESTING: Task.TESTS,
    Category.EXPLANATION: Task.EXPLAIN,
    Category.QUESTION_ANSWERING: Task.ASK,
    Category.OTHER: Task.ASK,
}


_WITHOUT_ENGINE = (
    "; to try without a model, let a script answer: --engine scripted --script answers.yaml; to see what would be "
    "sent: --dry-run"
)


@click.command(short_help="Ask a model.")
@REFERENCE
@click.option(
    "--var", "assignments", multiple=True, metavar="NAME=VALUE", help="NAME=@FILE reads a file, NAME=- stdin."
)
@click.option("--label", default="production", show_default=True, help="Whose deployed version runs.")
@click.option("--model", default="", help="Instead of the setting engine.model.")
@click.option("--engine", default="", help="Instead of the setting engine.name.")
@click.option("--script", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="For `--engine scripted`.")
@click.option(
    "--task", type=click.Choice([task.value for task in Task]), help="What it is for, instead of by category."
)
@click.option("--session", default="", metavar="ID", help="Keeps you in one arm of an experiment.")
@click.option("--fresh", is_flag=True, help="Do not answer from the cache.")
@click.option("--dry-run", is_flag=True, help="Show what would be sent, and ask nobody.")
@click.option("--stream", is_flag=True, help="With `--format json`: a line for each event, as it happens.")
@FORMAT
def run(  # noqa: PLR0913 - click's
    reference: Reference,
    *,
    assignments: tuple[str, ...],
    label: str,
    model: str,
    engine: str,
    script: Path | None,
    task: str | None,
    session: str,
    fresh: bool,
    dry_run: bool,
    stream: bool,
    format_name: str,
) -> None:
    """Run a prompt: the answer goes to the standard output as it comes, everything else to the standard error.

    Without @VERSION, the version deployed to --label runs. The execution is recorded, and so is one that you end with
    Ctrl-C. It ends with 1 where there is no answer. It runs in the daemon that your editors use too (codetune daemon),
    or in this process with --engine, with daemon.enabled = false, and where this directory has settings of its own.

    \b
    codetune prompts run explain-code --var code=@app.py
    git diff | codetune prompts run commit-message --var diff=-
    codetune prompts run explain-code@2 --var code=@app.py --dry-run
    codetune prompts run explain-code --var code=@app.py --format json | jq -r .output
    codetune prompts run explain-code --var code=@app.py --engine scripted --script answers.yaml

    The last one tries a prompt without a model: a script answers (`default: {answers: ["fine"]}`).
    """  # noqa: D301 - the backspace is click's
    texts = read_values(assignments)
    if stream and format_name != "json":
        raise click.UsageError("--stream goes with --format json: the text is streamed anyway")

    async def work(core: Core) -> ExitCode:
        choosing = core.prompts.choose(reference.name, label=label, version=reference.number, session_id=session)
        choice = await (_if_known(choosing) if core.settings.remote.base_url and not dry_run else choosing)
        request = ExecutionRequest(
            task=Task(task) if task else _TASKS[choice.prompt.draft.category if choice else Category.OTHER],
            prompt=reference.name,
            variables=coerce(choice.version.wording.variables if choice else (), texts),
            label=label,
            version=reference.number,
            model=model,
            session_id=session,
            user_id=who(),
            workspace=str(Path.cwd()),
            fresh=fresh,
            paths=files_read(assignments),
        )
        if dry_run and choice:
            return await show_dry_run(core, choice, request, format_name)
        if not core.settings.remote.base_url:
            with asked_for(Origin.of(request)):
                await expect_engine(core, Role.of(request.task), model=model, hint=_WITHOUT_ENGINE)
        async with executor_for(core) as executor:
            return await _executed(executor, request, _writer(format_name, stream=stream))

    with_core(work, engine=_given(name=engine, script=str(script.resolve()) if script else ""))


async def _if_known(choosing: Coroutine[None, None, Choice]) -> Choice | None:
    """Return what is chosen here; None for what only the library of the team's service may have."""
    try:
        return await choosing
    except PromptNotFound:
        return None


def _given(**values: str) -> dict[str, JsonValue]:
    return {name: value for name, value in values.items() if value}


def _writer(format_name: str, *, stream: bool) -> Writer:
    if format_name == "text":
        return AnswerText()
    return AnswerLines() if stream else AnswerJson()


async def _executed(executor: Executor, request: ExecutionRequest, writer: Writer) -> ExitCode:
    async with aclosing(executor.execute(request)) as events:
        async for event in events:
            writer.write(event)
    return writer.end()
