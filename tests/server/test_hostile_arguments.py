"""No argument of a command crashes the server or edits anything, and no name of a file can be followed."""

import asyncio

import pytest
from lsprotocol import types

from codetune_server.errors import FAILED, INVALID_PARAMS, failed
from codetune_server.spoken import spoken

REFUSED = {INVALID_PARAMS, FAILED}
URI = "untitled:a.py"
PLACE = {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 1}}
BACKWARD = {"start": {"line": 9, "character": 9}, "end": {"line": -1, "character": -7}}
HUGE = {"start": {"line": 2**40, "character": 2**40}, "end": {"line": 2**70, "character": 0}}
VALUES = [
    None,
    7,
    -1,
    2**70,
    True,
    "",
    "x",
    "\0",
    "file:///%00",
    "file:///../../etc/passwd",
    "codetune:/1/x.md",
    [],
    {},
]
VALUES += [{"a": []}, PLACE, BACKWARD, HUGE, {"start": {}, "end": {}}, [[[]]]]
CALLS = {
    "codetune.runAction": ["rewrite", URI, 1, PLACE, {}],
    "codetune.ask": [URI, "", PLACE, 1],
    "codetune.runPrompt": [{"prompt": "x"}],
    "codetune.explain": [URI, "x"],
    "codetune.fixWithModel": [URI, 1, "x"],
    "codetune.reviewWithModel": [URI, PLACE],
    "codetune.reviewFile": [URI],
    "codetune.showIgnored": [URI],
    "codetune.acceptInBaseline": [URI, "x", "why"],
    "codetune.apply": [{"deed": "mend", "uri": URI, "version": 1, "finding": "x"}],
    "codetune.rate": ["x", 3, "why"],
    "codetune.completionAccepted": ["x"],
    "codetune.trustWorkspace": ["file:///nowhere", True],
    "codetune.status": [],
    "codetune.showTrust": [],
}


def malformed():
    for command, arguments in CALLS.items():
        yield command, [*arguments, *[1] * 9]
        for at in range(len(arguments)):
            yield command, arguments[:at]
            for value in VALUES:
                yield command, [*arguments[:at], value, *arguments[at + 1 :]]


async def test_malformed_arguments_are_refused_and_nothing_is_edited(start_editor, tmp_path, monkeypatch):
    monkeypatch.setenv("CODETUNE_DAEMON__ENABLED", "false")
    (tmp_path / "w").mkdir()
    editor = await start_editor("vscode", tmp_path / "w")
    uri = editor.open("a.py", "import yaml\nyaml.load(x)\n", uri=URI)
    calls = [call for call in malformed() if call[0] != "codetune.trustWorkspace" or len(call[1]) > 1]
    ends = await asyncio.gather(*(editor.execute(name, *given) for name, given in calls), return_exceptions=True)
    refused = [end for end in ends if isinstance(end, Exception)]
    assert {end.code for end in refused} == REFUSED, [end for end in refused if end.code not in REFUSED]
    assert not editor.applied
    assert editor.buffers[uri].version == 1


async def test_names_of_files_are_no_links_in_progress_and_messages(start_editor, tmp_path):
    name = "[Click](command:evil)\u202e.py"
    (tmp_path / name).write_text("import yaml\nyaml.load(x)\n")
    editor = await start_editor("helix")
    command = types.ExecuteCommandParams("codetune.reviewWorkspace", [], work_done_token="mine")
    await editor.client.workspace_execute_command_async(command)
    told = [params.value.get("message") or params.value.get("title") or "" for params in editor.progress]
    assert any("[Click] (command:evil) .py" in each for each in told)
    assert not any("](" in each for each in told)


@pytest.mark.parametrize("text", ["[x](command:y)", "a\u202eb", "\x1b[31m"])
def test_what_is_said_cannot_be_followed_and_hides_nothing(text):
    assert spoken(text) != text
    assert failed(text).message == spoken(text)


def test_what_is_said_is_no_longer_than_a_person_reads():
    assert len(spoken("x" * 10**7)) < 5_000
