"""Copies of a SQLite database: made while it is used, checked before they are trusted, and few."""

import datetime as dt
import os
import sqlite3
from contextlib import closing
from pathlib import Path

from codetune_core.errors import StorageError
from codetune_core.storage.url import DatabaseUrl

_KEPT = 5


def make_file(path: Path) -> None:
    """Make an empty file that only its owner can read, in a folder that only its owner can enter.

    Raises StorageError where that is not possible.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise StorageError(f"{path} cannot be made ({reason}): correct the path, or who may write there") from None


def copy_database(source: Path, target: Path) -> None:
    """Copy a database as it is at one moment, while others use it; the copy appears whole or not at all.

    Raises StorageError where it cannot be read or written.
    """
    if target.exists():
        raise StorageError(f"{target} exists already: name another file")
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        make_file(part)
        with closing(sqlite3.connect(_read_only(source), uri=True)) as old, closing(sqlite3.connect(part)) as new:
            old.backup(new)
            new.execute("PRAGMA journal_mode = DELETE")
        part.replace(target)
    except (OSError, sqlite3.Error) as error:
        raise StorageError(f"{source} could not be copied to {target}: {error}") from error
    finally:
        part.unlink(missing_ok=True)


def back_up_before_upgrade(path: Path, revision: str) -> Path:
    """Copy a database beside itself before its schema changes, and drop all but the last five copies."""
    target = _beside(path, f"before-upgrade.{revision}")
    copy_database(path, target)
    for old in automatic_backups(path)[:-_KEPT]:
        old.unlink(missing_ok=True)
    return target


def automatic_backups(path: Path) -> list[Path]:
    """Return the copies that upgrades and restores made of a database, the oldest first."""
    return sorted(path.parent.glob(f"{path.stem}.*.before-*{path.suffix}"))


def expire_backups(path: Path, days: int) -> list[Path]:
    """Delete such copies older than some days, and return them.

    They hold what the history held then, so they may not outlive what it keeps.
    """
    oldest = dt.datetime.now(dt.UTC) - dt.timedelta(days=days)
    old = [copy for copy in automatic_backups(path) if dt.datetime.fromtimestamp(copy.stat().st_mtime, dt.UTC) < oldest]
    for copy in old:
        copy.unlink(missing_ok=True)
    return old


def revision_of(path: Path) -> str | None:
    """Return the revision of a file's schema, after a check of all its pages; raises StorageError."""
    try:
        with closing(sqlite3.connect(_read_only(path), uri=True)) as connection:
            (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
            found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error as error:
        raise StorageError(f"{path} is no CodeTune database: {error}") from error
    if verdict != "ok":
        raise StorageError(f"{path} is damaged: {verdict}")
    return str(found[0]) if found else None


def restore_database(backup: Path, path: Path) -> Path | None:
    """Put a checked copy in the place of a database, while others may have it open; return where that one went.

    The content is exchanged in one transaction; where what stands there is no longer a database, its files are moved.
    """
    aside = _beside(path, "before-restore") if path.exists() else None
    if aside:
        _keep_aside(path, aside)
    make_file(path)
    try:
        with closing(sqlite3.connect(_read_only(backup), uri=True)) as old, closing(sqlite3.connect(path)) as new:
            old.backup(new)
            new.execute("PRAGMA journal_mode = WAL")
    except sqlite3.Error as error:
        raise StorageError(f"{backup} could not be restored to {path}: {error}") from error
    return aside


def dump_command(url: DatabaseUrl) -> str:
    """Return the command that backs a PostgreSQL database up; it asks for the password, or finds it in ~/.pgpass."""
    return f"pg_dump --format=custom --file=codetune.dump '{url.shown}'"


def restore_command(url: DatabaseUrl) -> str:
    """Return the command that restores what ``dump_command`` wrote."""
    return f"pg_restore --clean --if-exists --single-transaction --dbname='{url.shown}' codetune.dump"


def _beside(path: Path, why: str) -> Path:
    return path.with_name(f"{path.stem}.{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%S%fZ}.{why}{path.suffix}")


def _keep_aside(path: Path, aside: Path) -> None:
    try:
        copy_database(path, aside)
    except StorageError:
        for suffix in ("", "-wal", "-shm"):
            part = Path(f"{path}{suffix}")
            if part.exists():
                part.replace(f"{aside}{suffix}")


def _read_only(path: Path) -> str:
    return f"{path.absolute().as_uri()}?mode=ro"
