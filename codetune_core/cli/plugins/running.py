"""Runs and reloads plugins for ``codetune plugins``."""

import asyncio
import json
import sys
from pathlib import Path

import click
from pydantic import JsonValue

from codetune_core.bootstrap.core import Core
from codetune_core.bootstrap.plugins import RecordedAsk, plugin_host
from codetune_core.cli.core import say
from codetune_core.cli.exit_codes import ExitCode
from codetune_core.cli.formats.visible import visible
from codetune_core.cli.prompts.options import who
from codetune_core.cli.workspace import open_workspace
from codetune_core.errors import CodeTuneError, InvalidInput, NoSuchPlugin, PluginError
from codetune_core.plugins.api import Request
from codetune_core.plugins.discover import Found, Status
from codetune_core.plugins.host import Outcome, PluginHost
from codetune_core.plugins.metadata import Kind


def read_input(source: str | None) -> str:
    """Return the text of a file, of the standard input for ``-``, and nothing where there is none to read."""
    if source is None:
        return ""
    try:
        data = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
        return data.decode("utf-8-sig")
    except OSError as error:
        raise click.UsageError(f"{source} cannot be read: {(error.strerror or str(error)).lower()}") from None
    except UnicodeDecodeError as error:
        raise click.UsageError(f"{source} is not UTF-8 (byte {error.start + 1})") from None


async def answered(core: Core, name: str, request: Request, format_name: str) -> ExitCode:
    """Run a plugin and print what it answers; the text that it shows goes out as it comes."""
    workspace = open_workspace([Path()], {})
    ask = RecordedAsk(core, user_id=who(), workspace=str(Path.cwd()))
    host = plugin_host(core.settings, workspace.root, trusted=workspace.trusted, ask=ask)
    printer = _Printer(streams=format_name == "text")
    try:
        outcome = await host.run(name, request, printer.show)
    except asyncio.CancelledError:
        printer.end()
        raise
    except CodeTuneError as error:
        printer.end()
        click.echo(f"codetune: {error}", err=True)
        return ExitCode.USAGE if isinstance(error, InvalidInput | NoSuchPlugin) else ExitCode.FINDINGS
    finally:
        await host.aclose()
    if format_name == "json":
        click.echo(json.dumps(_as_json(name, request.task, outcome), indent=2, ensure_ascii=False))
    else:
        printer.finish(outcome)
    return ExitCode.CLEAN


async def reloaded(name: str | None) -> list[Found]:
    """Load plugins anew, one after the other, and return how they stand then; raises PluginError for a name unknown."""
    workspace = open_workspace([Path()], {})
    say(workspace.notices)
    host = plugin_host(workspace.settings, workspace.root, trusted=workspace.trusted)
    try:
        named = [host.state(name)] if name else [found for found in host.list() if _loadable(found)]
        return [await _reloaded(host, found) for found in named]
    finally:
        await host.aclose()


def _loadable(found: Found) -> bool:
    return found.kind is not Kind.DETECTOR and found.status is not Status.DISABLED


async def _reloaded(host: PluginHost, found: Found) -> Found:
    try:
        return await host.reload(found.name)
    except PluginError:
        now = host.state(found.name)
        if now.status is Status.NOT_LOADED:
            raise
        return now


class _Printer:
    """Text as it comes, where it ``streams``; on a terminal nothing in it can steer the terminal."""

    def __init__(self, *, streams: bool) -> None:
        self._streams = streams
        self._on_terminal = sys.stdout.isatty()
        self._shown = ""

    def show(self, text: str) -> None:
        """Print the next piece."""
        self._shown += text
        if self._streams and text:
            lines = "\n".join(visible(line) for line in text.split("\n")) if self._on_terminal else text
            click.echo(lines, nl=False, color=True)  # else click takes out what a pipe shall get whole

    def end(self) -> None:
        """Close the line."""
        if self._streams and self._shown and not self._shown.endswith("\n"):
            click.echo()

    def finish(self, outcome: Outcome) -> None:
        """Print what was not shown yet of the answer, and what it took."""
        text = _text(outcome)
        if text.strip() != self._shown.strip():
            self.end()
            self.show(text)
        self._shown = text
        self.end()
        if outcome.models:
            usage = outcome.usage
            by = ", ".join(visible(model) for model in outcome.models)
            click.echo(f"{by}: {usage.prompt_tokens} tokens read, {usage.completion_tokens} written", err=True)


def _text(outcome: Outcome) -> str:
    value = outcome.value
    if isinstance(value, dict) and isinstance(value.get("text"), str):
        return str(value["text"])
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)


def _as_json(name: str, task: str, outcome: Outcome) -> dict[str, JsonValue]:
    usage = outcome.usage
    return {
        "plugin": name,
        "task": task,
        "result": outcome.value,
        "models": list(outcome.models),
        "usage": {
            "prompt_tokens": usage.prompt_tokens,
            "completion_tokens": usage.completion_tokens,
            "cached_prompt_tokens": usage.cached_prompt_tokens,
        },
    }
