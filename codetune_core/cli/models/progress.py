"""Shows on the standard error how far long work is: a bar on a terminal, elsewhere a line for each stage."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

OnProgress = Callable[[str, float, float], None]
"""What is being done, how much of it is, how much it is in all."""


@contextmanager
def shown(*, in_bytes: bool) -> Iterator[OnProgress]:
    """Give what is to be called with the progress."""
    if not sys.stderr.isatty():
        yield _lines()
        return
    from rich.console import Console  # noqa: PLC0415 - runs without a terminal do not wait for it
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        DownloadColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    amounts = (DownloadColumn(), TransferSpeedColumn()) if in_bytes else (TaskProgressColumn(),)
    columns = (TextColumn("{task.description}"), BarColumn(), *amounts, TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda stage, done, total: bar.update(task, description=stage, completed=done, total=total)


def _lines() -> OnProgress:
    said = set[str]()

    def say(stage: str, done: float, total: float) -> None:  # noqa: ARG001 - of interest on a terminal
        if stage not in said:
            said.add(stage)
            click.echo(f"{stage} ...", err=True)

    return say
