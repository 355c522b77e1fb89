"""Finds the files to review: those named, and those below the directories named."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from codetune_core.sections import FileSettings
from codetune_core.workspace.ignores import Ignores


@dataclass(frozen=True, slots=True)
class Target:
    """A file to review.

    ``named`` says that the user asked for this very file, which is reviewed even where its kind is left out.
    """

    path: Path
    named: bool


@dataclass(slots=True)
class Discovery:
    """The files in a stable order, how much was left out and why, and what could not be looked at."""

    targets: list[Target] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    problems: list[tuple[Path, str]] = field(default_factory=list)


def discover(paths: Iterable[Path], root: Path, files: FileSettings) -> Discovery:
    """Find the files of some paths, each once.

    Links met on the way are not followed: what they lead to is met by itself, or is not part of the workspace.

    Args:
        paths: files and directories, as the user named them.
        root: the workspace's directory, to which ``files.exclude`` is relative.
        files: the settings' part of it.
    """
    discovery = Discovery()
    ignores = Ignores(root.resolve(), files)
    seen: set[Path] = set()
    for path in paths:
        for target in _below(path, ignores, discovery):
            real = target.path.resolve()
            if real not in seen:
                seen.add(real)
                discovery.targets.append(target)
    return discovery


def _below(path: Path, ignores: Ignores, discovery: Discovery) -> Iterator[Target]:
    try:
        # Not strict: what is wrong with a path that leads nowhere is said when it is read.
        folder = path.resolve()
    except (OSError, RuntimeError):  # a loop of links; RuntimeError before Python 3.13
        discovery.problems.append((path, "cannot be read: too many levels of symbolic links"))
        return
    if folder.is_dir():
        yield from _walk(path, folder, ignores, discovery)
    else:
        yield Target(path, named=True)


def _walk(shown: Path, folder: Path, ignores: Ignores, discovery: Discovery) -> Iterator[Target]:
    """Walk a directory, files and folders together by name; ``shown`` is the same directory as the user named it."""
    try:
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except OSError as error:
        discovery.problems.append((shown, f"cannot be listed: {(error.strerror or str(error)).lower()}"))
        return
    for entry in entries:
        directory = entry.is_dir(follow_symlinks=False)
        reason = _kind(entry) or ignores.why(folder / entry.name, directory=directory)
        if reason:
            discovery.skipped[reason] += 1
        elif directory:
            yield from _walk(shown / entry.name, folder / entry.name, ignores, discovery)
        else:
            yield Target(shown / entry.name, named=False)


def _kind(entry: os.DirEntry[str]) -> str:
    if entry.is_symlink():
        return "symbolic link"
    is_known = entry.is_dir(follow_symlinks=False) or entry.is_file(follow_symlinks=False)
    return "" if is_known else "not a regular file"
