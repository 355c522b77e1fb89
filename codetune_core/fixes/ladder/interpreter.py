"""The Python that a workspace is run with, and where it looks for modules; found by reading, never by running it."""

import os
import re
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

_FOLDERS = (".venv", "venv", "env", ".env")
_VERSION = re.compile(r"^\s*version(?:_info)?\s*=\s*(\d+)\.(\d+)", re.MULTILINE)
_HOME = re.compile(r"^\s*home\s*=\s*(.+?)\s*$", re.MULTILINE)
_SYSTEM = re.compile(r"^\s*include-system-site-packages\s*=\s*true\s*$", re.MULTILINE | re.IGNORECASE)
_LARGEST = 1_000_000
"""Bytes of a file that configures an environment."""
_PARENTS = 6
"""How many folders above the document may hold packages that it imports from."""


@dataclass(frozen=True)
class Interpreter:
    """A Python.

    Attributes:
        program: what to run.
        version: major and minor.
        stdlib: folders of its standard library, the extension modules' included.
        sites: folders of installed packages.
    """

    program: Path
    version: tuple[int, int]
    stdlib: tuple[Path, ...]
    sites: tuple[Path, ...]

    @cached_property
    def path(self) -> tuple[Path, ...]:
        """Where it looks for modules that are not the workspace's, folders of editable installs included."""
        return (*self.stdlib, *self.sites, *(folder for site in self.sites for folder in _linked(site)))

    @cached_property
    def declared(self) -> frozenset[str]:
        """Top-level modules that installed distributions say they bring, wherever these are."""
        lists = (found for site in self.sites for found in site.glob("*.dist-info/top_level.txt"))
        return frozenset(name.strip() for found in lists for name in _text(found).split())


def interpreter_of(root: Path | None, program: Path | None = None) -> Interpreter:
    """The interpreter of a workspace: the one named, its virtual environment's, or the running one."""
    environments = [program.parent.parent] if program else [root / name for name in _FOLDERS] if root else []
    for folder in environments:
        if (folder / "pyvenv.cfg").is_file():
            return _of_environment(folder)
    return running()


def running() -> Interpreter:
    """The interpreter that runs this."""
    paths = sysconfig.get_paths()
    stdlib = (Path(paths["stdlib"]), Path(paths["platstdlib"]), Path(paths["stdlib"]) / "lib-dynload")
    sites = tuple(dict.fromkeys((Path(paths["purelib"]), Path(paths["platlib"]))))
    return Interpreter(Path(sys.executable), sys.version_info[:2], tuple(dict.fromkeys(stdlib)), sites)


def source_roots(root: Path | None, document: Path | None) -> tuple[Path, ...]:
    """Folders of a workspace that modules may be imported from: itself, its folders, and those around the document."""
    roots: list[Path] = []
    if document:
        roots += [folder for folder in document.parents[:_PARENTS] if root is None or folder.is_relative_to(root)][
            : _PARENTS if root else 1
        ]
    if root:
        roots += [root, root / "src", *_subfolders(root)]
    return tuple(dict.fromkeys(roots))


def _of_environment(folder: Path) -> Interpreter:
    about = _text(folder / "pyvenv.cfg")
    found, home = _VERSION.search(about), _HOME.search(about)
    version = (int(found[1]), int(found[2])) if found else sys.version_info[:2]
    own = running()
    base = Path(home[1]).parent if home else None
    name = f"python{version[0]}.{version[1]}"
    stdlib = own.stdlib if version == own.version else ()
    if base and (base / "lib" / name / "os.py").is_file():
        stdlib = (base / "lib" / name, base / "lib" / name / "lib-dynload")
    elif base and (base / "Lib" / "os.py").is_file():
        stdlib = (base / "Lib", base / "DLLs")
    sites = [folder / "lib" / name / "site-packages", folder / "lib64" / name / "site-packages"]
    sites += [folder / "Lib" / "site-packages"]
    if base and _SYSTEM.search(about):
        sites += [base / "lib" / name / "site-packages", base / "lib" / "python3" / "dist-packages"]
    kept = {site.resolve(): site for site in sites if site.is_dir()}
    return Interpreter(_program(folder), version, stdlib, tuple(kept))


def _program(folder: Path) -> Path:
    return folder / "Scripts" / "python.exe" if os.name == "nt" else folder / "bin" / "python"


def _linked(site: Path) -> Iterator[Path]:
    """Folders that path files (``*.pth``) add; their lines that begin with ``import`` are code, and not run."""
    for found in sorted(site.glob("*.pth")):
        for line in _text(found).splitlines():
            if line.strip() and not line.startswith(("#", "import ", "import\t")) and (site / line.strip()).is_dir():
                yield site / line.strip()


def _subfolders(root: Path) -> list[Path]:
    try:
        with os.scandir(root) as listing:
            names = [entry.name for entry in listing if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []
    return [root / name for name in sorted(names) if not name.startswith((".", "_")) and name != "node_modules"]


def _text(path: Path) -> str:
    """Text of a small regular file; empty for any other, as a workspace may have pipes and endless files anywhere."""
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST:
            return ""
        return path.read_text("utf-8", "replace")
    except (OSError, ValueError):
        return ""
