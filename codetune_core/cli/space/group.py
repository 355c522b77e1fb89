"""``codetune space``: the service as a Hugging Face Space."""

import click


@click.group(short_help="The service as a Hugging Face Space.")
def space() -> None:
    """The service as a Hugging Face Space."""
