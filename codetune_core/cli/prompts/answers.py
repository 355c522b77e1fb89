"""The events of an execution on the command line: streamed for people, or as JSON for scripts."""

import json
import sys
from typing import Any, Protocol

import click

from codetune_core.cli.exit_codes import ExitCode
from codetune_core.cli.formats.visible import visible, visible_lines
from codetune_core.cli.prompts.as_json import write_json
from codetune_core.domain.execution import ErrorKind
from codetune_core.execution.events import (
    Event,
    Failed,
    Finished,
    FromCache,
    Repairing,
    Started,
    Token,
    UsageCounted,
    Waiting,
)


class Writer(Protocol):
    """Shows one execution."""

    def write(self, event: Event) -> None:
        """Take the next event."""
        ...

    def break_off(self) -> None:
        """Leave what was shown in order: no event follows, for somebody cancelled the execution."""
        ...

    def end(self) -> ExitCode:
        """Show what is left to show, and say how the command ends."""
        ...


class _Outcome:
    """What the events of one execution add up to."""

    def __init__(self) -> None:
        self.started: Started | None = None
        self.from_cache = False
        self.usage: UsageCounted | None = None
        self.last: Finished | Failed | None = None

    def take(self, event: Event) -> None:
        match event:
            case Started():
                self.started = event
            case FromCache():
                self.from_cache = True
            case UsageCounted():
                self.usage = event
            case Finished() | Failed():
                self.last = event
            case Token() | Repairing() | Waiting():
                pass

    @property
    def code(self) -> ExitCode:
        return ExitCode.CLEAN if isinstance(self.last, Finished) else ExitCode.FINDINGS


class AnswerText:
    """The answer to the standard output as it comes, the rest to the standard error."""

    def __init__(self) -> None:
        self._outcome = _Outcome()
        self._on_terminal = sys.stdout.isatty()
        self._at_line_start = True

    def write(self, event: Event) -> None:
        self._outcome.take(event)
        if isinstance(event, Started):
            for text in (*event.cut, *event.notices):
                click.echo(f"notice: {visible(text)}", err=True)
        if isinstance(event, Waiting):
            about = "" if event.seconds is None else f", about {event.seconds:.0f} s"
            click.echo(f"notice: {visible(event.reason)}{about}", err=True)
        if isinstance(event, Repairing):
            click.echo(
                f"\nnotice: the answer until here is void and asked for again: {visible(event.problem)}", err=True
            )
        if isinstance(event, Token) and event.text:
            self._at_line_start = event.text.endswith("\n")
            # Said to be in colour, because click takes escape sequences out of the rest: a pipe gets the answer whole.
            click.echo(visible_lines(event.text) if self._on_terminal else event.text, nl=False, color=True)

    def break_off(self) -> None:
        if self._on_terminal or not self._at_line_start:  # a terminal shows ^C
            click.echo()

    def end(self) -> ExitCode:
        if not self._at_line_start:
            click.echo()
        outcome = self._outcome
        if isinstance(outcome.last, Failed):
            click.echo(f"codetune: {_failure(outcome.last)}", err=True)
        if outcome.started:
            click.echo(_summary(outcome, outcome.started), err=True)
        return outcome.code


class AnswerJson:
    """One object when it is over."""

    def __init__(self) -> None:
        self._outcome = _Outcome()

    def write(self, event: Event) -> None:
        self._outcome.take(event)

    def break_off(self) -> None:
        """Nothing was shown."""

    def end(self) -> ExitCode:
        write_json(_content(self._outcome))
        return self._outcome.code


class AnswerLines:
    """A line of JSON for each event, as it happens."""

    def __init__(self) -> None:
        self._outcome = _Outcome()

    def write(self, event: Event) -> None:
        self._outcome.take(event)
        click.echo(json.dumps(event.model_dump(mode="json"), ensure_ascii=False))

    def break_off(self) -> None:
        """Every line was ended."""

    def end(self) -> ExitCode:
        return self._outcome.code


def _content(outcome: _Outcome) -> dict[str, Any]:
    started, usage, last = outcome.started, outcome.usage, outcome.last
    finished = last if isinstance(last, Finished) else None
    return {
        "execution_id": str(started.execution_id) if started else None,
        "prompt": started.prompt if started else None,
        "version": started.version if started else None,
        "model": (finished.model if finished else None) or (started.model if started else None),
        "experiment_arm": started.experiment_arm if started else "",
        "cut": list(started.cut) if started else [],
        "notices": list(started.notices) if started else [],
        "reason": finished.reason if finished else "",
        "from_cache": outcome.from_cache,
        "usage": usage.model_dump(exclude={"type"}) if usage else None,
        "output": finished.output if finished else None,
        "finish_reason": finished.finish_reason if finished else None,
        "execution_time_ms": finished.execution_time_ms if finished else None,
        "error": {"kind": last.kind.value, "message": last.message} if isinstance(last, Failed) else None,
    }


def _summary(outcome: _Outcome, started: Started) -> str:
    parts = [
        f"execution {started.execution_id}: {visible(started.prompt)}@{started.version} on {visible(started.model)}"
    ]
    if started.experiment_arm:
        parts.append(f"arm {visible(started.experiment_arm)}")
    if outcome.usage:
        parts.append(f"{outcome.usage.prompt_tokens} + {outcome.usage.completion_tokens} tokens")
    if outcome.from_cache:
        parts.append("from the cache")
    if isinstance(outcome.last, Finished):
        parts.append(f"{outcome.last.execution_time_ms / 1000:.2f} s")
        if outcome.last.reason:
            parts.append(f"answered by {visible(outcome.last.model)}: {visible(outcome.last.reason)}")
        if outcome.last.finish_reason == "length":
            parts.append("cut off at max_tokens")
    return ", ".join(parts)


def _failure(failed: Failed) -> str:
    message = visible_lines(failed.message)
    return message if failed.kind is ErrorKind.INTERNAL else f"{failed.kind}: {message}"
