"""Which commit is checked out around a file, read from git's own files without starting git.

Formats: gitrepository-layout(5) and git-worktree(1); of reftable(5) only whether anything changed.
"""

from dataclasses import dataclass
from pathlib import Path

_LONGEST = 4096
"""Bytes of a file that names a folder, a branch or a commit."""
_LONGEST_PACKED = 16 * 1024 * 1024
"""Of the file of many references: some hundred thousand."""


@dataclass(frozen=True, slots=True)
class Head:
    """What is checked out: ``branch`` is the full name of a reference, empty for a commit by itself."""

    branch: str
    commit: str

    def is_commit_after(self, other: "Head") -> bool:
        """Say whether the same branch got another commit since; another branch is none."""
        return self.branch == other.branch and self.commit != other.commit


def git_folder(path: Path) -> Path | None:
    """Return the git folder of the working tree around a path, that of a worktree or submodule too."""
    for folder in path.parents:
        found = folder / ".git"
        if found.is_dir():
            return found
        if (said := _line(found)).startswith("gitdir:"):
            return folder / said.removeprefix("gitdir:").strip()
    return None


def read_head(folder: Path) -> Head | None:
    """Return what is checked out in a git folder; None where it cannot be said. A branch without commits has none."""
    head = _line(folder / "HEAD")
    if not head:
        return None
    if not head.startswith("ref:"):
        return Head("", head)
    branch = head.removeprefix("ref:").strip()
    common = folder / (_line(folder / "commondir") or ".")
    if (common / "reftable").is_dir():
        return Head(branch, _line(folder / "reftable" / "tables.list") or _line(common / "reftable" / "tables.list"))
    return Head(branch, _line(folder / branch) or _line(common / branch) or _packed(common, branch))


def _packed(common: Path, branch: str) -> str:
    lines = _start(common / "packed-refs", _LONGEST_PACKED).splitlines()
    return next((line.partition(" ")[0] for line in lines if line.endswith(f" {branch}")), "")


def _line(path: Path) -> str:
    """Return the text of a short file in one piece; empty where there is none."""
    return _start(path, _LONGEST).strip()


def _start(path: Path, most: int) -> str:
    """Return what a regular file begins with; empty for anything else, as a pipe would be waited for without end."""
    try:
        if not path.is_file():
            return ""
        with path.open("rb") as file:
            return file.read(most).decode("utf-8", "replace")
    except (OSError, ValueError):  # a ValueError for a name with a NUL
        return ""
