"""``codetune cache``: what is remembered, and why something was not."""

import datetime as dt
import json
from typing import TYPE_CHECKING
from uuid import UUID

import click

from codetune_core.cli.exit_codes import ExitCode
from codetune_core.errors import CodeTuneError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from codetune_core.bootstrap.core import Core
    from codetune_core.domain.execution import Execution

_FORMAT = click.option(
    "--format", "format_name", type=click.Choice(["text", "json"]), default="text", help="For people, or for scripts."
)


@click.group(short_help="Answers that are remembered.")
def cache() -> None:
    """Answers that are remembered, so that an equal request is not generated again.

    \b
    codetune cache stats                  how many there are
    codetune cache clear --model NAME     forget those of one model
    codetune cache explain ONE OTHER      why two executions did not share an answer
    """  # noqa: D301 - the backspace is click's


@cache.command(short_help="How much is remembered, and how often it was used.")
@_FORMAT
def stats(format_name: str) -> None:
    """Show how much is remembered, and how often it was used."""

    async def work(core: "Core") -> ExitCode:
        held = await core.answers.statistics()
        oldest = held.oldest.isoformat() if held.oldest else None
        if format_name == "json":
            _write({"entries": held.entries, "bytes": held.bytes, "hits": held.hits, "oldest": oldest})
        else:
            limit = core.settings.cache.max_megabytes
            words = "1 answer" if held.entries == 1 else f"{held.entries:,} answers"
            click.echo(f"{words}, {held.bytes / 1e6:,.2f} of {limit:,} MB, used {_times(held.hits)}")
            if held.oldest:
                click.echo(f"the oldest is of {held.oldest.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC")
        return ExitCode.CLEAN

    _run(work)


@cache.command()
@click.option("--model", help="Only the answers of this model.")
@_FORMAT
def clear(model: str | None, format_name: str) -> None:
    """Forget what is remembered, the vectors of searches too."""

    async def work(core: "Core") -> ExitCode:
        gone = await core.answers.clear(model)
        await core.vectors.clear(model)
        if format_name == "json":
            _write({"dropped": gone})
        else:
            click.echo("1 answer forgotten" if gone == 1 else f"{gone:,} answers forgotten")
        return ExitCode.CLEAN

    _run(work)


@cache.command(short_help="Why two executions did not share an answer.")
@click.argument("first", type=click.UUID)
@click.argument("second", type=click.UUID)
@_FORMAT
def explain(first: UUID, second: UUID, format_name: str) -> None:
    """Say why two executions did, or did not, share a remembered answer.

    FIRST and SECOND are ids of executions, as `codetune history list` shows them.
    """

    async def work(core: "Core") -> ExitCode:
        from codetune_core.execution.explain import explain as compare  # noqa: PLC0415 - see `_run`
        from codetune_core.execution.explain import key_of  # noqa: PLC0415

        one, other = await _execution(core, first), await _execution(core, second)
        key = key_of(one)
        explanation = compare(one, other, await core.answers.entry(key) if key else None)
        if format_name == "json":
            differences = [
                {"part": each.part, "first": each.first, "second": each.second} for each in explanation.differences
            ]
            _write({"shared": explanation.shared, "reasons": explanation.reasons, "differences": differences})
        else:
            click.echo("shared" if explanation.shared else "not shared")
            click.echo("\n".join(f"  {reason}" for reason in explanation.reasons))
        return ExitCode.CLEAN

    _run(work)


async def _execution(core: "Core", execution_id: UUID) -> "Execution":
    if found := await core.history.get(execution_id):
        return found
    raise CodeTuneError(f"nothing is kept of an execution {execution_id}: see `codetune history list`")


def _run(work: "Callable[[Core], Coroutine[None, None, ExitCode]]") -> None:
    from codetune_core.cli.core import with_core  # noqa: PLC0415 - `codetune --help` does not wait for a database

    with_core(work)


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number:,} times"


def _write(content: object) -> None:
    click.echo(json.dumps(content, indent=2, ensure_ascii=False))
