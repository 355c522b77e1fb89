"""The page that draws the schema is what the tables say."""

from pathlib import Path

from codetune_core.storage.diagram import schema_page
from codetune_core.storage.schema import METADATA

PAGE = Path(__file__).parents[2] / "docs" / "schema.md"


def test_the_schema_page_is_up_to_date():
    assert PAGE.read_text() == schema_page(), "run make schema"


def test_every_table_is_drawn_with_every_column():
    page = PAGE.read_text()
    for table in METADATA.tables.values():
        section = page.split(f"## `{table.name}`\n")[1].split("\n## ")[0]
        assert f"    {table.name} {{" in page
        assert [name for name in table.columns.keys() if f"| `{name}` |" not in section] == []  # noqa: SIM118 - not a dict
