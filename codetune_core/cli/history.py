"""``codetune history``: what was asked of models, what came back, and what becomes of it."""

import json
import sys
from contextlib import aclosing
from dataclasses import asdict
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from codetune_core.cli.exit_codes import ExitCode
from codetune_core.cli.history_filter import When, chosen, filtered
from codetune_core.errors import CodeTuneError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Coroutine

    from codetune_core.bootstrap.core import Core
    from codetune_core.cli.history_places import HistoryPlace
    from codetune_core.settings import Settings

_FORMAT = click.option(
    "--format", "format_name", type=click.Choice(["text", "json"]), default="text", help="For people, or for scripts."
)
_WITH_CODE = click.option("--with-code/--without-code", default=False, help="Also what was asked and answered.")
_ID = click.argument("execution_id", type=click.UUID, metavar="ID")
_REMOTE = click.option("--remote", is_flag=True, help="On the service of remote.base_url.")
_NOT_THERE = "this machine's own; executions of {} are not among them: `codetune history list --remote`"
_OUTCOMES = ("shown", "accepted", "edited", "rejected", "reverted", "kept")


@click.group(short_help="What was asked of models, and what came back.")
def history() -> None:
    """What was asked of models, what came back, what it cost and whether it was any good.

    \b
    codetune history list --text "sql injection"   the newest that say so
    codetune history show ID                       all that is kept of one
    codetune history rate ID --rating 4            what you think of it
    codetune history stats --by model              figures
    codetune history export > history.jsonl        without code, unless --with-code
    codetune history delete --workspace .          and every trace of it

    With remote.base_url set, prompts run on the service of your team and are recorded there: `list`, `show` and
    `delete` go there with --remote, and `rate` finds them by itself.

    What is kept, and for how long, is set in `[history]`: see docs/privacy.md.
    """  # noqa: D301 - the backspace is click's


@history.command("list", short_help="Executions, the newest first.")
@filtered
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="So many at most.")
@click.option("--before", type=click.UUID, metavar="ID", help="Those before this one: the next page.")
@_WITH_CODE
@_REMOTE
@_FORMAT
def list_(*, limit: int, before: UUID | None, with_code: bool, remote: bool, format_name: str, **options: Any) -> None:
    """List executions, the newest first.

    With --remote, your own; with a key of scope admin, everybody's.
    """

    async def work(place: "HistoryPlace") -> ExitCode:
        from codetune_core.cli.history_text import listed, width  # noqa: PLC0415 - see `_run`
        from codetune_core.history.export import record  # noqa: PLC0415

        as_json = format_name == "json"
        found = await place.page(options, before, limit, content=with_code and as_json)
        if as_json:
            _write([record(execution, with_code=with_code) for execution in found])
            return ExitCode.CLEAN
        if not found:
            click.echo(place.nothing, err=True)
            return ExitCode.CLEAN
        click.echo(listed(found, await place.names(), width()))
        if len(found) == limit:
            click.echo(f"older ones: --before {found[-1].id}", err=True)
        return ExitCode.CLEAN

    _run_at(work, remote=remote, hint="executions of {} are listed with --remote")


@history.command(short_help="All that is kept of one.")
@_ID
@_REMOTE
@_FORMAT
def show(*, execution_id: UUID, remote: bool, format_name: str) -> None:
    """Show all that is kept of one execution."""

    async def work(place: "HistoryPlace") -> ExitCode:
        from codetune_core.cli.history_text import shown  # noqa: PLC0415 - see `_run`
        from codetune_core.history.export import record  # noqa: PLC0415

        execution = await place.get(execution_id)
        if format_name == "json":
            _write(record(execution, with_code=True))
        else:
            click.echo(shown(execution, await place.names()))
        return ExitCode.CLEAN

    _run_at(work, remote=remote)


@history.command(short_help="Write them as JSON Lines.")
@filtered
@_WITH_CODE
def export(with_code: bool, **options: Any) -> None:  # noqa: FBT001
    """Write executions as JSON Lines to the standard output, the oldest first; without code unless asked for."""

    async def work(core: "Core") -> ExitCode:
        from codetune_core.history.export import line  # noqa: PLC0415 - see `_run`

        _hint(core.settings, _NOT_THERE)
        async with aclosing(core.history.stream(await chosen(core, **options))) as executions:
            async for execution in executions:
                click.echo(line(execution, with_code=with_code))
        return ExitCode.CLEAN

    _run(work)


@history.command(short_help="Delete them, and every trace of them.")
@click.argument("ids", nargs=-1, type=click.UUID, metavar="[ID]...")
@filtered
@click.option("--all", "everything", is_flag=True, help="Everything.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@_REMOTE
@_FORMAT
def delete(
    *, ids: tuple[UUID, ...], everything: bool, yes: bool, remote: bool, format_name: str, **options: Any
) -> None:
    """Delete executions by id, by a filter, or all, and every trace of their content from the database's files.

    What the budget of today counts (time, user, task and cost) stays till tomorrow, and is shown nowhere. With --remote
    executions are deleted by id.
    """
    if sum((bool(ids), any(options.values()), everything)) != 1:
        raise click.UsageError("say what to delete: ids, or a filter such as --until 90d, or --all")

    if remote and not ids:
        raise click.UsageError(
            "a service deletes by id: see `codetune history list --remote`. By filter, or all at once, who runs the "
            "service deletes beside its database"
        )

    async def work(place: "HistoryPlace") -> ExitCode:
        number = await place.count(ids, options)
        if number and not _agreed(number, assume=yes):
            return ExitCode.CLEAN
        gone = await place.delete(ids, options)
        if format_name == "json":
            _write(asdict(gone))
        else:
            click.echo(f"{_executions(gone.executions)} deleted")
        for text in place.left(gone):
            click.echo(f"notice: {text}", err=True)
        return ExitCode.CLEAN

    _run_at(work, remote=remote, hint="executions of {} are deleted with --remote")


def _agreed(number: int, *, assume: bool) -> bool:
    if assume:
        return True
    if not sys.stdin.isatty():
        raise CodeTuneError(f"{_executions(number)} would be deleted: say --yes, there is nobody to ask")
    return click.confirm(f"Delete {_executions(number)}?", err=True)


def _executions(number: int) -> str:
    return "1 execution" if number == 1 else f"{number:,} executions"


@history.command(short_help="Say whether an answer was any good.")
@_ID
@click.option("--rating", type=click.IntRange(1, 5), help="From 1 to 5.")
@click.option("--text", help="In your words; kept as long as content is.")
@click.option("--outcome", type=click.Choice(_OUTCOMES), help="What became of the answer.")
def rate(execution_id: UUID, rating: int | None, text: str | None, outcome: str | None) -> None:
    """Say what you think of an execution, and what became of its answer.

    What ran on the service of your team (remote.base_url) is rated there.
    """
    if rating is None and text is None and outcome is None:
        raise click.UsageError("say --rating, --text or --outcome")

    async def work(core: "Core") -> ExitCode:
        from codetune_core.domain.execution import Feedback, Outcome  # noqa: PLC0415 - see `_run`

        feedback = Feedback(rating, text, Outcome(outcome) if outcome else None)
        if not await core.rate(execution_id, feedback):
            raise _unknown(execution_id)
        click.echo(f"noted for execution {execution_id}", err=True)
        return ExitCode.CLEAN

    _run(work)


@history.command(short_help="Runs, success, tokens, cost and ratings.")
@click.option("--by", type=click.Choice(["prompt", "version", "model", "day", "user"]), default="prompt",
              show_default=True, help="One line for each.")  # fmt: skip
@click.option("--since", type=When(), help="From that UTC day on.")
@_FORMAT
def stats(by: Any, since: "dt.datetime | None", format_name: str) -> None:
    """Show figures by prompt, version, model, day or user; a plus behind a cost: some have no price."""

    async def work(core: "Core") -> ExitCode:
        from codetune_core.cli.history_text import figures, width  # noqa: PLC0415 - see `_run`

        _hint(core.settings, _NOT_THERE)
        groups, names = await core.history.statistics(by, since), await _names(core, versions=by == "version")
        if format_name == "json":
            _write(
                [asdict(group) | {"cost_usd": str(group.cost_usd), "name": names.get(group.key)} for group in groups]
            )
        elif groups:
            click.echo(figures(groups, names, width()))
        else:
            click.echo("no execution is recorded", err=True)
        return ExitCode.CLEAN

    _run(work)


async def _names(core: "Core", *, versions: bool) -> dict[str, str]:
    """Names of prompts, or of their versions, by id; empty for what was purged or had none."""
    from codetune_core.cli.history_places import names_of_prompts  # noqa: PLC0415 - see `_run`

    if not versions:
        return await names_of_prompts(core)
    prompts = [*await core.prompts.list(archived=True), *await core.prompts.list()]
    return {
        str(version.id): f"{prompt.name}@{version.number}"
        for prompt in prompts
        for version in await core.prompts.versions(prompt.name)
    }


def _unknown(execution_id: UUID) -> CodeTuneError:
    return CodeTuneError(f"nothing is kept of an execution {execution_id}: see `codetune history list`")


def _run_at(work: "Callable[[HistoryPlace], Coroutine[Any, Any, ExitCode]]", *, remote: bool, hint: str = "") -> None:
    """Run over the history that is meant; ``hint`` says where it is this machine's how the service's is reached."""
    from codetune_core.cli.core import run, user_settings  # noqa: PLC0415 - see `_run`
    from codetune_core.cli.history_places import opened  # noqa: PLC0415

    async def there() -> ExitCode:
        settings = user_settings()
        if not remote:
            _hint(settings, hint)
        async with opened(settings, remote=remote) as place:
            return await work(place)

    run(there)


def _hint(settings: "Settings", hint: str) -> None:
    if settings.remote.base_url and hint:
        click.echo(f"notice: {hint.format(settings.remote.base_url)}", err=True)


def _run(work: "Callable[[Core], Coroutine[Any, Any, ExitCode]]") -> None:
    from codetune_core.cli.core import with_core  # noqa: PLC0415 - `codetune --help` does not wait for a database

    with_core(work)


def _write(content: object) -> None:
    click.echo(json.dumps(content, indent=2, ensure_ascii=False))
