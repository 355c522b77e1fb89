"""What is kept of an execution follows from its task and workspace; the strictest rule holds."""

import pytest
from executions import begun, ended

from codetune_core.domain.execution import Keep, Task
from codetune_core.history.export import CONTENT, record
from codetune_core.history.keep import keep_of, stripped
from codetune_core.sections import HistorySettings

FULL, METADATA, NOTHING = Keep.FULL, Keep.METADATA, Keep.NOTHING


@pytest.mark.parametrize(
    ("settings", "workspace", "expected"),
    [
        ({}, "/src/shop", FULL),
        ({"keep": METADATA}, "/src/shop", METADATA),
        ({"keep": NOTHING}, "", NOTHING),
        ({"tasks": {"fix": METADATA}}, "/src/shop", METADATA),
        ({"tasks": {"explain": NOTHING}}, "/src/shop", FULL),
        ({"keep": METADATA, "tasks": {"fix": FULL}}, "/src/shop", METADATA),
        ({"workspaces": {"/src": METADATA}}, "/src/shop", METADATA),
        ({"workspaces": {"/src/": METADATA}}, "/src/shop/", METADATA),
        ({"workspaces": {"/src/shop": NOTHING}}, "/src/shop", NOTHING),
        ({"workspaces": {"/src/shop": NOTHING}}, "/src/shopping", FULL),
        ({"workspaces": {"/src/shop": NOTHING}}, "/src", FULL),
        ({"workspaces": {"/src/shop": NOTHING}}, "/src/x/../shop/deep", NOTHING),
        ({"workspaces": {"/src": METADATA, "/src/shop": NOTHING}}, "/src/shop", NOTHING),
        ({"workspaces": {"/src": NOTHING, "/src/shop": FULL}}, "/src/shop", NOTHING),
        ({"workspaces": {"/src": NOTHING}}, "", FULL),
        ({"tasks": {"fix": METADATA}, "workspaces": {"/src": NOTHING}}, "/src", NOTHING),
        ({"workspaces": {"/src/shop": NOTHING}}, "shop", NOTHING),
        ({"workspaces": {"shop/": NOTHING}}, "shop", NOTHING),
        ({"workspaces": {"/src/shop": NOTHING}}, "src", FULL),
        ({"content_days": 0}, "/src", METADATA),
        ({"metadata_days": 0}, "/src", NOTHING),
    ],
)
def test_the_strictest_rule_holds(settings, workspace, expected):
    assert keep_of(HistorySettings.model_validate(settings), Task.FIX, workspace) is expected


def test_a_rule_holds_whatever_path_leads_to_its_folder(tmp_path):
    (tmp_path / "secret" / "deep").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "secret")
    rule = HistorySettings(workspaces={str(tmp_path / "secret"): NOTHING})
    through = HistorySettings(workspaces={str(tmp_path / "link"): NOTHING})
    assert keep_of(rule, Task.FIX, str(tmp_path / "link" / "deep")) is NOTHING
    assert keep_of(through, Task.FIX, str(tmp_path / "secret" / "deep")) is NOTHING


def test_home_is_understood(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert keep_of(HistorySettings(workspaces={"~/work": METADATA}), Task.FIX, str(tmp_path / "work" / "a")) is METADATA


def test_metadata_holds_no_content():
    execution = ended(error_message="near 'secret'", user_feedback_text="my code")
    kept = record(stripped(execution, METADATA), with_code=True)
    assert {name for name in CONTENT if kept[name] is not None} == set()
    whole = record(execution, with_code=True) | {"keep": "metadata"}
    assert {name: kept[name] for name in kept if name not in CONTENT} == {
        name: whole[name] for name in whole if name not in CONTENT
    }


def test_of_nothing_only_what_a_budget_counts_stays():
    execution = ended()
    kept = record(stripped(execution, NOTHING), with_code=True)
    told = {name for name, value in kept.items() if value not in (None, "", {}, False)}
    assert told == {"id", "executed_at", "task", "user_id", "keep", "success", "estimated_cost_usd"}


@pytest.mark.parametrize("so_far", Keep)
@pytest.mark.parametrize("rule", Keep)
def test_what_was_stripped_stays_so(so_far, rule):
    assert stripped(stripped(begun(), so_far), rule).keep is max(so_far, rule, key=list(Keep).index)
