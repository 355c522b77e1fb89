"""The command ``codetune serve``: the core over a Unix socket or TCP."""

import asyncio
from pathlib import Path

import click


@click.command(short_help="Serve the core to editors, terminals and teams.")
@click.option("--socket", type=click.Path(dir_okay=False, path_type=Path), help="Listen on a Unix socket.")
def serve(*, socket: Path) -> None:
    """Serve the core over HTTP."""
    from codetune_core.bootstrap.core import open_core  # noqa: PLC0415 - `--help` needs none of these
    from codetune_core.cli.core import user_settings  # noqa: PLC0415
    from codetune_remote.serve.listen import serve_socket  # noqa: PLC0415
    from codetune_remote.service import Service  # noqa: PLC0415

    async def work() -> None:
        async with open_core(user_settings()) as core:
            await serve_socket(Service(core), socket)

    asyncio.run(work())
