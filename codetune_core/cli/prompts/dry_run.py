"""``codetune prompts run --dry-run``: what would be sent to the model, and how long it is."""

import click
from rich.text import Text

from codetune_core.bootstrap.core import Core
from codetune_core.cli.exit_codes import ExitCode
from codetune_core.cli.formats.visible import visible
from codetune_core.cli.prompts import as_text
from codetune_core.cli.prompts.as_json import write_json
from codetune_core.domain.execution import ExecutionRequest
from codetune_core.prompts.fit import RenderTarget
from codetune_core.prompts.library import Choice
from codetune_core.prompts.render import Rendered, render


async def show_dry_run(core: Core, choice: Choice, request: ExecutionRequest, format_name: str) -> ExitCode:
    """Render a request for the model that would be asked, and print it."""
    model = await core.engine.model(request.model or core.settings.engine.model)

    def count(text: str) -> int:
        return core.engine.count_tokens(model, text)

    rendered = render(choice.version.wording, request.variables, RenderTarget(model.context_tokens, count))
    tokens = [count(message.content) for message in rendered.messages]
    if format_name == "json":
        write_json(
            {
                "prompt": choice.prompt.name,
                "version": choice.version.number,
                "model": model.name,
                "context_tokens": model.context_tokens,
                "max_tokens": choice.version.wording.max_tokens,
                "messages": [
                    {"role": message.role, "content": message.content, "tokens": number}
                    for message, number in zip(rendered.messages, tokens, strict=True)
                ],
                "cut": list(rendered.cut),
            }
        )
        return ExitCode.CLEAN
    _write(rendered, tokens)
    click.echo(
        f"{choice.prompt.name}@{choice.version.number} for {model.name}: at most {sum(tokens)} tokens to read and "
        f"{choice.version.wording.max_tokens} to write, of {model.context_tokens}; nobody was asked",
        err=True,
    )
    return ExitCode.CLEAN


def _write(rendered: Rendered, tokens: list[int]) -> None:
    console = as_text.console()
    for message, number in zip(rendered.messages, tokens, strict=True):
        console.print(Text(f"[{message.role}] {number} tokens", "bold"))
        for line in message.content.split("\n"):
            console.print(Text(visible(line)))
        console.print()
    for text in rendered.cut:
        click.echo(f"notice: {visible(text)}", err=True)
