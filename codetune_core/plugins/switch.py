"""Switches plugins and detectors off and on in the user's own ``codetune.toml``, and leaves the rest of it as it is."""

import tomllib
from typing import Any

import tomlkit
from platformdirs import user_config_path
from tomlkit.exceptions import TOMLKitError

from codetune_core.errors import SettingsError
from codetune_core.plugins.discover import Found
from codetune_core.plugins.metadata import Kind
from codetune_core.settings import FILE_NAME
from codetune_core.workspace.write import replace_file


def section_of(found: Found) -> str:
    """Return the section of the settings whose ``disabled`` names it."""
    return "detectors" if found.kind is Kind.DETECTOR else "plugins"


def switch(found: Found, *, on: bool) -> bool:
    """Write a plugin into the list of what is switched off, or take it out; say whether that changed anything.

    Raises SettingsError where the file cannot be read, written, or kept as it is beside that.
    """
    path, section = user_config_path("codetune") / FILE_NAME, section_of(found)
    try:
        text = path.read_text("utf-8") if path.exists() else ""
        before = tomllib.loads(text)
        names = before.get(section, {}).get("disabled", [])
        if (found.name in names) is not on:
            return False
        after = [name for name in names if name != found.name] if on else [*names, found.name]
        written = _with(text, section, after)
        _expect_rest_kept(before, tomllib.loads(written), section, after)
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, written.encode())
    except (OSError, ValueError, TypeError, AttributeError, TOMLKitError) as error:
        raise SettingsError(f"{path} cannot be changed: {error}. Set {section}.disabled in it yourself.") from error
    return True


def _with(text: str, section: str, names: list[str]) -> str:
    document: Any = tomlkit.parse(text)
    table = document.setdefault(section, tomlkit.table())
    held = table.setdefault("disabled", tomlkit.array())
    for name in [name for name in held if name not in names]:
        held.remove(name)
    held.extend(name for name in names if name not in held)
    return tomlkit.dumps(document)


def _expect_rest_kept(before: dict[str, Any], after: dict[str, Any], section: str, names: list[str]) -> None:
    expected = {**before, section: {**before.get(section, {}), "disabled": names}}
    if after != expected:
        raise ValueError("it would not stay as it is")
