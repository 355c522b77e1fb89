"""Decides which paths of a workspace are left out: version control, environments, caches, ``.gitignore``, settings."""

import os
import re
from functools import lru_cache
from pathlib import Path

from pathspec import GitIgnoreSpec

from codetune_core.sections import FileSettings
from codetune_core.workspace.skip import VENDORED

_DIRECTORY = "ps_d"
"""The group with which pathspec's expressions mark that they matched a directory."""
_VERSION_CONTROL = frozenset((".git", ".hg", ".svn", ".bzr", ".jj", "CVS"))
_ENVIRONMENTS = frozenset((".venv", ".virtualenv", ".tox", ".nox", ".eggs", "__pypackages__", ".direnv"))
_CACHES = frozenset((
    "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", ".pytype", ".pyre",
    ".ipynb_checkpoints", ".import_linter_cache", ".cache", ".parcel-cache", ".terraform", ".gradle", ".next",
    ".svelte-kit",
))  # fmt: skip


class Ignores:
    """What one workspace leaves out; the files that say so are read once."""

    def __init__(self, root: Path, files: FileSettings) -> None:
        self._root = root
        self._files = files
        self._exclude = GitIgnoreSpec.from_lines(files.exclude)
        self._top = _repository(root) if files.respect_gitignore else None
        self._specs: dict[Path, GitIgnoreSpec | None] = {}

    def why(self, path: Path, *, directory: bool) -> str:
        """Say why one path, whose parents are not left out, is left out itself; empty where it is not."""
        if directory and (reason := self._by_name(path)):
            return reason
        if self._excluded(path, directory=directory):
            return "excluded by files.exclude"
        if self._top and self._git_ignores(path, self._top, directory=directory):
            return "ignored by .gitignore"
        return ""

    def why_anywhere(self, path: Path) -> str:
        """Say why a file is left out, itself or with a directory around it; empty where it is not."""
        below = self._top if self._top and path.is_relative_to(self._top) else self._root
        if not path.is_relative_to(below):
            return ""
        folders = [folder for folder in reversed(path.parents) if folder != below and folder.is_relative_to(below)]
        reasons = (self.why(folder, directory=True) for folder in folders)
        return next(filter(None, reasons), "") or self.why(path, directory=False)

    def _by_name(self, folder: Path) -> str:
        name = folder.name
        if name in _VERSION_CONTROL:
            return "version control"
        if name in _CACHES:
            return "cache"
        if name in _ENVIRONMENTS or (folder / "pyvenv.cfg").is_file():
            return "virtual environment"
        return "vendored" if name in VENDORED and not self._files.include_generated else ""

    def _excluded(self, path: Path, *, directory: bool) -> bool:
        return (
            path.is_relative_to(self._root) and _matches(self._exclude, self._root, path, directory=directory) is True
        )

    def _git_ignores(self, path: Path, top: Path, *, directory: bool) -> bool:
        """The nearest ``.gitignore`` that says anything decides, last of all ``.git/info/exclude``."""
        for folder in path.parents:
            if not folder.is_relative_to(top):
                break
            decided = _matches(self._spec(folder / ".gitignore"), folder, path, directory=directory)
            if decided is not None:
                return decided
        return _matches(self._spec(top / ".git" / "info" / "exclude"), top, path, directory=directory) is True

    def _spec(self, path: Path) -> GitIgnoreSpec | None:
        if path not in self._specs:
            self._specs[path] = _patterns(path)
        return self._specs[path]


def why_ignored(path: Path, root: Path, files: FileSettings) -> str:
    """Say why an editor's file is left out of the review of its workspace; empty where it is not.

    Args:
        path: absolute.
        root: the workspace's directory.
        files: the settings' part of it.
    """
    return Ignores(root, files).why_anywhere(path)


def _matches(spec: GitIgnoreSpec | None, base: Path, path: Path, *, directory: bool) -> bool | None:
    """What the last pattern that matches this very path says; None where none does.

    A pattern of pathspec also matches what lies below the directory that it names. Git asks directory by directory
    instead, which differs where a nearer file lets a directory back in.
    """
    if spec is None:
        return None
    relative = path.relative_to(base).as_posix() + ("/" if directory else "")
    for pattern in reversed(list(spec.patterns)):
        if pattern.regex is not None and _names(pattern.regex, relative):
            return pattern.include
    return None


def _names(expression: re.Pattern[str], relative: str) -> bool:
    """Tell whether a pattern is about this very path, and not only about a directory above it.

    The expression of ``*/`` matches at each ``/``; that of ``a/**`` has no such group, and is not about ``a`` itself.
    """
    if _DIRECTORY not in expression.groupindex:
        return expression.search(relative.rstrip("/")) is not None
    matches = expression.finditer(relative)
    return any(match[_DIRECTORY] is None or match.end() == len(relative) for match in matches)


def _patterns(path: Path) -> GitIgnoreSpec | None:
    try:
        status = os.stat(path)  # noqa: PTH116 - asked for every directory of a workspace
    except OSError:
        return None
    return _read_patterns(path, status.st_mtime_ns)


@lru_cache(maxsize=1024)
def _read_patterns(path: Path, _changed: int) -> GitIgnoreSpec | None:
    try:
        return GitIgnoreSpec.from_lines(path.read_text("utf-8", "replace").splitlines())
    except (OSError, ValueError):
        return None


def _repository(root: Path) -> Path | None:
    """The directory that has the ``.git`` around a workspace; the workspace itself where none has."""
    return next((folder for folder in (root, *root.parents) if (folder / ".git").exists()), root)
