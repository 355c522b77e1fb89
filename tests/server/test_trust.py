"""What a workspace cannot set until somebody trusts it, and how that is asked, once."""

import asyncio
import json
import sys

import pytest
from lsprotocol import types

from codetune_core.settings import Settings
from codetune_core.workspace.trust import never_ask, set_trust
from codetune_server import holdings
from codetune_server.features.trust import LATER, NEVER, TRUST
from codetune_server.folders import Folder
from codetune_server.told import Told

SET = {
    "engine.base_url": {"engine": {"name": "openai", "base_url": "https://thief.example/v1"}},
    "engine.key_env": {"engine": {"key_env": "AWS_SECRET_ACCESS_KEY"}},
    "engine.key_command": {"engine": {"key_command": ["cat", "secret"]}},
    "engine.proxy": {"engine": {"proxy": "http://thief.example"}},
    "engines": {"engines": {"x": {"name": "openai", "base_url": "https://thief.example/v1"}}},
    "remote.base_url": {"remote": {"base_url": "https://thief.example"}},
    "remote.key_command": {"remote": {"key_command": ["cat", "secret"]}},
    "models.catalogue": {"models": {"catalogue": "evil.yaml"}},
    "models.remote_code": {"models": {"remote_code": {"evil/model": "0" * 40}}},
    "plugins.folder": {"plugins": {"folder": "evil"}},
    "detectors.sarif": {"detectors": {"sarif": {"evil": {"command": ["evil"]}}}},
    "storage": {"storage": {"database_url": "postgresql://thief.example/x"}},
    "cache": {"cache": {"sampled": True}},
    "history": {"history": {"content_days": 9999}},
    "outcomes": {"outcomes": {"record": False}},
    "budget": {"budget": {"per_day_usd": 9999}},
    "daemon": {"daemon": {"enabled": False}},
    "serve": {"serve": {"trust_proxy": True}},
    "review": {"review": {"model": "command"}},
    "completion": {"completion": {"max_lines": 99}},
    "fixes.tests": {"fixes": {"tests": True}},
    "fixes.candidates": {"fixes": {"candidates": 2}},
}
HARMLESS = {"detectors", "rules", "files", "editor", "outbound", "baseline", "fail_on"}
"""What a workspace may set; of ``outbound`` only what forbids, of ``detectors`` no commands."""
TOOL = """\
import json, pathlib, sys
place = {"artifactLocation": {"uri": sys.argv[1]}, "region": {"startLine": 1}}
result = {"ruleId": "TOOL1", "message": {"text": "seen"}, "locations": [{"physicalLocation": place}]}
print(json.dumps({"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "tool"}}, "results": [result]}]}))
"""


def toml(values, *path) -> str:
    """Tables of any depth."""
    plain = [f"{json.dumps(key)} = {json.dumps(value)}" for key, value in values.items() if not isinstance(value, dict)]
    head = [f"[{'.'.join(map(json.dumps, path))}]"] if path and plain else []
    tables = [toml(value, *path, key) for key, value in values.items() if isinstance(value, dict)]
    return "\n".join([*head, *plain, *tables, ""])


def written(root, where, values) -> Told:
    """Let a workspace say it in one of the ways that it has."""
    if where == "the editor":
        return Told(told=(values,))
    values = {"tool": {"codetune": values}} if where == "pyproject.toml" else values
    (root / where).write_text(toml(values))
    return Told()


@pytest.fixture(autouse=True)
def own_configuration(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
    monkeypatch.delenv("CODETUNE_TRUST_WORKSPACE", raising=False)


@pytest.mark.parametrize("where", ["codetune.toml", "pyproject.toml", "the editor"])
@pytest.mark.parametrize("values", SET.values(), ids=SET)
def test_a_workspace_sets_it_only_once_it_is_trusted_and_what_is_refused_is_said(tmp_path, where, values):
    told, folder = written(tmp_path, where, values), Folder.at(tmp_path.as_uri())
    refused = holdings.read(folder, told)
    assert refused.settings == Settings()
    (notice,) = refused.refused
    assert next(iter(values)) in notice.text
    assert f"codetune trust {tmp_path}" in notice.text
    set_trust(tmp_path, trusted=True)
    trusted = holdings.read(folder, told)
    assert trusted.settings != Settings()
    assert trusted.refused == ()
    set_trust(tmp_path, trusted=False)
    assert holdings.read(folder, told).settings == Settings()


def test_of_every_section_it_is_decided_whether_a_workspace_sets_it():
    decided = {name.partition(".")[0] for name in SET}
    assert decided - {"detectors"} | HARMLESS == set(Settings.model_fields)


@pytest.mark.parametrize("values", SET.values(), ids=SET)
def test_what_the_editor_says_when_it_starts_the_server_is_the_users_own(tmp_path, values):
    holding = holdings.read(Folder.at(tmp_path.as_uri()), Told(own=(values,)))
    assert holding.settings != Settings()
    assert holding.refused == ()


def test_without_a_folder_there_is_no_workspace_to_distrust():
    assert holdings.read(None, Told(told=(SET["review"],))).settings.review.model == "command"


@pytest.fixture
def shop(tmp_path):
    """A workspace that wants to run a command."""
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "tool.py").write_text(TOOL)
    command = [sys.executable, str(folder / "tool.py"), "{file}"]
    (folder / "codetune.toml").write_text(f"[detectors.sarif.tool]\ncommand = {json.dumps(command)}\n")
    return folder


@pytest.fixture
def person():
    """Somebody who answers when told to."""
    answers: asyncio.Queue[str | None] = asyncio.Queue()
    return answers


async def started(start_editor, shop, person, name="vscode", config=None):
    environment = {"XDG_CONFIG_HOME": str(config or shop.parent / "config")}
    return await start_editor(name, shop, environment=environment, answering=person and person.get)


async def asked(editors, editor, times=1):
    async def look():
        return len(editor.questions) >= times

    await editors.until(look, editor.said)
    assert len(editor.questions) == times


async def test_trust_is_asked_for_once_nobody_waits_and_it_can_be_taken_back(start_editor, editors, shop, person):
    editor = await started(start_editor, shop, person)
    uri = editor.open("a.py", "eval(input())\n")
    await asked(editors, editor)
    assert "detectors.sarif" in editor.questions[0].message
    assert f"codetune trust {shop}" in editor.questions[0].message
    assert [action.title for action in editor.questions[0].actions] == [TRUST, LATER, NEVER]
    await editor.rules(uri, "S307")
    person.put_nowait(TRUST)
    await editor.rules(uri, "S307", "TOOL1")
    told = await editor.execute("codetune.showTrust")
    assert f"`{shop}`" in told
    answer = await editor.execute("codetune.trustWorkspace", uri, False)  # noqa: FBT003 - as JSON has it
    assert (answer["changed"], answer["workspaces"]) == (True, [])
    await editor.rules(uri, "S307")
    assert "detectors.sarif is not used" in await editor.execute("codetune.showTrust")
    assert (await editor.execute("codetune.trustWorkspace"))["workspaces"] == [str(shop)]
    await editor.rules(uri, "S307", "TOOL1")
    assert len(editor.questions) == 1


@pytest.mark.parametrize("answer", [LATER, NEVER])
async def test_who_does_not_trust_is_not_asked_again(start_editor, editors, shop, person, answer):
    editor = await started(start_editor, shop, person)
    uri = editor.open("a.py", "eval(input())\n")
    await asked(editors, editor)
    person.put_nowait(answer)
    (shop / "codetune.toml").write_text((shop / "codetune.toml").read_text() + "# more\n")
    editor.save(uri)
    await editor.execute("codetune.reviewFile", uri)
    assert len(editor.questions) == 1


async def test_an_answer_that_cannot_be_written_down_is_said(start_editor, editors, shop, person):
    editor = await started(start_editor, shop, person)
    editor.open("a.py", "x = 1\n")
    await asked(editors, editor)
    (shop.parent / "config" / "codetune").mkdir(parents=True, exist_ok=True)
    (shop.parent / "config" / "codetune" / "trusted.toml").write_text("workspaces = 3\n")
    person.put_nowait(TRUST)

    async def look():
        return any("is not a list of directories" in said.message for said in editor.client.messages)

    await editors.until(look, editor.said)


async def test_who_never_wants_to_be_asked_can_still_look_it_up(start_editor, shop, person):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(shop.parent / "config"))
        never_ask(shop)
    editor = await started(start_editor, shop, person)
    uri = editor.open("a.py", "eval(input())\n")
    await editor.rules(uri, "S307")
    assert "detectors.sarif is not used" in await editor.execute("codetune.showTrust")
    assert editor.questions == []
    assert any("detectors.sarif is not used" in said.message for said in editor.client.log_messages)


async def test_an_editor_without_questions_shows_what_to_run(start_editor, editors, shop):
    editor = await started(start_editor, shop, None)
    editor.open("a.py", "x = 1\n")

    async def look():
        return any(f"codetune trust {shop}" in said.message for said in editor.client.messages)

    await editors.until(look, editor.said)
    assert editor.client.messages[-1].type is types.MessageType.Warning
