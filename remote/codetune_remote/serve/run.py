"""Runs ``codetune serve``: takes the socket, serves, and says how it ends."""

import asyncio
import gc
import os
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from codetune_core.cli.exit_codes import ExitCode
from codetune_core.daemon.place import daemon_files
from codetune_core.errors import CodeTuneError, SettingsError
from codetune_remote.serve.sockets import ServesAlready, tcp_socket, unix_socket


@dataclass(frozen=True, slots=True)
class Place:
    """Where to listen, as it was said: a Unix socket, an address, or neither for the daemon's socket."""

    path: Path | None
    tcp: tuple[str, int] | None
    tls_cert: Path | None
    tls_key: Path | None

    @contextmanager
    def listener(self, lock: int | None) -> Iterator[socket.socket]:
        """Listen there; raises SettingsError and ServesAlready."""
        if self.tcp:
            with tcp_socket(*self.tcp) as listener:
                yield listener
        else:
            path = self.path.absolute() if self.path else daemon_files().socket
            with unix_socket(path, lock) as listener:
                yield listener

    def tls(self) -> ssl.SSLContext | None:
        """Return the certificate and its key; raises SettingsError where they do not do."""
        if self.tls_cert is None:
            return None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        try:
            context.load_cert_chain(self.tls_cert, self.tls_key)
        except OSError as error:  # ssl.SSLError is one
            raise SettingsError(f"{self.tls_cert} and {self.tls_key} are no certificate and key: {error}") from error
        return context


def run(place: Place, models: tuple[str, ...], *, lock: int | None, as_daemon: bool) -> ExitCode:
    """Serve until it is told to end; a daemon also ends when nobody needs it."""
    if lock is not None:
        os.set_inheritable(lock, False)  # noqa: FBT003 - else it lived on in model processes
    gc.disable()  # nothing that the imports make is garbage
    try:
        tls = place.tls()
        with place.listener(lock) as listener:
            from codetune_remote.serve.listen import Serving, serve  # noqa: PLC0415 - only who listens needs it

            log = daemon_files().log if as_daemon else None
            asyncio.run(serve(Serving(listener, models, tls, log)))
    except ServesAlready as found:
        click.echo(f"codetune: {found}", err=True)
    except CodeTuneError as error:
        click.echo(f"codetune: {error}", err=True)
        return ExitCode.USAGE
    finally:
        gc.enable()
    return ExitCode.CLEAN
