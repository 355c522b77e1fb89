"""Which files of a workspace import a module and name a symbol of it, and which symbols an edit changes."""

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from codetune_core.domain.document import Document
from codetune_core.sections import FileSettings
from codetune_core.workspace.discover import discover

_LARGEST = 1_000_000
"""Bytes: larger files are not looked at."""
_TEST_FILE = re.compile(r"^(?:test_.*|.*_test)\.py$")
_NAMED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def changed_symbols(before: Document, after: Document) -> frozenset[str]:
    """Names of the top-level functions, classes and variables whose code differs between two texts that parse.

    Imports count for nothing: what needs them differs itself. Code that binds no name counts as all names of the
    module, told by an empty set.
    """
    was, is_now = _definitions(before.text), _definitions(after.text)
    changed = {name for name in was.keys() | is_now.keys() if was.get(name) != is_now.get(name)}
    return frozenset() if "" in changed else frozenset(changed)


def is_test_file(path: Path) -> bool:
    """Say whether pytest takes a file for tests by its name, as it does by default."""
    return bool(_TEST_FILE.match(path.name))


def importers(root: Path, path: Path, symbols: Iterable[str] = ()) -> list[Path]:
    """Python files of a workspace that import the module at a path and name one of the symbols, in a stable order.

    Without symbols all that import it; a test module reaches itself.
    """
    module = module_name(root, path)
    words = re.compile(rf"\b(?:{'|'.join(map(re.escape, sorted(symbols)))})\b") if symbols else re.compile("")
    files = (target.path for target in discover([root], root, FileSettings()).targets)
    return [file for file in files if file.suffix == ".py" and _reaches(file, root, path, module, words)]


def module_name(root: Path, path: Path) -> str:
    """Qualified name of a file's module, by the packages around it, such as ``shop.basket``."""
    parts = [] if path.stem == "__init__" else [path.stem]
    folder = path.parent
    while (folder / "__init__.py").is_file() and folder != root and folder.is_relative_to(root):
        parts.insert(0, folder.name)
        folder = folder.parent
    return ".".join(parts)


def _reaches(file: Path, root: Path, path: Path, module: str, words: re.Pattern[str]) -> bool:
    if file == path:
        return is_test_file(path)
    try:
        text = file.read_text("utf-8") if file.stat().st_size <= _LARGEST else ""
        if module.rpartition(".")[2] not in text or not words.search(text):
            return False
        tree = ast.parse(text)
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    package = PurePosixPath(module_name(root, file).replace(".", "/"))
    return any(_is_same(name, module) for name in _imported(tree, package, is_init=file.stem == "__init__"))


def _is_same(name: str, module: str) -> bool:
    """Whether an imported name is the module or something in it, also where packages begin at another folder."""
    return name == module or name.startswith(f"{module}.") or f".{module}." in f".{name}."


def _imported(tree: ast.Module, module: PurePosixPath, *, is_init: bool) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            levels = node.level - is_init
            base = [*module.parts[: max(0, len(module.parts) - levels)]] if node.level else []
            source = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{source}.{alias.name}".lstrip(".") for alias in node.names)


def _definitions(text: str) -> dict[str, list[str]]:
    """What defines each top-level name, positions left out; the name is empty for code that defines none."""
    found: dict[str, list[str]] = {}
    for node in ast.parse(text.removeprefix("\ufeff")).body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            continue
        names = [node.name] if isinstance(node, _NAMED) else [*_assigned(node)] or [""]
        for name in names:
            found.setdefault(name, []).append(ast.dump(node))
    return found


def _assigned(node: ast.stmt) -> Iterator[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    yield from (each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name))
