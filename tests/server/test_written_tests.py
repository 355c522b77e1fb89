"""Unit tests that a model writes go into the project's file of tests, checked and run on a copy before anyone sees."""

import json
import time

import pytest

CODE = '''\
def split(total, people):
    """Divide a bill so that shares differ by at most one, the larger ones first."""
    if people < 1:
        raise ValueError("a bill is split among at least one")
    share, rest = divmod(total, people)
    return [share + 1] * rest + [share] * (people - rest)
'''
TESTS = """\
import pytest

from shop.{name} import split


def test_shares_differ_by_at_most_one():
    assert split(5, 2) == [3, 2]


def test_a_bill_is_not_split_among_nobody():
    with pytest.raises(ValueError, match="at least one"):
        split(1, 0)
"""
WRONG = TESTS.replace("[3, 2]", "[2, 3]")
CLASHING = TESTS.replace("import pytest", "import os as pytest")
HERE = "import pytest\n\nfrom shop.apples import other\n\n\ndef test_other():\n    assert other() == 1\n"


def answered(code):
    return json.dumps({"code": code, "tests": [{"name": "test_shares", "checks": "Shares."}]})


def rule(name, *codes):
    answers = ", ".join(json.dumps(answered(code.replace("{name}", name))) for code in codes)
    return f"  - {{contains: imported from shop.{name}, answers: [{answers}]}}\n"


SCRIPT = (
    "models: [{name: tiny, engine: scripted, context_tokens: 16384}]\nrules:\n"
    + rule("bills", TESTS)
    + rule("apples", CLASHING, TESTS)
    + rule("wrong", WRONG)
    + 'default: {answers: ["?"]}\n'
)
CAPABILITIES = {
    "textDocument": {"codeAction": {"codeActionLiteralSupport": {"codeActionKind": {"valueSet": []}}}},
    "workspace": {
        "applyEdit": True,
        "workspaceEdit": {"documentChanges": True, "resourceOperations": ["create"]},
    },
    "window": {"workDoneProgress": True},
}


@pytest.fixture(scope="module")
def client(user, tmp_path_factory, raw_client):
    """An editor in a trusted workspace whose user lets tests run."""
    root = tmp_path_factory.mktemp("project")
    (root / "shop").mkdir()
    (root / "shop" / "__init__.py").write_text("")
    for name in ("bills", "wrong"):
        (root / "shop" / f"{name}.py").write_text(CODE)
    (root / "shop" / "apples.py").write_text(f"{CODE}\n\ndef other():\n    return 1\n")
    (root / "tests").mkdir()
    (root / "tests" / "test_apples.py").write_text(HERE)
    user.scripted(SCRIPT, fixes={"tests": True})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CODETUNE_TRUST_WORKSPACE", "1")
        with raw_client.RawClient(raw_client.SERVER) as started:
            started.root = root
            folders = [{"uri": root.as_uri(), "name": "project"}]
            started.initialize(capabilities=CAPABILITIES, workspaceFolders=folders)
            yield started


def written(client, name):
    """Have tests written for ``split``; returns the edit and what the command answers."""
    path = client.root / "shop" / f"{name}.py"
    client.open(path.as_uri(), path.read_text())
    place = {"start": {"line": 0, "character": 0}, "end": {"line": 6, "character": 0}}
    deadline = time.monotonic() + 60
    while not (found := [each for each in menu(client, path, place) if each["title"] == "Unit tests with tiny"]):
        assert time.monotonic() < deadline, client.seen
        time.sleep(0.05)
    command = found[0]["command"]
    client.seen.clear()
    running = client.start_command(command["command"], *command["arguments"], workDoneToken="t")
    asked = client.wait_for(lambda seen: seen.get("method") == "workspace/applyEdit" or seen.get("id") == running, 120)
    assert "params" in asked, asked
    client.send(id=asked["id"], result={"applied": True})
    return asked["params"], client.answer(running, 60)["result"]


def menu(client, path, place):
    params = {"textDocument": {"uri": path.as_uri()}, "range": place, "context": {"diagnostics": []}}
    return client.ask("textDocument/codeAction", params) or []


def test_tests_for_a_module_without_any_are_a_new_file_in_the_projects_layout(client):
    params, done = written(client, "bills")
    created, change = params["edit"]["documentChanges"]
    uri = (client.root / "tests" / "test_bills.py").as_uri()
    assert (created["kind"], created["uri"]) == ("create", uri)
    assert change["textDocument"] == {"uri": uri, "version": None}
    assert [edit["newText"] for edit in change["edits"]] == [TESTS.replace("{name}", "bills")]
    assert params["label"].startswith("CodeTune: Unit tests with tiny (verified: parses, names, rescan, ")
    assert "2 tests" in done["verified"]
    assert not (client.root / "tests" / "test_bills.py").exists()


def test_tests_are_added_to_the_file_that_is_there_without_breaking_it(client):
    params, done = written(client, "apples")
    (change,) = params["edit"]["documentChanges"]
    assert change["textDocument"]["uri"] == (client.root / "tests" / "test_apples.py").as_uri()
    imported, added = change["edits"]
    assert (imported["newText"], imported["range"]["start"]["line"]) == ("from shop.apples import split\n", 3)
    assert added["newText"].startswith("\n\ndef test_shares_differ_by_at_most_one():\n")
    assert added["range"]["start"]["line"] == HERE.count("\n")
    assert (done["repaired"], done["applied"]) == (1, True)
    assert "3 tests" in done["verified"]


def test_tests_that_fail_are_written_all_the_same_and_that_is_said(client):
    params, done = written(client, "wrong")
    assert len(params["edit"]["documentChanges"]) == 2
    assert done["verified"].startswith("the tests were run: 1 new test fails: tests/test_wrong.py::test_sha")
    said = [each["params"]["message"] for each in client.seen if each.get("method") == "window/showMessage"]
    assert any("1 new test fails" in message for message in said)
