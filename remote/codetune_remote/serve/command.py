"""The command ``codetune serve``: the core over a Unix socket or TCP."""

from pathlib import Path

import click

from codetune_core.cli.address import Address

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(short_help="Serve the core to editors, terminals and teams.")
@click.option("--socket", "path", type=click.Path(dir_okay=False, path_type=Path), help="Listen on a Unix socket.")
@click.option("--tcp", type=Address(), help="Listen on an address; port 0 takes any free one, and says which.")
@click.option("--tls-cert", type=_FILE, help="Certificate (PEM), with those between it and its authority.")
@click.option("--tls-key", type=_FILE, help="Its key (PEM).")
@click.option(
    "--load",
    "models",
    multiple=True,
    metavar="ROLE|MODEL",
    help="Load a model now, not when it is first asked.",
)
@click.option("--daemon", "as_daemon", is_flag=True, hidden=True, help="As programs start it: goes when it is unused.")
@click.option("--lock", type=int, hidden=True, help="Descriptor of the lock that whoever started it took.")
def serve(  # noqa: PLR0913 - click's
    *,
    path: Path | None,
    tcp: tuple[str, int] | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    models: tuple[str, ...],
    as_daemon: bool,
    lock: int | None,
) -> None:
    """Serve prompts, executions, models and history over HTTP, until SIGTERM or Ctrl-C.

    Without options it is the daemon of this user, which editors and terminals find by its socket; they start it
    themselves when they need it, so that you need this only to have a service manager keep it.

    With --tcp it serves a team, and everybody needs a key (codetune keys create), on this machine too; without any key
    only addresses of this machine are listened on. The settings are your own (codetune.toml in your configuration
    folder); those of the working directory are not read.

    It listens at once, and can execute when /readyz says so. When it is told to end it takes no new work and lets
    streams finish for serve.drain_seconds; told a second time it ends at once. Where somebody serves on the socket
    already it says so and ends with 0.

    \b
    codetune serve
    codetune serve --tcp 127.0.0.1:8765 --load review
    codetune serve --tcp 0.0.0.0:8443 --tls-cert box.crt --tls-key box.key
    """  # noqa: D301 - the backspace is click's
    if path and tcp:
        raise click.UsageError("Choose one of --socket and --tcp.")
    if bool(tls_cert) != bool(tls_key) or (tls_cert and not tcp):
        raise click.UsageError("--tls-cert and --tls-key go together, and with --tcp.")
    if as_daemon:
        from codetune_core.daemon.spawn import detach  # noqa: PLC0415 - `--help` needs none of these

        detach()
    from codetune_remote.serve.run import Place, run  # noqa: PLC0415

    raise SystemExit(run(Place(path, tcp, tls_cert, tls_key), models, lock=lock, as_daemon=as_daemon))
