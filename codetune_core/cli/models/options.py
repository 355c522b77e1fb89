"""Options and values that the ``codetune models`` subcommands share."""

import re
from typing import Any

import click

FORMAT = click.option(
    "--format", "format_name", type=click.Choice(["text", "json"]), default="text", help="For people, or for scripts."
)
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]i?b?)?", re.IGNORECASE)
_POWERS = {"k": 1, "m": 2, "g": 3, "t": 4}


class CardSize(click.ParamType[int]):
    """Memory of a card, as it is sold: its GB are 2^30 bytes."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return bytes."""
        if isinstance(value, int):
            return value
        found = _SIZE.fullmatch(str(value).strip())
        if not found or not float(found[1]):
            self.fail(f"{value!r} is no size: write it as 24GB", param, ctx)
        unit = (found[2] or "g").lower()
        return int(float(found[1]) * 1024 ** _POWERS[unit[0]])
