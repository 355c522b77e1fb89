"""``codetune daemon``: the process that editors and terminals share."""

import click


@click.group(short_help="The process that editors and terminals share.")
def daemon() -> None:
    """The process that editors and terminals share."""
