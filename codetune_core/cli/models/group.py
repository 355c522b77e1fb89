"""The group ``codetune models``: each subcommand is imported when it is used."""

import click

from codetune_core.cli.lazy_group import LazyGroup

_HERE = "codetune_core.cli.models"
_COMMANDS = {
    "list": ("listing:list_models", "Models of the catalogue, and which of them serve here."),
    "plan": ("planning:plan", "What fits this machine, or a card, at which quantization and context."),
    "info": ("showing:info", "Everything that is known of a model."),
    "pull": ("pulling:pull", "Get a model's files from Hugging Face."),
    "convert": ("converting:convert", "Make safetensors of pickled weights, or quantize them beforehand."),
    "load": ("loading:load", "Load a model now, for every window and terminal."),
    "unload": ("loading:unload", "End a model's process, which frees its memory."),
}
"""Where each subcommand is, and what the list says of it without importing it."""


@click.command(
    cls=LazyGroup, package=_HERE, lazy=_COMMANDS, short_help="See which models there are and what fits, and load them."
)
def models() -> None:
    """See which models there are, what memory they take, and which of them serve on this machine.

    A model is named as in the catalogue (`codetune models list`), by its Hugging Face id (owner/name), or by the path
    of a folder.

    \b
    codetune models list                                  what there is, and what is here
    codetune models plan                                  what fits this machine
    codetune models plan WhiteRabbitNeo-33B-v1 --gpu 24GB what would fit a card
    codetune models info Qwen2.5-Coder-7B-Instruct        everything about one
    codetune models pull Qwen2.5-Coder-1.5B               get it
    codetune models load Qwen2.5-Coder-1.5B               have it ready

    Every subcommand has `--format json` for scripts. It ends with 0; with 2 where it cannot do what was asked.
    """  # noqa: D301 - the backspace is click's
