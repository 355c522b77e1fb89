"""Which database driver a query goes to, and how that driver writes placeholders."""

import ast
import re
from collections.abc import Iterator

import libcst as cst

from codetune_core.fixes.site import Site
from codetune_core.fixes.sql_statement import Style

QUESTION = Style(lambda _name, _number: "?", existing=r"\?")
FORMAT = Style(lambda _name, _number: "%s", existing="%s", doubles_percent=True)
POSTGRES = Style(lambda _name, _number: "%s", existing="%s", doubles_percent=True, ansi_quotes=True)
PYFORMAT = Style(lambda name, _number: f"%({name})s", named=True, doubles_percent=True)
NAMED = Style(lambda name, _number: f":{name}", named=True)
NUMBERED = Style(lambda _name, number: f"${number}", ansi_quotes=True)

_STYLES = {
    "sqlite3": QUESTION, "aiosqlite": QUESTION, "pyodbc": QUESTION, "duckdb": QUESTION, "apsw": QUESTION,
    "pysqlite3": QUESTION, "sqlcipher3": QUESTION,
    "psycopg": POSTGRES, "psycopg2": POSTGRES, "psycopg_pool": POSTGRES, "aiopg": POSTGRES,
    "MySQLdb": FORMAT, "pymysql": FORMAT, "mysql": FORMAT, "aiomysql": FORMAT, "django": FORMAT, "pymssql": FORMAT,
    "asyncpg": NUMBERED,
}  # fmt: skip
_TRACED = 6


def style_for(site: Site, receiver: cst.BaseExpression) -> Style | None:
    """The style of the driver behind a cursor or connection; None where nothing in the file tells.

    Evidence, in this order: how the receiver was made, the only driver that is imported, the placeholders of other
    queries in the file.
    """
    tree = ast.parse(site.document.text.removeprefix("\ufeff"))
    heads = dict(_imported(tree))
    return _traced(tree, heads, site.code(receiver)) or _only(heads) or _others(tree)


def _imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Local name -> first part of the module it comes from."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.asname or alias.name.partition(".")[0], alias.name.partition(".")[0]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                yield alias.asname or alias.name, node.module.partition(".")[0]


def _only(heads: dict[str, str]) -> Style | None:
    styles = {id(_STYLES[head]): _STYLES[head] for head in heads.values() if head in _STYLES}
    return next(iter(styles.values())) if len(styles) == 1 else None


def _traced(tree: ast.Module, heads: dict[str, str], name: str) -> Style | None:
    made = dict(_makers(tree))
    for _ in range(_TRACED):
        root = re.match(r"(?:await )?\(?(?:await )?([A-Za-z_]\w*)", name)
        if root and heads.get(root[1]) in _STYLES and (root[1] not in made):
            return _STYLES[heads[root[1]]]
        found = next((made[known] for known in (name, _stem(name), root[1] if root else "") if known in made), None)
        if found is None:
            return None
        name = found
    return None


def _stem(name: str) -> str:
    """``self.db.cursor()`` -> ``self.db``."""
    match = re.match(r"(?:await )?((?:self|cls|app|g)\.\w+)", name)
    return match[1] if match else name


def _makers(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """What each variable, attribute and parameter was made with: source, or annotation."""
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Name() | ast.Attribute() as target], value=value):
                yield ast.unparse(target), ast.unparse(value)
            case ast.withitem(context_expr=value, optional_vars=ast.Name() as target):
                yield target.id, re.sub(r"^(?:contextlib\.)?closing\((.*)\)$", r"\1", ast.unparse(value))
            case ast.AnnAssign(target=target, annotation=annotation):
                yield ast.unparse(target), ast.unparse(annotation).strip("\"'")
            case ast.arg(arg=name, annotation=ast.expr() as annotation):
                yield name, ast.unparse(annotation).strip("\"'")
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield from _returned(node)
            case _:
                pass


def _returned(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[tuple[str, str]]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Return | ast.Yield) and inner.value:
            yield node.name, ast.unparse(inner.value)
            return


def _others(tree: ast.Module) -> Style | None:
    """By the queries with parameters that stand elsewhere in the file."""
    seen: set[int] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Attribute(attr="execute"), args=[ast.Constant(value=str(text)), ast.Tuple() | ast.List()]
            ):
                seen.add(id(QUESTION if "?" in text else FORMAT if "%s" in text else None))
            case _:
                pass
    return next((style for style in (QUESTION, FORMAT) if seen == {id(style)}), None)
