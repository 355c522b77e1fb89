"""What a container is told by its environment variables and by the files of its image."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_config_path

from codetune_core.errors import SettingsError
from codetune_core.settings import Settings
from codetune_core.storage.url import configured_url

SNAPSHOTS = "CODETUNE_SNAPSHOTS"
SNAPSHOT_SECONDS = "CODETUNE_SNAPSHOT_SECONDS"
MODELS = "CODETUNE_MODELS"
COMMIT = "CODETUNE_COMMIT"
COMMIT_FILE = "commit"
"""Beside the image's ``codetune.toml``: written by who built the image, so that it cannot be newer than the code."""
_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Environment:
    """What holds in this container.

    Attributes:
        snapshots: folder of a mounted bucket; None for no snapshots.
        snapshot_seconds: from one snapshot to the next.
        models: names of models whose weights are fetched.
        commit: what the image was built from; empty where nobody said.
        database: the SQLite file; None for PostgreSQL.
    """

    snapshots: Path | None
    snapshot_seconds: float
    models: tuple[str, ...]
    commit: str
    database: Path | None


def read_environment(settings: Settings, variables: Mapping[str, str] = os.environ) -> Environment:
    """Read the variables; raises SettingsError and StorageError for what cannot be used."""
    folder = variables.get(SNAPSHOTS, "")
    database = configured_url(settings.storage.database_url).path
    if folder and database is None:
        raise SettingsError(f"{SNAPSHOTS} is for SQLite: PostgreSQL is backed up by its own means, so unset it")
    return Environment(
        snapshots=Path(folder) if folder else None,
        snapshot_seconds=_seconds(variables.get(SNAPSHOT_SECONDS, "")),
        models=tuple(variables.get(MODELS, "").replace(",", " ").split()),
        commit=variables.get(COMMIT, "") or _built_from(),
        database=database,
    )


def _seconds(text: str) -> float:
    try:
        seconds = float(text or _SECONDS)
    except ValueError:
        seconds = 0
    if not 1 <= seconds <= 86_400:  # noqa: PLR2004 - a day
        raise SettingsError(f"{SNAPSHOT_SECONDS} is {text!r}: write seconds, from 1 to 86400")
    return seconds


def _built_from() -> str:
    try:
        return (user_config_path("codetune") / COMMIT_FILE).read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
