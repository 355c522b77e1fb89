"""The group ``codetune space``: each subcommand is imported when it is used."""

import click

from codetune_core.cli.lazy_group import LazyGroup

_HERE = "codetune_core.cli.space"
_COMMANDS = {
    "deploy": ("deploying:deploy", "Create or update the Space, and wait until it runs what was uploaded."),
    "status": ("looking:status", "Say how the Space is."),
    "wake": ("waking:wake", "Start a Space that sleeps or was paused, and wait for it."),
    "logs": ("looking:logs", "Print what the Space writes, or what its build wrote."),
    "export": ("exporting:export", "Write what the image is built from into a folder, for a machine of your own."),
}
"""Where each subcommand is, and what the list says of it without importing it."""


@click.command(cls=LazyGroup, package=_HERE, lazy=_COMMANDS, short_help="The service as a Hugging Face Space.")
def space() -> None:
    """Run the service of your team as a Hugging Face Space: one machine with a graphics processor.

    \b
    codetune keys create --offline                    the first key, and its hash for the Space
    codetune space deploy team/codetune --dry-run     what would be uploaded and set
    codetune space deploy team/codetune --bucket team/codetune-data
    codetune space status team/codetune

    Without a name it is the one of the setting remote.space. Every command needs a token of Hugging Face that may write
    there: `hf auth login`, or HF_TOKEN. It ends with 0; with 1 where the Space is not well; with 2 where it cannot do
    what was asked.
    """  # noqa: D301 - the backspace is click's
