"""``codetune outbound``: what left this machine."""

import click


@click.group(short_help="What left this machine.")
def outbound() -> None:
    """What left this machine."""
