"""The page on the service says what the code does: endpoints, events, scopes, figures and settings."""

import re
from pathlib import Path
from typing import get_args

import pytest

from codetune_core.domain.service_key import Scope
from codetune_core.execution.events import Event
from codetune_core.settings import Settings
from codetune_remote.routes import ROUTES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "service.md").read_text()
SECTIONS = ("serve", "remote", "daemon", "outbound", "models", "storage")


def rows(heading: str) -> list[list[str]]:
    """Cells of the first table below a heading or a line, without its head."""
    lines = PAGE.split(heading, 1)[1].splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("|---"))
    table = lines[first + 1 :]
    end = next((number for number, line in enumerate(table) if not line.startswith("|")), len(table))
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[:end]]


def test_every_endpoint_stands_there_with_its_scope():
    written = {endpoint.strip("`"): scope.strip("`") for endpoint, scope, _ in rows("## The wire")}
    assert written == {f"{route.method} {route.path}": str(route.scope or "none") for route in ROUTES}


@pytest.mark.parametrize("kind", get_args(get_args(Event)[0]))
def test_every_event_stands_there_with_its_fields(kind):
    said = {cells[0].strip("`"): cells[1] for cells in rows("| event | says |\n")}[kind.model_fields["type"].default]
    assert [name for name in kind.model_fields if name != "type" and f"`{name}`" not in said] == []


def test_every_scope_stands_there():
    assert [cells[0].strip("`") for cells in rows("| scope | allows |\n")] == [str(scope) for scope in Scope]


def test_settings_that_it_names_are_settings():
    named = set(re.findall(rf"`((?:{'|'.join(SECTIONS)})\.[a-z_]+)", PAGE))
    known = {f"{name}.{field}" for name in SECTIONS for field in type(getattr(Settings(), name)).model_fields}
    files = {f"daemon.{ending}" for ending in ("sock", "lock", "json", "log")}
    assert named - known == files
    assert len(named) > 15


def test_figures_that_it_names_are_given():
    code = "".join(path.read_text() for path in (ROOT / "remote" / "codetune_remote" / "observe").glob("*.py"))
    named = set(re.findall(r"`(codetune_[a-z_]+)", PAGE))
    assert len(named) > 10
    assert [name for name in named if not re.search(rf'"{re.sub("_(total|info)$", "", name)}', code)] == []
