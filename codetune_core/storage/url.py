"""Database URLs: a SQLite file or a PostgreSQL server, and what may be shown of either."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import unquote

from platformdirs import user_data_path

from codetune_core.errors import StorageError
from codetune_core.storage.postgresql_url import ServerUrl, read_server_url

VARIABLE = "CODETUNE_DATABASE_URL"
_HOW = "write sqlite:///relative/path, sqlite:////absolute/path or postgresql://user@host/name"


@dataclass(frozen=True, slots=True, repr=False)
class DatabaseUrl:
    """Where a database is.

    Attributes:
        dialect: what kind.
        shown: fit for logs and errors: it holds no password.
        path: the file, for SQLite.
        server: how the server is reached, for PostgreSQL.
    """

    dialect: Literal["sqlite", "postgresql"]
    shown: str
    path: Path | None = None
    server: ServerUrl | None = None

    def __repr__(self) -> str:
        return f"DatabaseUrl({self.shown!r})"

    def hide(self, text: str) -> str:
        """Return a text with the password, in every spelling of it, replaced by stars."""
        return self.server.hide(text) if self.server else text


def default_url() -> DatabaseUrl:
    """Return the SQLite file in the user's data folder."""
    return _sqlite(user_data_path("codetune") / "codetune.db")


def fallback_url() -> DatabaseUrl:
    """Return the file that stands in for a server that cannot be reached: never the default one's."""
    return _sqlite(user_data_path("codetune") / "fallback.db")


def configured_url(setting: str) -> DatabaseUrl:
    """Return what the environment variable says, else the setting, else the default; raises StorageError."""
    return parse_url(os.environ.get(VARIABLE, "") or setting)


def parse_url(text: str) -> DatabaseUrl:
    """Read a URL; empty for the default.

    Raises StorageError for what is no database URL; since any part of such a text may be a password, the error shows
    nothing of it but its scheme.
    """
    text = text.strip()
    if not text:
        return default_url()
    scheme, mark, rest = text.partition("://")
    if not mark:
        raise StorageError(f"the database URL has no '://': {_HOW}")
    match scheme.partition("+")[0].lower():
        case "sqlite":
            return _sqlite(_sqlite_path(rest))
        case "postgres" | "postgresql":
            server = read_server_url(rest)
            return DatabaseUrl("postgresql", server.shown, server=server)
    known = scheme if scheme.replace("+", "").isalnum() else "that"
    raise StorageError(f"no database is reached by '{known}://': {_HOW}")


def _sqlite(path: Path) -> DatabaseUrl:
    return DatabaseUrl("sqlite", f"sqlite:///{path}", path=path)


def _sqlite_path(rest: str) -> Path:
    name, _, options = rest.partition("?")
    host, slash, name = unquote(name).partition("/")
    if host or not slash or not name:
        raise StorageError(
            "the URL of the SQLite database names no file: write sqlite:///relative or sqlite:////absolute"
        )
    if name == ":memory:":
        raise StorageError("a database in memory keeps nothing: name a file")
    if options:
        raise StorageError("the URL of a SQLite database takes no options: remove what follows the question mark")
    return Path(name).expanduser().absolute()
