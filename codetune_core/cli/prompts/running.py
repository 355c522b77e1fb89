"""``codetune prompts run``: one execution, streamed to the terminal."""

from asyncio import CancelledError
from collections.abc import Coroutine, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

import click
from pydantic import JsonValue, ValidationError

from codetune_core.cli.core import run as run_to_its_end
from codetune_core.cli.core import say, user_settings
from codetune_core.cli.exit_codes import ExitCode
from codetune_core.cli.prompts.answers import AnswerJson, AnswerLines, AnswerText, Writer
from codetune_core.cli.prompts.lookup import expect_engine
from codetune_core.cli.prompts.options import FORMAT, REFERENCE, Reference, who
from codetune_core.cli.prompts.values import files_read, read_values
from codetune_core.cli.shared import runner
from codetune_core.domain.execution import ExecutionRequest, Role, Task
from codetune_core.domain.prompt import Category
from codetune_core.errors import PromptNotFound
from codetune_core.execution.protocol import Executor
from codetune_core.outbound.origin import Origin, asked_for
from codetune_core.prompts.variables import coerce
from codetune_core.prompts.wire import Choosing, ChosenVersion
from codetune_core.settings import Settings

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
_WITHOUT_MODEL = "add --dry-run to see what would be sent"


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

    asked = _Asked(reference, texts, label, model, task, session, fresh, files_read(assignments))
    given = _given(name=engine, script=str(script.resolve()) if script else "")

    async def work() -> ExitCode:
        settings = user_settings(engine=given, remote={"base_url": ""} if given else {})
        if dry_run:
            return await _shown(settings, asked, format_name)
        async with runner(settings) as place:
            choosing = place.chosen(reference.name, asked.choosing)
            request = asked.request(await (_if_known(choosing) if settings.remote.base_url else choosing))
            if place.engine:
                with asked_for(Origin.of(request)):
                    role = Role.of(request.task)
                    await expect_engine(settings, place.engine, role, model=model, ways=[_WITHOUT_MODEL])
            return await _executed(place.executor, request, _writer(format_name, stream=stream))

    run_to_its_end(work)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the command line asks for."""

    reference: Reference
    texts: Mapping[str, str]
    label: str
    model: str
    task: str | None
    session: str
    fresh: bool
    paths: tuple[str, ...]

    @property
    def choosing(self) -> Choosing:
        """Raises click.UsageError for a label or a number that there cannot be."""
        try:
            return Choosing(label=self.label, version=self.reference.number, session_id=self.session)
        except ValidationError as error:
            wrong = error.errors()[0]
            raise click.UsageError(f"{wrong['loc'][0]}: {wrong['msg']}") from None

    def request(self, chosen: ChosenVersion | None) -> ExecutionRequest:
        """Return what is run; of a version that is not known here, all variables are texts."""
        category = chosen.category if chosen else Category.OTHER
        return ExecutionRequest(
            task=Task(self.task) if self.task else _TASKS[category],
            prompt=self.reference.name,
            variables=coerce(chosen.variables if chosen else (), self.texts),
            label=self.label,
            version=self.reference.number,
            model=self.model,
            session_id=self.session,
            user_id=who(),
            workspace=str(Path.cwd()),
            fresh=self.fresh,
            paths=self.paths,
        )


async def _shown(settings: Settings, asked: _Asked, format_name: str) -> ExitCode:
    from codetune_core.bootstrap.core import open_core  # noqa: PLC0415 - what runs in the daemon waits for no database
    from codetune_core.cli.prompts.dry_run import show_dry_run  # noqa: PLC0415

    async with open_core(settings) as core:
        say(core.notices)
        choosing = asked.choosing
        choice = await core.prompts.choose(
            asked.reference.name, label=choosing.label, version=choosing.version, session_id=choosing.session_id
        )
        return await show_dry_run(core, choice, asked.request(ChosenVersion.of(choice)), format_name)


async def _if_known(choosing: Coroutine[None, None, ChosenVersion]) -> ChosenVersion | None:
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
    try:
        async with aclosing(executor.execute(request)) as events:
            async for event in events:
                writer.write(event)
    except CancelledError:
        writer.break_off()
        raise
    return writer.end()
