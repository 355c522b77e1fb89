"""New tests put into a file: below those that are there, their imports among its imports, and no name taken twice."""

import ast
from collections.abc import Iterator

from codetune_core.domain.document import Document
from codetune_core.domain.text import Edit, Position, Range, split_lines
from codetune_core.mending.proposal import Proposal

Imports = ast.Import | ast.ImportFrom


def with_tests(document: Document, code: str) -> Proposal:
    """What adds tests, a whole file by themselves, to a file that may be empty; raises SyntaxError where it is broken.

    Refused where the tests do not parse, or give a name that the file has another meaning for.
    """
    code = code.replace("\r\n", "\n").replace("\r", "\n").strip("\n") + "\n"
    try:
        new = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return Proposal(refused=f"the tests do not parse: {error}")
    end = _end(document)
    if not document.text.strip():
        return Proposal((Edit(Range(Position(0, 0), end), code),))
    old = ast.parse(document.text.removeprefix("\ufeff"))
    imports = [node for node in new.body if isinstance(node, Imports)]
    if clashes := _clashes(old, new, imports):
        return Proposal(refused=f"the file of tests has already {', '.join(clashes)}: choose other names")
    body = "".join(_without(code, imports)).strip("\n")
    if not body:
        return Proposal(refused="there is no test in the answer")
    line_end = "\r\n" if "\r\n" in document.text else "\n"
    known = dict(_imported(old))
    head = "".join(_written(node, known) for node in imports)
    begun = "\n\n" if document.text.endswith(("\n", "\r")) else "\n\n\n"
    at = Position(_line_of_imports(old), 0)
    places = ((Range(at, at), head), (Range(end, end), f"{begun}{body}\n"))
    return Proposal(tuple(Edit(place, text.replace("\n", line_end)) for place, text in places if text))


def _clashes(old: ast.Module, new: ast.Module, imports: list[Imports]) -> list[str]:
    """Names to which the new tests would give another meaning than the file does."""
    known, taken = dict(_imported(old)), _defined(old)
    bound = [pair for node in imports for pair in _bound(node)]
    others = {name for name, of in bound if known.get(name, of) != of or name in taken}
    return sorted(_defined(new) & (taken | known.keys()) | others)


def _end(document: Document) -> Position:
    return document.position(len(document.text))


def _without(code: str, imports: list[Imports]) -> list[str]:
    """The lines of a file without its imports and the docstring before them."""
    tree = ast.parse(code)
    gone = {line for node in imports for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)}
    if ast.get_docstring(tree, clean=False) is not None:
        first = tree.body[0]
        gone |= set(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    return [line for number, line in enumerate(split_lines(code), 1) if number not in gone]


def _imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in tree.body:
        if isinstance(node, Imports):
            yield from _bound(node)


def _bound(node: Imports) -> Iterator[tuple[str, str]]:
    """Each name that an import binds, and what it then stands for."""
    if isinstance(node, ast.ImportFrom):
        of = "." * node.level + (node.module or "")
        yield from ((alias.asname or alias.name, f"{of}:{alias.name}") for alias in node.names)
    else:
        yield from ((alias.asname or alias.name.partition(".")[0], _of(alias)) for alias in node.names)


def _of(alias: ast.alias) -> str:
    return alias.name if alias.asname else alias.name.partition(".")[0]


def _written(node: Imports, known: dict[str, str]) -> str:
    """An import without what is known, as text; empty where nothing is left."""
    if isinstance(node, ast.ImportFrom) and node.module == "__future__":
        return ""
    pairs = list(zip(node.names, _bound(node), strict=True))
    left = [alias for alias, (name, _) in pairs if name not in known or "." in alias.name]
    if not left:
        return ""
    if isinstance(node, ast.ImportFrom):
        return ast.unparse(ast.ImportFrom(node.module, left, node.level)) + "\n"
    return ast.unparse(ast.Import(left)) + "\n"


def _defined(tree: ast.Module) -> set[str]:
    found: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)}
    return found


def _line_of_imports(tree: ast.Module) -> int:
    """The line (from 0) below the last import at the top of a file, else below its docstring."""
    line = 0
    for number, node in enumerate(tree.body):
        is_docstring = number == 0 and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if not (isinstance(node, Imports) or is_docstring):
            break
        line = node.end_lineno or node.lineno
    return line
