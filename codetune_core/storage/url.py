"""Database URLs: every common spelling of a PostgreSQL URL, a SQLite file, and what may be shown of either."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit, urlunsplit

from platformdirs import user_data_path

from codetune_core.errors import StorageError

VARIABLE = "CODETUNE_DATABASE_URL"
_POSTGRESQL = {"postgres", "postgresql"}


@dataclass(frozen=True, slots=True)
class DatabaseUrl:
    """Where a database is.

    Attributes:
        dialect: what kind.
        path: the file, for SQLite.
        dsn: what asyncpg is given, for PostgreSQL; holds the password, so it is not printed.
        shown: fit for logs and errors.
    """

    dialect: Literal["sqlite", "postgresql"]
    shown: str
    path: Path | None = None
    dsn: str = ""

    def __repr__(self) -> str:
        return f"DatabaseUrl({self.shown!r})"


def default_url() -> DatabaseUrl:
    """Return the SQLite file in the user's data folder."""
    return _sqlite(user_data_path("codetune") / "codetune.db")


def parse_url(text: str) -> DatabaseUrl:
    """Read a URL; empty for the default. Raises StorageError for what is no database URL."""
    if not text:
        return default_url()
    scheme = text.partition("://")[0].partition("+")[0]
    if scheme == "sqlite":
        return _sqlite(_sqlite_path(text))
    if scheme in _POSTGRESQL:
        parts = urlsplit(text)
        return DatabaseUrl("postgresql", _without_password(text), dsn=urlunsplit(parts._replace(scheme="postgresql")))
    raise StorageError(
        f"{_without_password(text)!r} is not a database URL: write sqlite:///path or postgresql://user@host/name"
    )


def _sqlite(path: Path) -> DatabaseUrl:
    return DatabaseUrl("sqlite", f"sqlite:///{path}", path=path)


def _sqlite_path(text: str) -> Path:
    rest = unquote(text.partition("://")[2].partition("?")[0])
    if not rest.startswith("/") or rest == "/":
        raise StorageError(f"{text!r} names no file: write sqlite:///relative/path or sqlite:////absolute/path")
    return Path(rest[1:]).expanduser().absolute()


def _without_password(text: str) -> str:
    parts = urlsplit(text)
    if "@" not in parts.netloc:
        return text
    user = parts.netloc.rpartition("@")[0].partition(":")[0]
    return urlunsplit(parts._replace(netloc=f"{user}@{parts.netloc.rpartition('@')[2]}", query=""))
