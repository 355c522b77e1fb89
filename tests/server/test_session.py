"""What a session of an editor goes through: settings, roots, notebooks, plug-ins, workers that die."""

import asyncio
import json
import os
import signal
import sys
from contextlib import suppress

import psutil
import pytest
from lsprotocol import types

YAML = "import yaml\n\n\ndef read(text):\n    return yaml.load(text)\n"
OFF = '[rules]\nignore = ["S506"]\n'


def workers(editor):
    children = psutil.Process(editor.client._server.pid).children()
    return [child for child in children if "codetune_core.workers.worker" in " ".join(child.cmdline())]


# Settings


@pytest.mark.parametrize("name", ["vscode", "emacs-29"])
async def test_mistakes_in_settings_are_said_once_with_the_nearest_right_name_and_the_rest_holds(
    start_editor, tmp_path, name
):
    (tmp_path / "codetune.toml").write_text(f'{OFF}[files]\nmax_kilobyte = 3\n[editor]\ndebounce_min_ms = "soon"\n')
    editor = await start_editor(name, options={"codetune": {"fial_on": "high"}})
    uri = editor.open("a.py", YAML + "yaml.unsafe_load(1)\nimport hashlib\nhashlib.md5(b'').hexdigest()\n")
    shown = await editor.diagnostics(uri, lambda shown: any(each.code == "S324" for each in shown))
    assert not any(each.code == "S506" for each in shown)
    editor.save(uri)
    await editor.execute("codetune.reviewFile", uri)
    warnings = [message.message for message in editor.client.messages]
    assert sum("did you mean `max_kilobytes`" in text for text in warnings) == 1
    assert sum("did you mean `fail_on`" in text for text in warnings) == 1
    assert sum("editor.debounce_min_ms" in text for text in warnings) == 1


async def test_the_editors_answer_wins_over_what_it_sent_and_over_files(start_editor, tmp_path):
    (tmp_path / "codetune.toml").write_text(OFF)
    settings = {"": {"codetune": {"rules": {"ignore": ["S324"]}}}}
    editor = await start_editor(options={"rules": {"ignore": []}}, settings=settings)
    uri = editor.open("a.py", YAML + "import hashlib\nhashlib.md5(b'').hexdigest()\n")
    await editor.rules(uri, "S506")


async def test_each_root_has_settings_of_its_own_and_roots_come_and_go(start_editor, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    two.mkdir()
    (two / "codetune.toml").write_text(OFF)
    editor = await start_editor("vscode", one)
    inside = editor.open("", YAML, uri=(one / "a.py").as_uri())
    other = editor.open("", YAML, uri=(two / "a.py").as_uri())
    await editor.rules(inside, "S506")
    await editor.rules(other, "S506")
    folder = types.WorkspaceFolder(two.as_uri(), "two")

    def change(added, removed):
        event = types.WorkspaceFoldersChangeEvent(added, removed)
        editor.client.workspace_did_change_workspace_folders(types.DidChangeWorkspaceFoldersParams(event))

    change([folder], [])
    await editor.rules(other)
    await editor.rules(inside, "S506")
    change([], [folder])
    await editor.rules(other, "S506")


@pytest.mark.parametrize("name", ["vscode", "minimal"])
async def test_changed_settings_review_what_is_open_again(start_editor, tmp_path, name):
    editor = await start_editor(name)
    uri = editor.open("a.py", YAML)
    await editor.rules(uri, "S506")
    watched = [each.method for each in editor.registered]
    assert ("workspace/didChangeWatchedFiles" in watched) == (name == "vscode")
    (tmp_path / "codetune.toml").write_text(OFF)
    if name == "vscode":
        event = types.FileEvent((tmp_path / "codetune.toml").as_uri(), types.FileChangeType.Created)
        editor.client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams([event]))
    else:
        editor.save(uri)
    await editor.rules(uri)
    editor.client.set_configuration({"codetune": {"rules": {"ignore": []}}})
    settings = {"codetune": {"rules": {"ignore": []}}} if name == "minimal" else None
    editor.client.workspace_did_change_configuration(types.DidChangeConfigurationParams(settings))
    await editor.rules(uri, "S506")


async def test_a_document_is_reviewed_on_save_only_where_that_is_set(start_editor):
    editor = await start_editor("emacs-29", options={"editor": {"review_on": "save"}})
    uri = editor.open("a.py", "x = 1\n")
    await editor.execute("codetune.reviewFile", uri)
    editor.edit(uri, YAML)
    await asyncio.sleep(1.5)
    assert not any(params.diagnostics for params in editor.published)
    editor.save(uri)
    await editor.rules(uri, "S506")


async def test_lenses_count_the_findings_of_functions_where_they_are_switched_on(start_editor):
    editor = await start_editor(options={"editor": {"code_lens": True}})
    uri = editor.open("a.py", YAML)
    await editor.rules(uri, "S506")
    params = types.CodeLensParams(types.TextDocumentIdentifier(uri))
    (lens,) = await editor.client.text_document_code_lens_async(params)
    assert editor.piece(uri, lens.range) == "read"
    assert lens.command.title == "1 finding: 1 high"
    editor.client.set_configuration({"codetune": {"editor": {"code_lens": False}}})
    editor.client.workspace_did_change_configuration(types.DidChangeConfigurationParams(None))
    await editor.execute("codetune.reviewFile", uri)
    assert not await editor.client.text_document_code_lens_async(params)


# Notebooks


async def test_a_notebooks_findings_stand_in_their_cells(start_editor, tmp_path):
    editor = await start_editor()
    uri = (tmp_path / "a.ipynb").as_uri()
    texts = ["import yaml\n%time 1\n", "# text", "\ntext = '\N{PILE OF POO}'; yaml.load(text)\n"]
    cells = [f"vscode-notebook-cell:{tmp_path}/a.ipynb#{number}" for number in range(3)]
    kinds = [types.NotebookCellKind.Code, types.NotebookCellKind.Markup, types.NotebookCellKind.Code]
    languages = ["python", "markdown", "python"]
    for cell, text in zip(cells, texts, strict=True):
        editor.buffers[cell] = type("Cell", (), {"uri": cell, "text": text, "version": 1})()
    editor.client.notebook_document_did_open(
        types.DidOpenNotebookDocumentParams(
            types.NotebookDocument(
                uri, "jupyter-notebook", 1, [types.NotebookCell(*each) for each in zip(kinds, cells, strict=True)]
            ),
            [types.TextDocumentItem(*each) for each in zip(cells, languages, [1] * 3, texts, strict=True)],
        )
    )
    (shown,) = await editor.rules(cells[2], "S506")
    assert editor.piece(cells[2], shown.range) == "yaml.load"
    assert await editor.pull(cells[0]) == []
    action = await editor.action(cells[2], shown.range, "Fix: read the YAML")
    (change,) = action.edit.document_changes
    assert (change.text_document.uri, editor.piece(cells[2], change.edits[0].range)) == (cells[2], "load")
    assert "S506" in await editor.hover(cells[2], shown.range.start)


# What goes wrong


PLUGIN = """
import asyncio, time
from codetune_core.detectors.protocol import Detection, Pace
class Base:
    pace = Pace.LIVE
    def __init__(self, settings): pass
    def handles(self, document): return True
    def describe(self): return "bad"
    async def aclose(self): pass
class Crashing(Base):
    name = "crashing"
    async def detect(self, document): raise ZeroDivisionError(document.text)
class Hanging(Base):
    name = "hanging"
    async def detect(self, document): time.sleep(600)
"""


def plug_in(folder, *names):
    (folder / "bad.py").write_text(PLUGIN)
    info = folder / "bad-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: bad\nVersion: 1.0\n")
    lines = [f"{name} = bad:{name.capitalize()}" for name in names]
    (info / "entry_points.txt").write_text("[codetune.detectors]\n" + "\n".join(lines) + "\n")
    return {"PYTHONPATH": str(folder)}


async def test_a_detector_that_crashes_or_hangs_loses_its_own_findings_and_is_named_once(
    start_editor, tmp_path, tmp_path_factory
):
    environment = plug_in(tmp_path_factory.mktemp("plugin"), "crashing", "hanging")
    options = {"detectors": {"timeout_seconds": 1}}
    editor = await start_editor(options=options, environment=environment)
    for number in range(2):
        uri = editor.open(f"{number}.py", YAML)
        await editor.rules(uri, "S506")
        await editor.execute("codetune.reviewFile", uri)
    warnings = [message.message for message in editor.client.messages]
    assert sum("crashing crashed" in text for text in warnings) == 1
    assert sum("hanging did not answer within 1 s" in text for text in warnings) == 1
    assert not any("yaml.load" in text for text in editor.said())


async def test_a_worker_that_is_killed_is_replaced_and_the_review_done_again(start_editor):
    editor = await start_editor("emacs-29")
    uri = editor.open("a.py", YAML)
    await editor.rules(uri, "S506")
    for worker in workers(editor):
        worker.send_signal(signal.SIGKILL if os.name != "nt" else signal.SIGTERM)
    editor.edit(uri, YAML + "\n\ndef more(text):\n    return yaml.load(text)\n")
    await editor.rules(uri, "S506", "S506")
    assert not editor.client.messages


async def test_detectors_are_started_anew_on_command(start_editor):
    editor = await start_editor()
    uri = editor.open("a.py", YAML)
    await editor.rules(uri, "S506")
    before = {worker.pid for worker in workers(editor)}
    await editor.execute("codetune.restartDetectors")
    await editor.execute("codetune.reviewFile", uri)
    assert before.isdisjoint(worker.pid for worker in workers(editor))
    await editor.rules(uri, "S506")


async def test_two_servers_work_on_one_workspace(start_editor, tmp_path):
    one, two = await asyncio.gather(start_editor("vscode"), start_editor("emacs-29"))
    (tmp_path / "a.py").write_text(YAML)
    uris = [editor.open("a.py", YAML) for editor in (one, two)]
    await asyncio.gather(one.rules(uris[0], "S506"), two.rules(uris[1], "S506"))
    await one.choose(await one.action(uris[0], one.place(uris[0], "yaml.load"), "Accept this S506"))
    two.save(uris[1])
    await two.rules(uris[1])


@pytest.mark.parametrize("cancelled_by", ["progress", "request"])
async def test_reviewing_the_workspace_shows_progress_and_can_be_cancelled(start_editor, tmp_path, cancelled_by):
    for number in range(300):
        (tmp_path / f"file{number}.py").write_text(f"number = {number}\n" + YAML * 20)
    editor = await start_editor("helix")
    command = types.ExecuteCommandParams("codetune.reviewWorkspace", [], work_done_token="mine")
    running = asyncio.ensure_future(editor.client.workspace_execute_command_async(command))
    while len(editor.progress) < 3:
        await asyncio.sleep(0.02)
        assert not running.done()
    if cancelled_by == "progress":
        editor.client.window_work_done_progress_cancel(types.WorkDoneProgressCancelParams("mine"))
    else:
        (number,) = editor.client.protocol._request_futures
        editor.client.cancel_request(types.CancelParams(number))
    with suppress(asyncio.CancelledError, Exception):
        await asyncio.wait_for(running, 10)
    kinds = [params.value["kind"] for params in editor.progress]
    seen = len(kinds)
    await asyncio.sleep(0.3)
    assert kinds[0] == "begin"
    assert len(editor.progress) <= seen + 1
    assert editor.progress[-1].value["kind"] == "end"
    assert seen < 300


async def test_the_workspaces_findings_are_pulled_in_parts_and_the_next_answer_waits_for_a_change(
    start_editor, tmp_path
):
    (tmp_path / "flawed.py").write_text(YAML)
    (tmp_path / "sound.py").write_text("x = 1\n")
    editor = await start_editor()
    ask = editor.client.workspace_diagnostic_async
    first = await ask(types.WorkspaceDiagnosticParams([], partial_result_token="parts"))
    assert first.items == ()
    (part,) = [params.value["items"] for params in editor.progress if params.token == "parts"]
    assert [(item["uri"], len(item["items"])) for item in part] == [((tmp_path / "flawed.py").as_uri(), 1)]
    had = [types.PreviousResultId(part[0]["uri"], part[0]["resultId"])]
    waiting = asyncio.ensure_future(ask(types.WorkspaceDiagnosticParams(had)))
    await asyncio.sleep(0.5)
    assert not waiting.done()
    (tmp_path / "flawed.py").write_text("x = 1\n")
    event = types.FileEvent((tmp_path / "codetune.toml").as_uri(), types.FileChangeType.Changed)
    (tmp_path / "codetune.toml").write_text(OFF)
    editor.client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams([event]))
    answer = await asyncio.wait_for(waiting, 20)
    assert [(item.uri, item.items) for item in answer.items] == [((tmp_path / "flawed.py").as_uri(), ())]


async def test_nothing_of_a_document_is_in_the_log(start_editor, capfd):
    secret = "correct horse battery staple"
    editor = await start_editor("emacs-29")
    uri = editor.open("a.py", f"import yaml\nyaml.load('{secret}')\n")
    await editor.rules(uri, "S506")
    await editor.execute("codetune.reviewFile", uri)
    with suppress(Exception):
        await editor.execute("codetune.explain", uri, "no such id")
    assert secret not in json.dumps(editor.said())
    assert secret not in capfd.readouterr().err


TOOL = """
import json, pathlib, sys
with open(sys.argv[1], "a") as runs:
    runs.write("x")
text = pathlib.Path(sys.argv[2]).read_text()
place = {"artifactLocation": {"uri": sys.argv[2]}, "region": {"startLine": text.count(chr(10))}}
result = {"ruleId": "TOOL1", "message": {"text": "seen"}, "locations": [{"physicalLocation": place}]}
print(json.dumps({"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "tool"}}, "results": [result]}]}))
"""


@pytest.mark.parametrize("name", ["vscode", "minimal"])
async def test_a_command_runs_on_open_and_on_save_but_not_again_for_a_text_it_has_seen(start_editor, tmp_path, name):
    tool, runs = tmp_path / "tool.py", tmp_path / "runs"
    tool.write_text(TOOL)
    command = [sys.executable, str(tool), str(runs), "{file}"]
    editor = await start_editor(name, options={"detectors": {"sarif": {"tool": {"command": command}}}})
    uri = editor.open("a.py", "x = 1\n")
    await editor.rules(uri, "TOOL1")
    editor.save(uri)
    editor.save(uri)
    await editor.execute("codetune.reviewFile", uri)
    editor.edit(uri, "x = 1\ny = 2\n")
    editor.save(uri)
    (shown,) = await editor.diagnostics(uri, lambda shown: [each.range.start.line for each in shown] == [1])
    assert shown.code == "TOOL1"
    assert runs.read_text() == "xxx"


@pytest.mark.parametrize("name", ["vscode", "minimal"])
async def test_while_an_import_is_half_typed_findings_stay_and_say_that_they_are_older(start_editor, name):
    editor = await start_editor(name)
    text = "from yaml import load\n\n\ndef read(text):\n    return load(text)\n"
    uri = editor.open("a.py", text)
    await editor.rules(uri, "S506")
    editor.edit(uri, "import os\n" + text.replace("load\n", "load as\n", 1))
    (shown,) = await editor.diagnostics(
        uri, lambda shown: any("last text that parsed" in each.message for each in shown)
    )
    assert (shown.code, editor.piece(uri, shown.range)) == ("S506", "load")
