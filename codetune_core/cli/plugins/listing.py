"""Plugins as they are found where a command runs, for people and for programs."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from codetune_core.cli.exit_codes import ExitCode
from codetune_core.cli.formats.visible import visible
from codetune_core.cli.workspace import open_workspace
from codetune_core.errors import SettingsError
from codetune_core.plugins.discover import Found, Status, discover, unknown

_CAPABILITIES = {
    "model": "models, of those that CodeTune lends",
    "network": "the network",
    "files": "your files",
    "processes": "programs that it starts",
}


def found_here() -> tuple[Found, ...]:
    """Return the plugins of the workspace around the working directory; mistakes in settings are said."""
    workspace = open_workspace([Path()], {})
    for notice in workspace.notices:
        click.echo(f"notice: {notice.text}", err=True)
    return discover(workspace.settings, workspace.root, trusted=workspace.trusted)


def named_here(name: str) -> Found:
    """Return the plugin of a name; without one, the program ends."""
    known = found_here()
    found = next((each for each in known if each.name == name), None)
    if found is None:
        click.echo(f"codetune: {unknown(name, (each.name for each in known))}", err=True)
        sys.exit(ExitCode.USAGE)
    return found


def switched(name: str, *, on: bool) -> str:
    """Switch a plugin and say what holds now; raises SettingsError where the file of another decides."""
    from codetune_core.plugins.switch import section_of, switch  # noqa: PLC0415 - only here TOML is written

    found = named_here(name)
    changed = switch(found, on=on)
    wanted, now = "on" if on else "off", named_here(name)
    if (now.status is Status.DISABLED) is on:
        key = f"{section_of(found)}.disabled"
        raise SettingsError(
            f"{name} is not switched {wanted}: {key} of this workspace's own settings goes before yours"
        )
    return f"{name} is {'now' if changed else 'already'} switched {wanted}"


def as_json(found: Found) -> dict[str, Any]:
    """An object for programs."""
    metadata = found.metadata.model_dump(mode="json")
    return {**metadata, "kind": found.kind, "origin": found.origin, "status": found.status, "reason": found.reason}


def as_table(found: Sequence[Found]) -> Iterator[str]:
    """Lines for people, one for each: what it gives, or why it cannot be used."""
    rows = [(each.name, each.kind.value, each.metadata.version, each.status.value, _gives(each)) for each in found]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(4)]
    for row in rows:
        cells = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False))
        yield f"{cells}  {visible(row[4])}".rstrip()


def _gives(found: Found) -> str:
    if found.reason:
        return f"{found.reason} ({found.origin})" if found.status is not Status.DISABLED else found.reason
    return ", ".join(found.metadata.tasks) or found.metadata.description


def as_lines(found: Found) -> Iterator[str]:
    """Everything that is known, a line for each."""
    metadata = found.metadata
    reason = f": {found.reason}" if found.reason else ""
    known = {
        "name": metadata.name,
        "status": f"{found.status}{reason}",
        "kind": found.kind.value,
        "about": metadata.description,
        "version": metadata.version,
        "author": metadata.author,
        "from": found.origin,
        "tasks": ", ".join(metadata.tasks),
        "uses": "; ".join(_CAPABILITIES[each] for each in metadata.capabilities),
        "model": metadata.model,
        "tags": ", ".join(metadata.tags),
        "interface": metadata.interface,
    }
    yield from (f"{name:<9}  {visible(value)}" for name, value in known.items() if value)
