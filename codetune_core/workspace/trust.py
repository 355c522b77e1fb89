"""Remembers which workspaces the user trusts to name commands that CodeTune runs, and whom it asks."""

import os
import tomllib
from pathlib import Path
from typing import Any

import tomli_w
from platformdirs import user_config_path

from codetune_core.errors import SettingsError
from codetune_core.workspace.write import replace_file

VARIABLE = "CODETUNE_TRUST_WORKSPACE"
"""Environment variable that trusts the workspace at hand, for continuous integration."""
_TRUSTED = "workspaces"
_NEVER_ASKED = "never_ask"


def trust_file() -> Path:
    """Where trust is remembered: in the user's own configuration, out of a workspace's reach."""
    return user_config_path("codetune") / "trusted.toml"


def is_trusted(workspace: Path | None) -> bool:
    """Say whether a workspace, or a directory around it, is trusted; a file that cannot be read trusts nothing."""
    if os.environ.get(VARIABLE) == "1":
        return True
    try:
        trusted = trusted_workspaces()
    except SettingsError:
        return False
    return workspace is not None and any(workspace.resolve().is_relative_to(folder) for folder in trusted)


def trusted_workspaces() -> tuple[Path, ...]:
    """Every trusted directory, sorted; raises SettingsError where the file is broken."""
    return _read(_TRUSTED)


def set_trust(workspace: Path, *, trusted: bool) -> bool:
    """Trust a directory with everything below it, or trust it no more; say whether that changed anything.

    Raises SettingsError where the file cannot be read or written.
    """
    return _write(_TRUSTED, workspace, present=trusted)


def asks_about(workspace: Path) -> bool:
    """Say whether the user wants to be asked about a workspace; where the file is broken, nobody is."""
    try:
        return workspace.resolve() not in _read(_NEVER_ASKED)
    except SettingsError:
        return False


def never_ask(workspace: Path) -> None:
    """Remember that the user does not want to be asked; raises SettingsError where that cannot be written."""
    _write(_NEVER_ASKED, workspace, present=True)


def _read(name: str) -> tuple[Path, ...]:
    path = trust_file()
    written = _tables(path).get(name, [])
    if not isinstance(written, list) or not all(isinstance(entry, str) for entry in written):
        raise SettingsError(f"{path}: `{name}` is not a list of directories. Mend it, or remove it.")
    return tuple(sorted(Path(entry) for entry in written))


def _tables(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path} cannot be read: {error}. Mend it, or remove it to trust nothing.") from error


def _write(name: str, workspace: Path, *, present: bool) -> bool:
    folder, before = workspace.resolve(), set(_read(name))
    after = before | {folder} if present else before - {folder}
    if after == before:
        return False
    path = trust_file()
    tables = {**_tables(path), name: sorted(map(str, after))}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, tomli_w.dumps(tables).encode())
    except OSError as error:
        raise SettingsError(f"{path} cannot be written: {error.strerror or error}") from error
    return True
