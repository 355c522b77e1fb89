"""PostgreSQL URLs in every common spelling, as asyncpg wants to have them.

The form is libpq's (https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS), with the
additions of SQLAlchemy and of what hosting services hand out; beyond it, a password may hold ``@``, ``/``, ``?`` and
``#`` as they are.
"""

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from codetune_core.errors import StorageError

_PASSED_ON = frozenset(
    (  # noqa: SIM905 - so many names in quotes read badly
        "host port dbname user password passfile service sslmode sslcert sslkey sslrootcert sslcrl sslpassword "
        "sslnegotiation ssl_min_protocol_version ssl_max_protocol_version target_session_attrs krbsrvname gsslib "
        "application_name options"
    ).split()
)
_WITHOUT_EFFECT = frozenset(
    (  # noqa: SIM905 - so many names in quotes read badly
        "client_encoding fallback_application_name gssencmode keepalives keepalives_count keepalives_idle "
        "keepalives_interval load_balance_hosts sslcompression sslsni tcp_user_timeout"
    ).split()
)
_OWN = frozenset({"channel_binding", "connect_timeout", "ssl", "database"})
_OPTIONS = _PASSED_ON | _WITHOUT_EFFECT | _OWN
_QUERY = re.compile(rf"\?(?=(?:{'|'.join(sorted(_OPTIONS))})=|$)")
_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.%\w]+\]|[^:\[\]]*)(?::(?P<port>\d{1,5})?)?")
_SECRET = ("password", "sslpassword")


@dataclass(frozen=True, slots=True, repr=False)
class ServerUrl:
    """How a server is reached.

    Attributes:
        shown: without password, fit for logs and errors.
        dsn: what asyncpg is given; it holds the password.
        secrets: what must not be shown, as it is.
        timeout: seconds for one attempt to connect, None for asyncpg's own.
        system_roots: whether the server's certificate must be one that this system trusts.
    """

    shown: str
    dsn: str
    secrets: tuple[str, ...]
    timeout: float | None
    system_roots: bool

    def __repr__(self) -> str:
        return f"ServerUrl({self.shown!r})"

    def arguments(self) -> dict[str, Any]:
        """Return the arguments for ``asyncpg.connect``."""
        arguments: dict[str, Any] = {"dsn": self.dsn}
        if self.timeout is not None:
            arguments["timeout"] = self.timeout
        if self.system_roots:
            arguments["ssl"] = ssl.create_default_context()
        return arguments

    def hide(self, text: str) -> str:
        """Return a text with every spelling of the secrets replaced by stars."""
        for secret in sorted({form for s in self.secrets for form in (s, quote(s, safe=""), quote(s))}, key=len)[::-1]:
            text = text.replace(secret, "***")
        return text


def read_server_url(rest: str) -> ServerUrl:
    """Read what follows ``postgresql://``; raises StorageError, in which no part of the text is shown."""
    head, query = _split_query(rest)
    account, _, place = head.rpartition("@")
    user, _, password = account.partition(":")
    hosts, _, name = place.partition("/")
    if "?" in name or "?" in hosts:
        raise StorageError(f"the database URL has an option that is not known; known are {', '.join(sorted(_OPTIONS))}")
    found = {"user": unquote(user), "password": unquote(password), "dbname": unquote(name)}
    options = {**{key: value for key, value in found.items() if value}, **_options(query)}
    if hosts:
        options["host"] = ",".join(_host(host) for host in hosts.split(","))
    return _server_url(options)


def _split_query(rest: str) -> tuple[str, str]:
    """Split where the options begin: a question mark in a password is followed by no option's name."""
    mark = _QUERY.search(rest)
    return (rest[: mark.start()], rest[mark.end() :]) if mark else (rest, "")


def _options(query: str) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in query.split("&") if pair]
    options = {unquote(key): unquote(value) for key, _, value in pairs}
    if not options.keys() <= _OPTIONS:
        raise StorageError(f"the database URL has an option that is not known; known are {', '.join(sorted(_OPTIONS))}")
    if "database" in options:
        options["dbname"] = options.pop("database")
    if mode := options.pop("ssl", ""):
        options["sslmode"] = {"true": "require", "1": "require", "false": "disable", "0": "disable"}.get(mode, mode)
    return {key: value for key, value in options.items() if value}


def _host(text: str) -> str:
    match = _HOST.fullmatch(unquote(text)) if not unquote(text).startswith("/") else None
    if match is None:
        if unquote(text).startswith("/"):
            return unquote(text)
        raise StorageError(
            "the host in the database URL cannot be read: write host, host:port or [IPv6 address]:port, "
            "and percent-encode the user and the password"
        )
    name, port = match["name"] or "localhost", match["port"]
    return f"{name}:{port}" if port else name


def _server_url(options: Mapping[str, str]) -> ServerUrl:
    kept = {key: value for key, value in options.items() if key in _PASSED_ON}
    system_roots = options.get("channel_binding") == "require" and "sslrootcert" not in options
    if options.get("sslrootcert") == "system":
        system_roots = True
        del kept["sslrootcert"]
    query = "&".join(f"{key}={quote(value, safe='')}" for key, value in kept.items())
    return ServerUrl(
        shown=_shown(kept),
        dsn=f"postgresql://?{query}" if query else "postgresql://",
        secrets=tuple(kept[key] for key in _SECRET if key in kept),
        timeout=_seconds(options.get("connect_timeout")),
        system_roots=system_roots,
    )


def _shown(options: Mapping[str, str]) -> str:
    user = f"{quote(options['user'])}@" if "user" in options else ""
    host, port = options.get("host", ""), options.get("port", "")
    socket = host.startswith("/")
    place = "" if socket else f"{host}{f':{port}' if port else ''}"
    query = f"?host={host}{f'&port={port}' if port else ''}" if socket else ""
    return f"postgresql://{user}{place}/{quote(options.get('dbname', ''))}{query}"


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    if not text.isdecimal():
        raise StorageError("connect_timeout in the database URL is not a number of seconds")
    return float(text) or None
