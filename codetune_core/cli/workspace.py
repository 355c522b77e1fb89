"""The workspace a command works in: its directory, its settings, and what was wrong in them."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codetune_core.domain.document import Document
from codetune_core.domain.review import Notice
from codetune_core.settings import Options, Settings, read_options, resolve
from codetune_core.workspace.root import workspace_root
from codetune_core.workspace.trust import is_trusted


@dataclass(frozen=True, slots=True)
class Workspace:
    """Where a command works.

    Attributes:
        root: the directory.
        trusted: whether it may name commands to run.
        settings: what holds.
        sources: names of the files that settings came from, the later one wins.
        notices: mistakes in them.
    """

    root: Path
    trusted: bool
    settings: Settings
    sources: tuple[str, ...]
    notices: tuple[Notice, ...]


def open_workspace(paths: Sequence[Path], command_line: Mapping[str, Any]) -> Workspace:
    """The workspace around some paths, with settings from files and from the command line."""
    root = workspace_root(paths)
    trusted = is_trusted(root)
    options, unreadable = read_options(root, trusted=trusted)
    resolved = resolve([*options, Options("command line", command_line)])
    sources = tuple(option.source for option in options)
    return Workspace(root, trusted, resolved.settings, sources, (*unreadable, *resolved.notices))


def shown_path(path: Path) -> str:
    """A path as reports show it: relative to the working directory where it can be, with ``/``."""
    try:
        return Path(os.path.relpath(path)).as_posix()
    except ValueError:  # another drive
        return path.as_posix()


def shown_uri(uri: str) -> str:
    """The path of a file's URI as reports show it; another URI as it is."""
    path = Document(uri, "", "").path
    return shown_path(path) if path else uri


def relative_to(path: Path, root: Path) -> str:
    """A path relative to a workspace, with ``/``; empty where it lies outside."""
    absolute, top = path.resolve(), root.resolve()
    return absolute.relative_to(top).as_posix() if absolute.is_relative_to(top) else ""
