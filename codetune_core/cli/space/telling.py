"""Shows in which stage a Space is, on the standard error: in place on a terminal, elsewhere a line for each stage."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click


@contextmanager
def stages() -> Iterator[Callable[[str], None]]:
    """Give what is to be called with the stage."""
    begun = time.monotonic()
    if sys.stderr.isatty():
        from rich.console import Console  # noqa: PLC0415 - runs without a terminal do not wait for it

        with Console(stderr=True).status("") as status:
            yield lambda stage: status.update(f"{_word(stage)}, {time.monotonic() - begun:.0f} s")
        return
    last = ""

    def say(stage: str) -> None:
        nonlocal last
        if stage != last:
            last = stage
            click.echo(f"{time.monotonic() - begun:5.0f} s  {_word(stage)}", err=True)

    yield say


def _word(stage: str) -> str:
    return stage.replace("_", " ").lower()
