"""What the subcommands of ``codetune prompts`` have in common on the command line."""

import getpass
import sys
from dataclasses import dataclass

import click
from pydantic import ValidationError

from codetune_core.domain.prompt import PromptDraft

_LONGEST_NAME = 100

FORMAT = click.option(
    "--format", "format_name", type=click.Choice(["text", "json"]), default="text", help="For people, or for scripts."
)
LABEL = click.option("--label", default="production", show_default=True, help="Where it stands.")
MESSAGE = click.option("-m", "--message", default="", help="Why, for the log.")


@dataclass(frozen=True, slots=True)
class Reference:
    """A prompt, and one of its versions or, for None, the one that is meant without saying."""

    name: str
    number: int | None = None

    def __str__(self) -> str:
        return self.name if self.number is None else f"{self.name}@{self.number}"


def reference(text: str) -> Reference:
    """Read ``NAME`` or ``NAME@VERSION``; raises click.BadParameter."""
    name, at, number = text.partition("@")
    if not at:
        return Reference(name)
    if not (number.isascii() and number.isdigit()):
        raise click.BadParameter(f"{text!r} names no version: write {name}@ and a number, as in {name}@2")
    return Reference(name, int(number))


def new_name(text: str) -> str:
    """Return a name that a prompt can have; raises click.BadParameter."""
    try:
        return PromptDraft(name=text).name
    except ValidationError:
        raise click.BadParameter(
            f"{text!r}: a name is at most 200 letters, digits, spaces and _.:/+-, and begins with one of the first two"
        ) from None


REFERENCE = click.argument("reference", type=reference, metavar="NAME[@VERSION]")


def who() -> str:
    """Return the name that a change is recorded under: the user's of the operating system."""
    try:
        return getpass.getuser()[:_LONGEST_NAME]
    except (OSError, KeyError):  # no such user, as in some containers
        return "unknown"


def is_yes(question: str, *, assume: bool) -> bool:
    """Ask on the terminal; without one, only ``--yes`` is yes."""
    if assume:
        return True
    if not sys.stdin.isatty():
        raise click.UsageError(f"{question} There is nobody to ask: say --yes.")
    return click.confirm(question)
