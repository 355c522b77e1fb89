"""Draws the schema from the tables: the text of ``docs/schema.md``."""

import inspect
import sys

from sqlalchemy import CheckConstraint, Column, Dialect, ForeignKeyConstraint, Table, UniqueConstraint
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import DeclarativeBase

from codetune_core.storage.schema import TABLES

_SQLITE: Dialect = sqlite.dialect()
_POSTGRESQL: Dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
_HEAD = """\
# The schema

Generated from `codetune_core/storage/tables` by `make schema`; a test fails where it is out of date. The migrations in
`migrations/versions` make it, one table each, and `alembic check` finds no difference between the two.

Beside the tables stand, made by the same migrations:

- triggers that refuse a change of what a version says and of the ledger (`prompt_versions_*`, `prompt_deployments_*`);
- triggers that derive `execution_daily` and the statistics of `prompt_library` from `execution_history`
  (`execution_daily_*`);
- the full-text index `execution_search` (FTS5 on SQLite, a `tsvector` with a GIN index on PostgreSQL) and the triggers
  that keep it (`execution_search_*`).

"""


def schema_page() -> str:
    """Return the page: a Mermaid diagram of tables and keys, and every column of every table."""
    tables = [row.__table__ for row in TABLES if isinstance(row.__table__, Table)]
    drawing = ["```mermaid", "erDiagram", *(line for table in tables for line in _entity(table)), "```", ""]
    return _HEAD + "\n".join([*drawing, *(line for row in TABLES for line in _section(row))])


def _entity(table: Table) -> list[str]:
    lines = [f"    {table.name} {{"]
    for column in table.columns:
        keys = [name for name, holds in (("PK", column.primary_key), ("FK", bool(column.foreign_keys))) if holds]
        kind = str(column.type.compile(_SQLITE)).replace(" ", "_").replace(", ", "_")
        lines.append(f"        {kind.translate(_PLAIN)} {column.name} {', '.join(keys)}".rstrip())
    return [*lines, "    }", *(_relation(table, key) for key in _keys(table))]


_PLAIN = str.maketrans({"(": "_", ")": None, ",": "_"})


def _relation(table: Table, key: ForeignKeyConstraint) -> str:
    parent = "|o" if any(column.nullable for column in key.columns) else "||"
    return f'    {key.referred_table.name} {parent}--o{{ {table.name} : "{", ".join(key.column_keys)}"'


def _keys(table: Table) -> list[ForeignKeyConstraint]:
    return sorted(table.foreign_key_constraints, key=lambda key: list(key.column_keys))


def _section(row: type[DeclarativeBase]) -> list[str]:
    table = row.__table__
    if not isinstance(table, Table):  # pragma: no cover - each row is of one table
        raise TypeError(row)
    columns = [
        f"| `{column.name}` | {_type(column, _SQLITE)} | {_type(column, _POSTGRESQL)} "
        f"| {'yes' if column.nullable else ''} | {_notes(column)} |"
        for column in table.columns
    ]
    return [
        f"## `{table.name}`",
        "",
        inspect.cleandoc(row.__doc__ or ""),
        "",
        "| column | SQLite | PostgreSQL | null | |",
        "|---|---|---|---|---|",
        *columns,
        "",
        *_rules(table),
        "",
    ]


def _type(column: Column[object], dialect: Dialect) -> str:
    return column.type.compile(dialect).lower()


def _notes(column: Column[object]) -> str:
    notes = ["primary key"] if column.primary_key else []
    if column.computed is not None:
        notes.append(f"`{column.computed.sqltext}`")
    notes += [f"-> `{key.target_fullname}`" for key in column.foreign_keys]
    return ", ".join(notes)


def _rules(table: Table) -> list[str]:
    unique = [c for c in table.constraints if isinstance(c, UniqueConstraint)]
    checks = [c for c in table.constraints if isinstance(c, CheckConstraint)]
    lines = [f"- unique: {', '.join(f'`{column.name}`' for column in each.columns)}" for each in unique]
    lines += [f"- check: `{each.sqltext}`" for each in checks]
    lines += [
        f"- on deletion of its {key.referred_table.name} row, {', '.join(f'`{name}`' for name in key.column_keys)}: "
        f"{(key.ondelete or 'no action').lower()}"
        for key in _keys(table)
    ]
    for index in sorted(table.indexes, key=lambda index: str(index.name)):
        where = index.dialect_options["sqlite"]["where"]
        kind = "unique index" if index.unique else "index"
        names = ", ".join(f"`{column.name}`" for column in index.columns)
        lines.append(f"- {kind}: {names}{f' where `{where}`' if where is not None else ''}")
    return sorted(lines)


if __name__ == "__main__":
    sys.stdout.write(schema_page())
