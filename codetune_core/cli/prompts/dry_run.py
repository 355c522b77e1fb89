"""``codetune prompts run --dry-run``: what would be sent to the model, and how long it is."""

import sys
from dataclasses import dataclass
from functools import partial

import click
from rich.text import Text

from codetune_core.bootstrap.core import Core
from codetune_core.cli.exit_codes import ExitCode
from codetune_core.cli.formats.visible import visible
from codetune_core.cli.prompts import as_text
from codetune_core.cli.prompts.as_json import write_json
from codetune_core.domain.execution import ExecutionRequest, Role
from codetune_core.errors import SettingsError
from codetune_core.prompts.fit import RenderTarget
from codetune_core.prompts.library import Choice
from codetune_core.prompts.render import Rendered, render

_BYTES_PER_TOKEN = 4
"""About what tokenizers take of English and of source code, where there is none to ask."""


@dataclass(frozen=True, slots=True)
class _Target:
    """Whom a prompt is rendered for; where no engine is set, nobody, with as much context as it takes.

    Attributes:
        model: its name, or None.
        context_tokens: its longest prompt and answer together, or None.
        render: what its renderer needs.
    """

    model: str | None
    context_tokens: int | None
    render: RenderTarget


async def show_dry_run(core: Core, choice: Choice, request: ExecutionRequest, format_name: str) -> ExitCode:
    """Render a request for the model that would be asked, and print it."""
    target = await _target(core, request)
    rendered = render(choice.version.wording, request.variables, target.render)
    tokens = [target.render.count_tokens(message.content) for message in rendered.messages]
    if format_name == "json":
        _write_json(choice, target, rendered, tokens)
    else:
        _write_text(choice, target, rendered, tokens)
    return ExitCode.CLEAN


async def _target(core: Core, request: ExecutionRequest) -> _Target:
    try:
        model = await core.engine.model(request.model or core.settings.engine.model, Role.of(request.task))
    except SettingsError:
        if core.settings.engine.name not in {"", "none", "auto"}:
            raise
        return _Target(None, None, RenderTarget(sys.maxsize, _estimate))
    count = partial(core.engine.count_tokens, model)
    return _Target(model.name, model.context_tokens, RenderTarget(model.context_tokens, count))


def _estimate(text: str) -> int:
    return -(-len(text.encode("utf-8", "surrogatepass")) // _BYTES_PER_TOKEN)


def _write_json(choice: Choice, target: _Target, rendered: Rendered, tokens: list[int]) -> None:
    write_json(
        {
            "prompt": choice.prompt.name,
            "version": choice.version.number,
            "model": target.model,
            "context_tokens": target.context_tokens,
            "tokens_estimated": target.model is None,
            "max_tokens": choice.version.wording.max_tokens,
            "messages": [
                {"role": message.role, "content": message.content, "tokens": number}
                for message, number in zip(rendered.messages, tokens, strict=True)
            ],
            "cut": list(rendered.cut),
        }
    )


def _write_text(choice: Choice, target: _Target, rendered: Rendered, tokens: list[int]) -> None:
    console, about = as_text.console(), "" if target.model else "about "
    for message, number in zip(rendered.messages, tokens, strict=True):
        console.print(Text(f"[{message.role}] {about}{number} tokens", "bold"))
        for line in message.content.split("\n"):
            console.print(Text(visible(line)))
        console.print()
    for text in rendered.cut:
        click.echo(f"notice: {visible(text)}", err=True)
    click.echo(f"{choice.prompt.name}@{choice.version.number} {_length(choice, target, sum(tokens))}", err=True)


def _length(choice: Choice, target: _Target, tokens: int) -> str:
    writes = choice.version.wording.max_tokens
    if target.model is None:
        return (
            f"without a model: about {tokens} tokens to read, taken as {_BYTES_PER_TOKEN} bytes each because no engine "
            f"is set that counts them, and at most {writes} to write; nobody was asked"
        )
    return (
        f"for {visible(target.model)}: at most {tokens} tokens to read and {writes} to write, of "
        f"{target.context_tokens}; nobody was asked"
    )
