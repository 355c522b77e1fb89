"""Which executions a subcommand of ``codetune history`` is about: the options, and the filter they make."""

import datetime as dt
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from codetune_core.bootstrap.core import Core
    from codetune_core.history.protocol import Filter

_TASKS = ("review", "explain", "fix", "generate", "complete", "tests", "docstring", "optimize", "summarize", "ask")
_AGO = re.compile(r"(\d{1,6})([hdw])")
_UNITS = {"h": "hours", "d": "days", "w": "weeks"}


class When(click.ParamType):  # type: ignore[type-arg] # generic only to the type checker
    """A day, a time (UTC where it says no zone), or how long ago."""

    name = "when"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dt.datetime:  # noqa: ARG002 - click's
        if isinstance(value, dt.datetime):
            return value
        try:
            if ago := _AGO.fullmatch(value):
                return dt.datetime.now(dt.UTC) - dt.timedelta(**{_UNITS[ago[2]]: int(ago[1])})
            at = dt.datetime.fromisoformat(value)
            return at.astimezone(dt.UTC) if at.tzinfo else at.replace(tzinfo=dt.UTC)
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is no time: write 2026-03-01, 2026-03-01T12:30, or 12h, 30d, 4w for so long ago")


_OPTIONS = (
    click.option("--prompt", help="Of this prompt."),
    click.option("--task", type=click.Choice(_TASKS), help="For this task."),
    click.option("--workspace", type=click.Path(path_type=Path), help="For files of this folder."),
    click.option("--user", help="By this user."),
    click.option("--model", help="Answered by this model."),
    click.option("--failed", is_flag=True, help="Only what failed."),
    click.option("--since", type=When(), help="From then on: a day, a time (UTC), or 12h, 30d, 4w ago."),
    click.option("--until", type=When(), help="Before then."),
    click.option("--text", default="", help='Whose prompt, input or answer has these words; "a phrase"; star*.'),
)


def filtered(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of a filter; it takes them as keyword arguments for `chosen`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


async def chosen(core: "Core", **options: Any) -> "Filter":
    """Return the filter that the options mean; raises PromptNotFound."""
    from codetune_core.domain.execution import Task  # noqa: PLC0415 - `codetune --help` does not wait for it
    from codetune_core.history.protocol import Filter  # noqa: PLC0415

    prompt, workspace = options["prompt"], options["workspace"]
    return Filter(
        prompt_id=(await core.prompts.show(prompt)).id if prompt else None,
        task=Task(options["task"]) if options["task"] else None,
        workspace=str(workspace.absolute()) if workspace else None,
        user_id=options["user"],
        model=options["model"],
        success=False if options["failed"] else None,
        since=options["since"],
        until=options["until"],
        text=options["text"],
    )
