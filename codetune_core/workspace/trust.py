"""Remembers which workspaces the user trusts to name commands that CodeTune runs."""

import os
import tomllib
from pathlib import Path

import tomli_w
from platformdirs import user_config_path

from codetune_core.errors import SettingsError
from codetune_core.workspace.write import replace_file

VARIABLE = "CODETUNE_TRUST_WORKSPACE"
"""Environment variable that trusts the workspace at hand, for continuous integration."""


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
    path = trust_file()
    try:
        written = tomllib.loads(path.read_text("utf-8")).get("workspaces", [])
    except FileNotFoundError:
        return ()
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path} cannot be read: {error}. Mend it, or remove it to trust nothing.") from error
    if not isinstance(written, list) or not all(isinstance(entry, str) for entry in written):
        raise SettingsError(f"{path}: `workspaces` is not a list of directories. Mend it, or remove it.")
    return tuple(sorted(Path(entry) for entry in written))


def set_trust(workspace: Path, *, trusted: bool) -> bool:
    """Trust a directory with everything below it, or trust it no more; say whether that changed anything.

    Raises SettingsError where the file cannot be read or written.
    """
    folder, before = workspace.resolve(), set(trusted_workspaces())
    after = before | {folder} if trusted else before - {folder}
    if after == before:
        return False
    path = trust_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, tomli_w.dumps({"workspaces": sorted(map(str, after))}).encode())
    except OSError as error:
        raise SettingsError(f"{path} cannot be written: {error.strerror or error}") from error
    return True
