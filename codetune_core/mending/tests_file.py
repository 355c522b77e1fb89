"""Where tests for a module go: into its file of tests where there is one, else where the project's layout has them."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePath

from codetune_core.fixes.ladder.reaching import importers, is_test_file
from codetune_core.sections import FileSettings
from codetune_core.workspace.discover import discover

_FOLDERS = ("tests", "test")
_SOURCES = ("src", "lib")
_NAME = re.compile(r"[^\W\d]\w*")


def tests_file(root: Path, path: Path) -> Path:
    """The file of tests for a module of a workspace, which need not be there yet.

    Args:
        root: the workspace's directory.
        path: the module's file, inside it.
    """
    files = [target.path for target in discover([root], root, FileSettings()).targets if target.path.suffix == ".py"]
    tests = [file for file in files if is_test_file(file) and file != path]
    names = (f"test_{path.stem}.py", f"{path.stem}_test.py")
    folder = _folder(root, path, tests)
    for name in names:
        if folder / name in tests:
            return folder / name
    name = imported_as(root, path)
    about = {file for file in importers(root, path) if name in file.read_text("utf-8", "replace")}
    own = [file for file in tests if file.name in names and file in about]
    near = [file for file in tests if file.parent == folder]
    return own[0] if own else folder / names[_end_with_test(near or tests)]


def imported_as(root: Path, path: Path) -> str:
    """The name by which tests import a module, such as ``shop.prices``; empty where it has none."""
    parts = [*path.relative_to(root).with_suffix("").parts]
    if parts[0] in _SOURCES and len(parts) > 1 and not (root / parts[0] / "__init__.py").is_file():
        parts = parts[1:]
    if parts[-1] == "__init__" and len(parts) > 1:
        parts = parts[:-1]
    return ".".join(parts) if all(_NAME.fullmatch(part) for part in parts) else ""


def _folder(root: Path, path: Path, tests: Sequence[Path]) -> Path:
    if any(file.parent == path.parent for file in tests):
        return path.parent
    for above in path.parents:
        for name in _FOLDERS:
            if any(file.is_relative_to(above / name) for file in tests) or (above / name).is_dir():
                return _mirrored(above / name, path.parent.relative_to(above), tests)
        if above == root:
            break
    return root / _FOLDERS[0]


def _mirrored(folder: Path, inside: PurePath, tests: Iterable[Path]) -> Path:
    """The folder of tests that stands for a folder of modules: with the package's name, without it, or none."""
    parts = inside.parts[1:] if inside.parts[:1] and inside.parts[0] in _SOURCES else inside.parts
    ways = [way for way in (parts, parts[1:]) if way]
    for way in ways:
        if any(file.is_relative_to(folder / way[0]) for file in tests):
            return folder.joinpath(*way)
    return folder


def _end_with_test(tests: Sequence[Path]) -> bool:
    return sum(file.stem.endswith("_test") for file in tests) * 2 > len(tests)
