"""Finds the workspace that a path belongs to."""

import os
import tomllib
from collections.abc import Iterable
from pathlib import Path

from codetune_core.settings import FILE_NAME


def workspace_root(paths: Iterable[Path]) -> Path:
    """The nearest directory around all paths that has a ``codetune.toml``, a ``[tool.codetune]`` or a ``.git``.

    Where there is none, the working directory if it holds the paths, else the directory that they have in common.
    """
    start = _common_directory([Path(os.path.abspath(path)) for path in paths])  # noqa: PTH100 - links stay links
    unmarked = Path.cwd() if start.is_relative_to(Path.cwd()) else start
    return next((folder for folder in (start, *start.parents) if _marks_root(folder)), unmarked)


def _common_directory(paths: list[Path]) -> Path:
    try:
        common = Path(os.path.commonpath(paths))
    except ValueError:  # no path, or several drives
        return Path.cwd()
    return common if common.is_dir() else common.parent


def _marks_root(folder: Path) -> bool:
    return (folder / FILE_NAME).is_file() or (folder / ".git").exists() or _has_table(folder / "pyproject.toml")


def _has_table(pyproject: Path) -> bool:
    try:
        tool = tomllib.loads(pyproject.read_text("utf-8")).get("tool", {})
    except (OSError, ValueError):
        return False
    return isinstance(tool, dict) and "codetune" in tool
