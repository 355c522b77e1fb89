"""The entry for a model's fix: to whom it is offered, and whether its edit is asked for before it is chosen."""

import pytest
from lsprotocol import types

from codetune_core.domain.execution import Role
from codetune_core.domain.finding import Confidence, Finding, Rule, Severity
from codetune_core.domain.review import Review, Stage
from codetune_core.domain.text import Range
from codetune_server.backend import Backend
from codetune_server.client import Client
from codetune_server.features.code_action import code_action
from codetune_server.language_server import CodeTuneServer
from codetune_server.mending.latency import Latency
from codetune_server.prompted.catalogue import Catalogue
from codetune_server.session import State
from codetune_server.subject import Subject

TEXT = "import yaml\nyaml.load(a)\n"
URI = "untitled:a.py"


@pytest.mark.parametrize(
    ("seconds", "short"),
    [
        ([], False),
        ([0.5], True),
        ([5], False),
        ([0.1, 0.1, 9], True),
        ([0.1, 9, 9], False),
        ([0.1] * 9 + [9] * 8, False),
    ],
)
def test_half_of_the_last_fixes_were_there_in_time(seconds, short):
    latency = Latency()
    for each in seconds:
        latency.took(each)
    assert latency.is_short is short


@pytest.fixture
async def backend():
    backend = Backend(CodeTuneServer())
    item = types.TextDocumentItem(URI, "python", 1, TEXT)
    backend.session.documents.open(item)
    document = backend.session.documents.snapshot(URI)
    place = Range.of(1, 0, 1, 9)
    found = Finding(Rule("S506", "YAML"), place, "", Severity.HIGH, Confidence.HIGH, ("ruff",), id="1")
    backend.session.keep(State(Subject(document), Review(URI, 1, Stage.FIXED, (found,)), thorough=True))
    yield backend
    await backend.aclose()


async def entry(backend, **abilities):
    """The entry for a model's fix in an editor with these abilities."""
    usual = {"action_literals": True, "applies_edits": True, "document_changes": True}
    backend.session.client = Client(**(usual | abilities))
    place = types.Range(types.Position(1, 0), types.Position(1, 0))
    context = types.CodeActionContext(diagnostics=[])
    params = types.CodeActionParams(types.TextDocumentIdentifier(URI), place, context)
    found = [each for each in await code_action(backend, params) or [] if each.title.startswith("Fix with")]
    return found[0] if found else None


class Known(Catalogue):
    """One that was learnt."""

    def refresh(self):
        pass


def offered(backend, writer):
    """Somebody writes fixes, or nobody."""
    backend.catalogue = Known(backend.status, backend._loads)
    backend.catalogue.models = {} if writer is None else {Role.GENERATION: writer}


@pytest.mark.parametrize(
    ("seconds", "resolves", "by_command"), [(None, True, True), (0.5, True, False), (5, True, True), (0.5, False, True)]
)
async def test_a_fix_is_resolved_where_the_editor_can_and_fixes_are_quick(backend, seconds, resolves, by_command):
    offered(backend, "tiny")
    if seconds:
        backend.fix_latency.took(seconds)
    found = await entry(backend, resolves_actions=resolves)
    assert (found.title, found.command is not None, found.edit, found.is_preferred) == (
        "Fix with tiny: YAML", by_command, None, None,
    )  # fmt: skip
    assert found.data["deed"] == "fix with model"


@pytest.mark.parametrize(
    ("model", "abilities"),
    [(None, {}), ("tiny", {"applies_edits": False}), ("tiny", {"document_changes": False})],
)
async def test_where_nobody_writes_or_an_edit_could_not_be_for_one_version_nothing_is_offered(
    backend, model, abilities
):
    offered(backend, model)
    assert await entry(backend, **abilities) is None


async def test_a_teams_service_is_named_as_such_and_an_old_editor_gets_a_command(backend):
    offered(backend, "")
    found = await entry(backend, action_literals=False)
    assert isinstance(found, types.Command)
    assert (found.title, found.arguments) == ("Fix with the model of your team: YAML", [URI, 1, "1"])
