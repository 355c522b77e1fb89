"""Where a module is and which names it has, told from files: nothing of the workspace is imported or run."""

import ast
import builtins
import importlib
import importlib.util
import sys
import warnings
from collections.abc import Iterator, Sequence
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

from codetune_core.fixes.ladder.interpreter import Interpreter, running
from codetune_core.fixes.ladder.module_text import Names, absolute, binds, imported, is_dynamic, namespaces, top_level

_LARGEST = 2_000_000
"""Bytes: a larger module is not read, and may have any name."""
_DEPTH = 6
"""How many ``from x import *`` are followed, one into the other."""
_OPEN = Names(is_open=True)


class Modules:
    """The modules that code of one workspace can import, each looked at once."""

    def __init__(self, interpreter: Interpreter, roots: Sequence[Path]) -> None:
        self._interpreter = interpreter
        self._path = (*roots, *interpreter.path)
        self._names: dict[str, Names] = {}
        self._listings: dict[Path, frozenset[str]] = {}

    def exists(self, module: str) -> bool:
        """Say whether a module of this qualified name can be imported, as far as files tell."""
        owner = module.rpartition(".")[0]
        if self._places(module) or module in sys.stdlib_module_names or module == "__main__":
            return True
        if owner:  # a package may put what it likes under its name, as `os` does with `os.path`
            return self.exists(owner) and (self.names(owner).is_open or bool(self.resolve(module)))
        return module in self._interpreter.declared

    def resolve(self, name: str, depth: int = _DEPTH) -> frozenset[str]:
        """The modules that a name may stand for, such as ``posixpath`` for ``os.path``; none where unknown."""
        owner, _, last = name.rpartition(".")
        if not owner:
            return frozenset((name,)) if self.exists(name) else frozenset()
        found = frozenset[str]()
        for module in self.resolve(owner, depth - 1) if depth > 0 else ():
            names, inner = self.names(module), f"{module}.{last}"
            meant = names.aliases.get(last, frozenset()) if last in names.known else frozenset((inner,))
            ends = [self._end(each, inner, depth) for each in meant]
            if not ends or not all(ends):
                return frozenset()
            found = found.union(*ends)
        return found

    def _end(self, name: str, inner: str, depth: int) -> frozenset[str]:
        if name == inner:
            return frozenset((inner,)) if self._places(inner) else frozenset()
        return self.resolve(name, depth - 1)

    def names(self, module: str, depth: int = _DEPTH) -> Names:
        """The names of a module; open where its text does not tell."""
        if module not in self._names:
            self._names[module] = _OPEN  # while it is looked at: modules that import each other by `*`
            self._names[module] = self._look(module, depth)
        return self._names[module]

    def has(self, module: str, name: str) -> bool:
        """Say whether a module may have an attribute or a submodule of a name."""
        names = self.names(module)
        return names.is_open or name in names.known or _is_special(name) or self.exists(f"{module}.{name}")

    def similar(self, module: str = "") -> list[str]:
        """What somebody may have meant: the names of a module, or where none is named, every top-level module."""
        return sorted(self.names(module).known) if module else sorted(self._top_level())

    def _places(self, module: str) -> list[Path]:
        """Files that may be a module, and folders that may be one without an ``__init__``.

        What is found in several folders of the workspace counts everywhere: which one is meant is not known here.
        """
        folders = list(self._path)
        *packages, last = module.split(".")
        for package in packages:
            folders = [folder / package for folder in folders if (folder / package).is_dir()]
        found = [place for folder in folders if (place := self._place(folder, last))]
        return [place for place in found if place.suffix] or found  # a file goes before any mere folder

    def _place(self, folder: Path, name: str) -> Path | None:
        """What makes a module of a name in a folder: the first of package, source, stub, compiled file, mere folder."""
        present = self._listing(folder)
        for file in (f"{name}.py", f"{name}.pyi"):
            if name in present and (folder / name / "__init__.py").is_file():
                return folder / name / "__init__.py"
            if file in present:
                return folder / file
        compiled = (each for each in present if each.startswith(f"{name}.") and each.endswith((".so", ".pyd")))
        if found := next(compiled, name if name in present else ""):
            return folder / found
        return None

    def _listing(self, folder: Path) -> frozenset[str]:
        if folder not in self._listings:
            try:
                self._listings[folder] = frozenset(found.name for found in folder.iterdir())
            except OSError:
                self._listings[folder] = frozenset()
        return self._listings[folder]

    def _look(self, module: str, depth: int) -> Names:
        if _is_own(module, self._interpreter):
            with warnings.catch_warnings(action="ignore"):  # that it is deprecated is for others to say
                return Names(frozenset(dir(importlib.import_module(module))))
        places = self._places(module)
        if not places or depth <= 0:
            return _OPEN
        found = [self._read(place, module, depth) for place in places]
        aliases: dict[str, frozenset[str]] = {}
        for names in found:
            for name, meant in names.aliases.items():
                aliases[name] = aliases.get(name, frozenset()) | meant
        known = frozenset[str]().union(*(names.known for names in found))
        return Names(known, aliases, any(names.is_open for names in found))

    def _read(self, place: Path, module: str, depth: int) -> Names:
        try:
            if place.suffix != ".py" or not place.is_file() or place.stat().st_size > _LARGEST:
                return _OPEN
            tree = ast.parse(place.read_bytes())
        except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
            return _OPEN
        return self._bound(tree, module if place.stem == "__init__" else module.rpartition(".")[0], depth)

    def _bound(self, tree: ast.Module, package: str, depth: int) -> Names:
        known: set[str] = set()
        aliases: dict[str, set[str]] = {}
        is_open, held = False, namespaces(tree)
        for node in top_level(tree):
            if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
                star = self._star(absolute(node, package), depth)
                known |= star.known
                is_open |= star.is_open
            elif isinstance(node, ast.Import | ast.ImportFrom):
                for bound, module in imported(node, package):
                    known.add(bound)
                    aliases.setdefault(bound, set()).add(module)
            else:
                known |= set(binds(node))
                is_open |= is_dynamic(node, held)
        known |= {name for node in ast.walk(tree) if isinstance(node, ast.Global) for name in node.names}
        other = {name for node in top_level(tree) for name in binds(node)}
        modules = {name: frozenset(found) for name, found in aliases.items() if name not in other}
        return Names(frozenset(known), modules, is_open)

    def _star(self, module: str, depth: int) -> Names:
        """What ``from module import *`` brings; nothing where it is another system's part of the standard library."""
        is_elsewhere = module in sys.stdlib_module_names and not self._is_here(module)
        return Names() if is_elsewhere else self.names(module, depth - 1)

    def _is_here(self, module: str) -> bool:
        return module in sys.builtin_module_names or bool(self._places(module))

    def _top_level(self) -> Iterator[str]:
        yield from sys.stdlib_module_names
        yield from self._interpreter.declared
        for folder in self._path:
            stems = (name.partition(".") for name in self._listing(folder))
            yield from (stem for stem, _, kind in stems if stem.isidentifier() and not kind.endswith("-info"))


def _is_own(module: str, interpreter: Interpreter) -> bool:
    """Whether a module is compiled and part of the Python that runs this, so that importing it runs nothing else."""
    if interpreter.version != sys.version_info[:2] or module not in sys.stdlib_module_names:
        return False
    spec = importlib.util.find_spec(module)
    if module in sys.builtin_module_names or spec is None or spec.origin is None:
        return module in sys.builtin_module_names
    is_compiled = spec.origin.endswith(tuple(EXTENSION_SUFFIXES))
    return is_compiled and any(Path(spec.origin).is_relative_to(folder) for folder in running().stdlib)


def _is_special(name: str) -> bool:
    return (name.startswith("__") and name.endswith("__")) or name in dir(builtins.object)
