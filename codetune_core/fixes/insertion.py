"""Where a new import statement goes: into the right section of a module's imports, in the order of isort and ruff."""

import ast
import re
import sys
from collections.abc import Iterable, Iterator, Sequence

from codetune_core.domain.document import Document
from codetune_core.domain.text import Edit, Position, Range, without_end

_STATEMENT = re.compile(r"(?:from|import) \S")
_FROM = re.compile(r"from (\S+) import (\w+)")
_ENCODING = re.compile(r"#.*coding[:=]")
_FUTURE, _STANDARD, _OTHER, _LOCAL = range(4)

ImportStatement = ast.Import | ast.ImportFrom


class Insertions:
    """Edits that add imports to one module.

    A statement goes into the first run of imports at module level: behind the last one of its section (standard
    library, others, relative) that sorts before it, with an empty line to other sections. Where ``from module import``
    stands there already, the name joins it. Without imports, it goes below docstring and header comments.
    """

    def __init__(self, document: Document, tree: ast.Module) -> None:
        self._document = document
        self._body = tree.body
        self._newline = "\r\n" if document.lines[0].endswith("\r\n") else "\n"
        self._run = _first_run(tree.body)

    def imports_from(self, module: str) -> bool:
        """Whether the first run of imports says ``from module import`` and never ``import module``."""
        plain = any(alias.name == module for node in self._run if isinstance(node, ast.Import) for alias in node.names)
        return not plain and any(_joinable(node, module) for node in self._run)

    def edit(self, statement: str, line: int) -> Edit:
        """The edit that adds a statement; it stands above the line (from 1) that needs it."""
        run = self._run if self._run and (self._run[-1].end_lineno or 0) <= line and self._clean() else []
        joined = next((node for node in run if _joinable(node, statement)), None)
        if isinstance(joined, ast.ImportFrom):
            return self._join(joined, statement)
        return self._into(run, statement) if run else self._on_top(statement)

    def _clean(self) -> bool:
        """Whether nothing else stands on the lines of the run."""
        last, first = self._run[-1], self._run[0]
        others = (node for node in self._body if node not in self._run)
        return not any(_lines(node) & {first.lineno, last.end_lineno} for node in others)

    def _into(self, run: Sequence[ImportStatement], statement: str) -> Edit:
        new = ast.parse(statement).body[0]
        if not isinstance(new, ImportStatement):
            raise TypeError(statement)
        section = [node for node in run if _section(node) == _section(new)]
        if section:
            by_name = _sorted_by_name(section)
            before = [node for node in section if _key(node, by_name) <= _key(new, by_name)]
            return self._lines_at(before[-1].end_lineno or 0 if before else self._above(section[0]), statement)
        lower = [node for node in run if _section(node) < _section(new)]
        if lower:
            line = lower[-1].end_lineno or 0
            return self._lines_at(line, statement, lead=1, gap=not self._is_blank(line))
        return self._lines_at(self._above(run[0]), statement, gap=1)

    def _join(self, node: ast.ImportFrom, statement: str) -> Edit:
        """Put the name into an existing statement, in order."""
        match = _FROM.fullmatch(statement)
        name = match[2] if match else ""
        before = [alias for alias in node.names if _name_key(alias.name) <= _name_key(name)]
        own_line = len({alias.lineno for alias in node.names} | {node.lineno}) == len(node.names) + 1
        if before:
            at = self._position(before[-1].end_lineno or 0, before[-1].end_col_offset or 0)
            separator = "," + (self._newline + self._indent(before[-1].lineno) if own_line else " ")
            return Edit(Range(at, at), separator + name)
        at = self._position(node.names[0].lineno, node.names[0].col_offset)
        separator = "," + (self._newline + self._indent(node.names[0].lineno) if own_line else " ")
        return Edit(Range(at, at), name + separator)

    def _on_top(self, statement: str) -> Edit:
        head = list(_head(self._body))
        following = self._body[len(head)] if len(head) < len(self._body) else None
        line = head[-1].end_lineno or 0 if head else self._below_header()
        if following and following.lineno == line:
            at = self._position(line, following.col_offset)
            return Edit(Range(at, at), f"{statement}; ")
        gap = 0 if self._is_blank(line) else 1 + isinstance(following, ast.FunctionDef | ast.ClassDef)
        return self._lines_at(line, statement, lead=bool(head), gap=gap)

    def _lines_at(self, line: int, statement: str, lead: int = 0, gap: int = 0) -> Edit:
        """Insert whole lines above a line (from 0)."""
        lines = self._document.lines
        if line >= len(lines):
            end = self._document.position(len(self._document.text))
            return Edit(Range(end, end), self._newline * (1 + lead) + statement)
        mark = 1 if line == 0 and lines[0].startswith("\ufeff") else 0
        at = Position(line, mark)
        return Edit(Range(at, at), self._newline * lead + statement + self._newline * (1 + gap))

    def _above(self, node: ast.stmt) -> int:
        """The line (from 0) of a statement."""
        return node.lineno - 1

    def _below_header(self) -> int:
        """The first line that is not a ``#!``, an encoding or a comment set off by an empty line."""
        lines = [without_end(line).removeprefix("\ufeff") for line in self._document.lines]
        comments = next((index for index, line in enumerate(lines) if not line.startswith("#")), len(lines))
        if comments and comments < len(lines) and not lines[comments].strip():
            return comments + 1
        first = [line for line in lines[: min(2, comments)] if line.startswith("#!") or _ENCODING.match(line)]
        return len(first)

    def _is_blank(self, line: int) -> bool:
        return line >= len(self._document.lines) or not self._document.lines[line].strip()

    def _position(self, line: int, column: int) -> Position:
        """From lines from 1 and columns in UTF-8 bytes."""
        text = self._document.lines[line - 1]
        mark = 1 if line == 1 and text.startswith("\ufeff") else 0
        return Position(line - 1, mark + len(text[mark:].encode("utf-8", "surrogatepass")[:column].decode("utf-8")))

    def _indent(self, line: int) -> str:
        text = self._document.lines[line - 1]
        return text[: len(text) - len(text.lstrip())]


def joined(edits: Iterable[Edit]) -> Iterator[Edit]:
    """Edits with the import statements that go to one place put together: each once, sorted, sections set off."""
    places: dict[Range, list[str]] = {}
    for edit in edits:
        if _adds_imports(edit):
            places.setdefault(edit.range, []).append(edit.new_text)
        else:
            yield edit
    for place, texts in places.items():
        yield Edit(place, _together(texts) if len(texts) > 1 else texts[0])


def _adds_imports(edit: Edit) -> bool:
    lines = [line for line in edit.new_text.splitlines() if line]
    whole = edit.new_text.endswith("\n") and edit.range.start == edit.range.end
    return whole and bool(lines) and all(_STATEMENT.match(line) for line in lines)


def _together(texts: Sequence[str]) -> str:
    newline = "\r\n" if "\r\n" in texts[0] else "\n"
    statements: dict[str, tuple[int, int]] = {}
    for text in texts:
        lines = text.split(newline)
        written = [index for index, line in enumerate(lines) if line]
        for index in written:
            statements[lines[index]] = (written[0], len(lines) - 2 - written[-1])
    ordered = sorted(statements, key=_order)
    result = newline * statements[ordered[0]][0]
    for before, statement in zip(["", *ordered], ordered, strict=False):
        if before and _section(_parsed(before)) != _section(_parsed(statement)):
            result += newline
        result += statement + newline
    return result + newline * statements[ordered[-1]][1]


def _order(statement: str) -> tuple[int, tuple[bool, str]]:
    node = _parsed(statement)
    return _section(node), _key(node, by_name=False)


def _parsed(statement: str) -> ast.stmt:
    return ast.parse(statement).body[0]


def _first_run(body: Sequence[ast.stmt]) -> list[ImportStatement]:
    """The first imports that follow one another, without those of ``__future__``."""
    run: list[ImportStatement] = []
    for node in body:
        if isinstance(node, ImportStatement) and not _is_future(node):
            run.append(node)
        elif run:
            break
    return run


def _head(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """The docstring and the imports from ``__future__``."""
    for index, node in enumerate(body):
        docstring = index == 0 and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if not (docstring and isinstance(node.value.value, str)) and not _is_future(node):  # type: ignore[attr-defined]
            return
        yield node


def _lines(node: ast.stmt) -> set[int | None]:
    return {node.lineno, node.end_lineno}


def _is_future(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


def _joinable(node: ast.stmt, wanted: str) -> bool:
    """Whether a statement is ``from module import ...`` with names, of a module or of another such statement."""
    match = _FROM.fullmatch(wanted)
    if not isinstance(node, ast.ImportFrom) or (" " in wanted and not match):
        return False
    return not node.level and node.module == (match[1] if match else wanted) and node.names[0].name != "*"


def _section(node: ast.stmt) -> int:
    if isinstance(node, ast.ImportFrom) and node.level:
        return _LOCAL
    module = (node.module or "") if isinstance(node, ast.ImportFrom) else node.names[0].name  # type: ignore[attr-defined]
    head = module.partition(".")[0]
    return _FUTURE if head == "__future__" else _STANDARD if head in sys.stdlib_module_names else _OTHER


def _key(node: ast.stmt, by_name: bool) -> tuple[bool, str]:  # noqa: FBT001
    is_from = isinstance(node, ast.ImportFrom)
    module = (node.module or "") if isinstance(node, ast.ImportFrom) else node.names[0].name  # type: ignore[attr-defined]
    return is_from and not by_name, module.lower()


def _sorted_by_name(section: Sequence[ast.stmt]) -> bool:
    """Whether ``from`` and plain imports stand mixed, as with isort's ``force_sort_within_sections``."""
    kinds = [isinstance(node, ast.ImportFrom) for node in section]
    return kinds != sorted(kinds)


def _name_key(name: str) -> tuple[int, str]:
    """Constants, then classes, then functions, as isort orders the names of one statement."""
    kind = 0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2
    return kind, name.lower()
