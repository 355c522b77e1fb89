"""The pages about actions, the status and the protocol's extras say what is so."""

import json
import re
from pathlib import Path

import pytest
from lsprotocol import types

from codetune_core.domain.editor_scope import Shows, Where, editor_scope
from codetune_core.prompts.files import read_prompt
from codetune_core.prompts.starter import shipped_files
from codetune_server.client import Client
from codetune_server.features.commands import COMMANDS
from codetune_server.features.status import METHOD
from codetune_server.status.state import State, Status

DOCS = Path(__file__).parents[2] / "docs"
ACTIONS, TROUBLE, PROTOCOL, EDITORS = (
    (DOCS / f"{name}.md").read_text("utf-8") for name in ("actions", "troubleshooting", "protocol", "editors")
)
ABOUT = {Where.SELECTION: "the selection", Where.CURSOR: "the comment", Where.FILE: "the whole file"}


def rows(page, heading):
    """The rows of the table under a heading, by their first column."""
    section = page.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    cells = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")][2:]
    return {cell[0].strip(): [each.strip() for each in cell] for cell in cells}


def names(cell):
    return set(re.findall(r"`([\w.-]+)`", cell))


def offered():
    files = (read_prompt(text, name) for name, text in sorted(shipped_files().items()))
    return [(file, scope) for file in files if (scope := editor_scope(file.draft.tags))]


def test_the_actions_are_the_prompts_that_ship_with_a_scope():
    table = rows(ACTIONS, "Entries that ask a prompt")
    assert {name for row in table.values() for name in names(row[1])} == {file.draft.name for file, _ in offered()}


@pytest.mark.parametrize(
    ("file", "scope"), offered(), ids=lambda each: each.draft.name if hasattr(each, "draft") else ""
)
def test_an_action_is_about_and_sends_what_the_page_says(file, scope):
    table = rows(ACTIONS, "Entries that ask a prompt")
    row = next(row for row in table.values() if names(row[1]) == {file.draft.name})
    variables = {variable.name: variable for variable in file.wording.variables}
    assert row[2].startswith(ABOUT[scope.where])
    assert ("a page" in row[3]) is (scope.shows is Shows.DOCUMENT)
    assert names(row[4]) <= set(variables)
    assert {name for name, variable in variables.items() if variable.required} <= names(row[4])


def test_every_status_is_explained_to_people_and_to_authors_of_clients():
    table = rows(f"\n## all\n{TROUBLE.split(chr(10) + '## ')[0]}", "all")
    assert [names(row[0]) for row in table.values()] == [{str(state)} for state in State]
    for state in State:
        assert f"\n## {state}\n" in TROUBLE
        assert f"(#{state.lower()})" in TROUBLE
        assert f"`{state}`" in PROTOCOL


def test_the_status_on_the_page_is_one_that_is_sent():
    section = PROTOCOL.split("\n## Status\n")[1]
    capabilities, shown = (json.loads(block) for block in re.findall(r"```json\n(.*?)```", section, re.DOTALL))
    assert Status(**{**shown, "state": State(shown["state"])}).params() == shown
    assert f"`{METHOD}`" in section
    assert set(rows(PROTOCOL, "Status")) == {f"`{name}`" for name in Status.__dataclass_fields__}
    assert list(capabilities["capabilities"]["experimental"]) == ["codetuneStatus"]
    assert Client.of(types.ClientCapabilities(**capabilities["capabilities"])).shows_status


def test_every_command_is_on_the_page():
    assert set(rows(PROTOCOL, "Commands")) == {f"`{name}`" for name in COMMANDS}


@pytest.mark.parametrize(
    "page", [ACTIONS, TROUBLE, PROTOCOL, EDITORS], ids=["actions", "status", "protocol", "editors"]
)
def test_links_lead_to_pages_and_headings_that_are_there(page):
    for target, heading in re.findall(r"\]\(((?:\.\./)?[\w./-]*\.md)?(?:#([\w-]+))?\)", page):
        titles = re.findall(r"^#+ (.*)$", (DOCS / target).read_text("utf-8") if target else page, re.MULTILINE)
        headings = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
        assert not heading or heading in headings, (target, heading)
