"""Connects to PostgreSQL: tries again what may pass, and says of the rest what to do."""

import logging
import socket
import ssl

import asyncpg
import stamina

from codetune_core.errors import DatabaseUnreachable, StorageError
from codetune_core.storage.postgresql_url import ServerUrl

# Each new attempt is logged; where nobody set up logging, Python would print it among what a command says.
logging.getLogger("stamina").addHandler(logging.NullHandler())

_PASSING = (
    OSError,
    TimeoutError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
)
_LASTING = (ssl.SSLCertVerificationError, PermissionError)


async def connect(server: ServerUrl, seconds: float) -> asyncpg.Connection:
    """Connect within some seconds.

    Attempts are repeated after pauses that grow exponentially, with jitter, while what went wrong may pass: refused,
    starting up, too many connections. Raises DatabaseUnreachable where the server could not be reached, and
    StorageError where it answered and refused.
    """
    arguments = server.arguments()
    arguments["timeout"] = min(arguments.get("timeout", seconds), seconds)
    try:
        async for attempt in stamina.retry_context(
            on=may_pass, attempts=None, timeout=seconds, wait_initial=0.1, wait_max=3, wait_jitter=0.5
        ):
            with attempt:
                return await asyncpg.connect(**arguments)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
        # Without its cause: whatever a driver may write into its errors, this one is fit to be shown.
        raise _explained(server, error) from None
    raise AssertionError  # pragma: no cover - the loop returns or raises


def may_pass(error: Exception) -> bool:
    """Tell whether the same attempt may succeed a little later."""
    if isinstance(error, _LASTING) or type(error) is ConnectionError:  # the latter: TLS is asked for and not offered
        return False
    if isinstance(error, socket.gaierror):
        return error.errno == socket.EAI_AGAIN
    return isinstance(error, _PASSING)


def _explained(server: ServerUrl, error: Exception) -> StorageError:
    reason = server.hide(str(error) or type(error).__name__)
    if isinstance(error, asyncpg.InvalidCatalogNameError):
        return StorageError(f"{server.shown}: {reason}: make it with createdb, or correct the URL")
    if isinstance(error, asyncpg.InvalidAuthorizationSpecificationError):
        return StorageError(f"{server.shown}: {reason}: correct the user or the password in the URL or in ~/.pgpass")
    if isinstance(error, ssl.SSLCertVerificationError):
        return StorageError(
            f"{server.shown}: the server's certificate is not trusted ({reason}): name its authority with sslrootcert="
        )
    if isinstance(error, OSError) or may_pass(error):
        return DatabaseUnreachable(
            f"{server.shown} cannot be reached ({reason}): start the server, or correct storage.database_url or "
            "CODETUNE_DATABASE_URL"
        )
    return StorageError(f"{server.shown}: {reason}: correct the database URL")
