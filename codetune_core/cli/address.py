"""An address to listen on, as it is given on the command line."""

import click


class Address(click.ParamType[tuple[str, int]]):
    """``HOST:PORT``, or a port of 127.0.0.1."""

    name = "HOST:PORT"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int]:
        host, _, port = value.rpartition(":")
        if not (port.isascii() and port.isdecimal()) or int(port) > 65_535:  # noqa: PLR2004 - the highest port there is
            self.fail(f"{value!r} has no port; write for example 127.0.0.1:2087", param, ctx)
        return host.strip("[]") or "127.0.0.1", int(port)
