"""The command ``codetune lsp``: starts the language server."""

import gc
import linecache
import logging
import sys
from pathlib import Path

import click

from codetune_core.cli.address import Address


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--stdio", is_flag=True, help="Speak over standard input and output; this is what happens anyway.")
@click.option("--tcp", type=Address(), help="Listen on an address of this machine instead; port 0 takes any free one.")
@click.option("--log-file", type=click.Path(dir_okay=False, path_type=Path), help="Write the log there, not to stderr.")
@click.option(
    "--log-level",
    type=click.Choice(["error", "warning", "info", "debug"]),
    default="warning",
    show_default=True,
    help="How much to log. Only debug names paths and shows tracebacks; documents' texts may be among them.",
)
@click.option("--clientProcessId", "client_pid", type=int, hidden=True, help="Passed by VS Code's client library.")
def lsp(
    *, stdio: bool, tcp: tuple[str, int] | None, log_file: Path | None, log_level: str, client_pid: int | None
) -> None:
    """Run the language server, for your editor to start.

    Set up your editor to run "codetune lsp" for Python files and whatever else you want to have reviewed. It speaks
    the Language Server Protocol over standard input and output and ends with the editor.

    With --tcp it listens instead, prints the address to standard error, and serves every connection separately. Only
    addresses of this machine are taken: the protocol knows no passwords.

    \b
    codetune lsp
    codetune lsp --log-file codetune.log --log-level debug
    codetune lsp --tcp 127.0.0.1:2087
    """  # noqa: D301 - the backspace is click's
    if stdio and tcp:
        raise click.UsageError("Choose one of --stdio and --tcp.")
    _log_to(log_file, log_level)
    if tcp:
        _run_tcp(*tcp)
    else:
        _run_stdio(client_pid)


def _log_to(file: Path | None, level: str) -> None:
    form = "%(asctime)s %(levelname)s %(name)s: %(message)s"
    try:
        logging.basicConfig(filename=file, level=level.upper(), format=form, encoding="utf-8" if file else None)
    except OSError as error:
        raise click.ClickException(f"The log file cannot be written: {error.strerror}. Give another one.") from None
    logging.getLogger("pygls").setLevel(logging.WARNING)  # below that it logs whole messages
    logging.raiseExceptions = False


def _run_stdio(client_pid: int | None) -> None:
    """Serve and end the process, whatever threads still run."""
    if sys.stdin.isatty():
        click.echo("codetune lsp waits for an editor; press Ctrl-C to end. See --help.", err=True)
    gc.set_threshold(20_000, 50, 100)  # a full collection takes milliseconds that a request would wait
    from codetune_server import assembly, memory, transport  # noqa: PLC0415 - `--help` needs none of these

    memory.share_arenas()
    linecache.clearcache()  # 2 MB: the source of every method that attrs wrote for the protocol's types
    gc.freeze()
    gc.set_threshold(4_000, 50, 100)  # what is left in circles would be megabytes after a long day
    transport.run_stdio(assembly.create_server, client_pid)


def _run_tcp(host: str, port: int) -> None:
    import asyncio  # noqa: PLC0415 - as above

    from codetune_core.errors import CodeTuneError  # noqa: PLC0415
    from codetune_server import assembly, transport  # noqa: PLC0415

    def listening(address: str) -> None:
        click.echo(f"codetune lsp listens on {address}", err=True)

    try:
        asyncio.run(transport.serve_tcp(assembly.create_server, host, port, listening))
    except CodeTuneError as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"Cannot listen on {host}:{port}: {error.strerror}.") from None
    except KeyboardInterrupt:
        raise SystemExit(0) from None
