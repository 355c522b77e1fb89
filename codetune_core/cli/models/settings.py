"""What the ``codetune models`` subcommands begin with: the settings, the catalogue, and errors that say what to do."""

import sys
from collections.abc import Callable

import click

from codetune_core.cli.core import say, user_settings
from codetune_core.cli.exit_codes import ExitCode
from codetune_core.errors import CodeTuneError
from codetune_core.models.catalogue import Catalogue, read_catalogue
from codetune_core.settings import Settings


def opened() -> tuple[Settings, Catalogue]:
    """Return what holds and the models there are; mistakes in either are said on the standard error."""
    settings = user_settings()
    catalogue = read_catalogue(settings.models)
    say(catalogue.notices)
    return settings, catalogue


def ended(work: Callable[[], None]) -> None:
    """Do the work, and end the program with its message and ``ExitCode.USAGE`` where it raises a CodeTuneError."""
    try:
        work()
    except CodeTuneError as error:
        click.echo(f"codetune: {error}", err=True)
        sys.exit(ExitCode.USAGE)
