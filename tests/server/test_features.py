"""What each editor sees of findings and fixes, by the abilities that it names; server, worker and ruff are real."""

import asyncio
import itertools

import pytest
import pytest_asyncio
from lsprotocol import types

pytestmark = pytest.mark.asyncio(loop_scope="module")

EDITORS = ("vscode", "neovim", "emacs", "emacs-29", "helix", "minimal", "old")
YAML = "import yaml\n\n\ndef read(text):\n    return yaml.load(text)\n"
_numbers = itertools.count()


@pytest_asyncio.fixture(scope="module", params=EDITORS, loop_scope="module")
async def editor(request, editors, tmp_path_factory):
    started = await editors.Editor(request.param, (tmp_path_factory.mktemp(request.param),)).start()
    yield started
    await started.stop()


def new_file(suffix=".py"):
    return f"file{next(_numbers)}{suffix}"


async def test_a_flaw_is_shown_where_it_stands_with_all_that_the_editor_understands(editor):
    uri = editor.open(new_file(), YAML)
    (shown,) = await editor.rules(uri, "S506")
    assert editor.piece(uri, shown.range) == "yaml.load"
    assert shown.severity is types.DiagnosticSeverity.Error
    assert shown.source == "codetune"
    assert "runs code" in shown.message
    assert {"id", "uri", "version", "fixes"} <= shown.data.keys()
    text = editor.can.text_document
    describes = bool(text and text.publish_diagnostics.code_description_support)
    assert bool(shown.code_description) == describes
    if describes:
        assert shown.code_description.href == "https://cwe.mitre.org/data/definitions/502.html"


@pytest.mark.parametrize(
    ("prefix", "end"),
    [
        ("# \N{PILE OF POO}\n", "\n"),
        ("s = '\N{PILE OF POO}\N{PILE OF POO}'; ", "\n"),
        ("s = '\N{PILE OF POO}'; ", "\r\n"),
        ("s = '\N{PILE OF POO}'; ", "\r"),
        ("s = 'ä\u0301'; ", "\r\n"),
        ("\t\ns = '\x0c\u2028'; ", "\n"),
    ],
    ids=["emoji above", "emoji before", "crlf", "cr", "accents", "odd white space"],
)
async def test_ranges_and_edits_are_in_the_editors_own_units(editor, prefix, end):
    text = f"import yaml\n{prefix}yaml.load(text)".replace("\n", end)
    uri = editor.open(new_file(), text)
    shown = await editor.diagnostics(uri, lambda shown: any(each.code == "S506" for each in shown))
    flaw = next(each for each in shown if each.code == "S506")
    assert editor.piece(uri, flaw.range) == "yaml.load"
    await editor.choose(await editor.action(uri, flaw.range, "Fix: read the YAML"))
    assert editor.buffers[uri].text == text.replace("yaml.load", "yaml.safe_load")


async def test_findings_are_pushed_or_pulled_and_never_both(editor):
    uri = editor.open(new_file(), YAML)
    await editor.rules(uri, "S506")
    pushed = [params for params in editor.published if params.uri == uri]
    assert bool(pushed) != editor.pulls
    assert bool(editor.server.capabilities.diagnostic_provider) == editor.pulls


async def test_what_an_editor_pulls_again_unchanged_is_not_sent_again(editor):
    if not editor.pulls:
        pytest.skip("it is pushed to")
    uri = editor.open(new_file(), YAML)
    (shown,) = await editor.rules(uri, "S506")
    await editor.action(uri, shown.range, "Fix: read the YAML")

    async def pull(previous):
        return await editor.client.text_document_diagnostic_async(
            types.DocumentDiagnosticParams(types.TextDocumentIdentifier(uri), previous_result_id=previous)
        )

    first = await pull(None)
    again = await pull(first.result_id)
    assert (first.kind, again.kind, again.result_id) == ("full", "unchanged", first.result_id)
    editor.edit(uri, "\n" + YAML)
    moved = await pull(first.result_id)
    assert (moved.kind, moved.items[0].range.start.line) == ("full", 5)


async def test_an_editor_that_pulls_is_told_when_what_it_shows_changed_by_itself(editor):
    if not (editor.pulls and editor.can.workspace.diagnostics):
        pytest.skip("it cannot be told")
    uri = editor.open(new_file(), YAML)
    (shown,) = await editor.rules(uri, "S506")
    before = editor.client.diagnostic_refresh_count
    await editor.execute("codetune.acceptInBaseline", uri, shown.data["id"], "known")
    for _ in range(100):
        await asyncio.sleep(0.05)
        if editor.client.diagnostic_refresh_count > before:
            break
    assert editor.client.diagnostic_refresh_count == before + 1
    assert await editor.pull(uri) == []


async def test_a_fix_removes_the_finding(editor):
    uri = editor.open(new_file(), YAML)
    (shown,) = await editor.rules(uri, "S506")
    action = await editor.action(uri, shown.range, "Fix: read the YAML")
    assert "(parses, names resolve, finding gone, nothing new)" in action.title
    if editor.literals:
        assert action.kind == "quickfix"
        text = editor.can.text_document
        assert bool(action.is_preferred) == bool(text and text.code_action.is_preferred_support)
        assert bool(action.edit.document_changes) == editor.versioned
    await editor.choose(action)
    assert "yaml.safe_load(text)" in editor.buffers[uri].text
    await editor.rules(uri)


async def test_an_edit_is_for_the_version_it_was_computed_for(editor):
    uri = editor.open(new_file(), YAML)
    (shown,) = await editor.rules(uri, "S506")
    action = await editor.action(uri, shown.range, "Fix: read the YAML")
    editor.edit(uri, "\n\n" + YAML)
    if isinstance(action, types.Command):
        with pytest.raises(Exception, match="changed"):
            await editor.choose(action)
    elif editor.versioned:
        assert action.edit.document_changes[0].text_document.version == 1
        assert not editor.apply(action.edit)
    assert editor.buffers[uri].text == "\n\n" + YAML


async def test_a_risky_fix_asks_for_confirmation_where_the_editor_can(editor):
    uri = editor.open(new_file(), "import requests\n\nrequests.get('https://example.org')\n")
    shown = await editor.diagnostics(uri, lambda shown: any(each.code == "S113" for each in shown))
    action = await editor.action(uri, shown[0].range, "Fix:")
    if editor.literals:
        assert not action.is_preferred
        assert bool(action.edit.change_annotations) == editor.annotates
    if editor.literals and editor.annotates:
        (annotation,) = action.edit.change_annotations.values()
        assert annotation.needs_confirmation
        assert annotation.description
    await editor.choose(action)
    assert "timeout" in editor.buffers[uri].text


async def test_every_safe_fix_of_a_file_is_applied_at_once(editor):
    text = YAML + "\n\ndef read_more(text):\n    return yaml.load(text)\n"
    uri = editor.open(new_file(), text)
    await editor.rules(uri, "S506", "S506")
    whole = editor.place(uri, text)
    action = await editor.action(uri, whole, "Apply every safe", "source.fixAll")
    await editor.choose(action)
    assert editor.buffers[uri].text == text.replace("yaml.load", "yaml.safe_load")


async def test_every_finding_of_a_rule_is_fixed_at_once(editor):
    text = YAML + "\n\ndef read_more(text):\n    return yaml.load(text)\n"
    uri = editor.open(new_file(), text)
    await editor.rules(uri, "S506", "S506")
    await editor.choose(await editor.action(uri, editor.place(uri, "yaml.load"), "Fix all 2 findings of S506"))
    assert editor.buffers[uri].text == text.replace("yaml.load", "yaml.safe_load")


@pytest.mark.parametrize(
    ("text", "silenced"),
    [
        (YAML, "yaml.load(text)  # codetune: ignore[S506] say here why\n"),
        (YAML.replace("(text)\n", "(text)  # type: ignore\n"), "# type: ignore  # codetune: ignore[S506] say"),
        ('import yaml\n\nyaml.load("""\na: 1\n""")\n', '""")  # codetune: ignore[S506] say'),
        ("import yaml\n\nx = 1 + \\\n    yaml.load(1) + \\\n    2\n", "    2  # codetune: ignore[S506] say"),
    ],
    ids=["plain", "after a comment", "multi-line string", "continuation"],
)
async def test_a_finding_is_ignored_by_a_comment_where_it_counts(editor, text, silenced):
    uri = editor.open(new_file(), text)
    await editor.rules(uri, "S506")
    await editor.choose(await editor.action(uri, editor.place(uri, "yaml.load"), "Ignore S506 here"))
    assert silenced in editor.buffers[uri].text
    await editor.rules(uri)
    (aside,) = await editor.execute("codetune.showIgnored", uri)
    assert (aside["rule"], aside["by"], aside["reason"]) == ("S506", "comment", "say here why")


async def test_a_finding_is_accepted_in_the_baseline(editor):
    name = new_file()
    uri = editor.open(name, YAML)
    await editor.rules(uri, "S506")
    await editor.choose(await editor.action(uri, editor.place(uri, "yaml.load"), "Accept this S506"))
    assert name in (editor.roots[0] / "codetune-baseline.toml").read_text()
    await editor.rules(uri)


async def test_an_explanation_is_shown_as_the_editor_can_show_it(editor):
    uri = editor.open(new_file(), YAML)
    await editor.rules(uri, "S506")
    documents, messages = len(editor.client.shown_documents), len(editor.client.messages)
    text = await editor.choose(await editor.action(uri, editor.place(uri, "yaml.load"), "Explain S506"))
    assert "https://cwe.mitre.org/data/definitions/502.html" in text
    window = editor.can.window
    if window and window.show_document:
        assert len(editor.client.shown_documents) == documents + 1
    else:
        assert "yaml.load" in editor.client.messages[messages].message


async def test_hovering_explains_in_the_form_the_editor_reads(editor):
    uri = editor.open(new_file(), YAML)
    (shown,) = await editor.rules(uri, "S506")
    text = await editor.hover(uri, shown.range.start)
    assert "S506" in text
    assert "definitions/502.html" in text
    marked = editor.can.text_document and "markdown" in editor.can.text_document.hover.content_format
    assert text.startswith("### ") == bool(marked)
    assert await editor.hover(uri, types.Position(0, 0)) == ""


async def test_only_the_kinds_that_are_asked_for_are_offered(editor):
    uri = editor.open(new_file(), YAML)
    (shown,) = await editor.rules(uri, "S506")
    await editor.action(uri, shown.range, "Fix: read the YAML")
    assert await editor.actions(uri, shown.range, "refactor") == []
    sources = await editor.actions(uri, shown.range, "source.fixAll.codetune")
    assert [action.title for action in sources] == ["Apply every safe CodeTune fix in this file"]
    assert all("safe CodeTune" not in each.title for each in await editor.actions(uri, shown.range, "quickfix"))


async def test_the_ids_in_diagnostics_find_their_findings_whatever_range_the_editor_sends(editor):
    uri = editor.open(new_file(), YAML)
    (shown,) = await editor.rules(uri, "S506")
    start = types.Range(types.Position(0, 0), types.Position(0, 0))
    wrong = types.Diagnostic(start, "", source="codetune", data=shown.data)
    assert any("S506" in action.title for action in await editor.actions(uri, start, context=[wrong]))
    foreign = types.Diagnostic(start, "", source="codetune", data={"id": "no such id"})
    assert not any("S506" in action.title for action in await editor.actions(uri, start, context=[foreign]))


async def test_fixes_are_offered_anywhere_on_the_line_of_a_finding_and_on_no_other(editor):
    uri = editor.open(new_file(), YAML)
    (shown,) = await editor.rules(uri, "S506")
    start = types.Position(shown.range.start.line, 0)
    await editor.action(uri, types.Range(start, start), "Fix: read the YAML")
    above = types.Position(shown.range.start.line - 1, 0)
    assert not any("S506" in action.title for action in await editor.actions(uri, types.Range(above, above)))


async def test_a_closed_document_shows_nothing(editor):
    uri = editor.open(new_file(), YAML)
    await editor.rules(uri, "S506")
    editor.close(uri)
    if editor.pulls:
        assert await editor.pull(uri) == []
    else:
        await editor.diagnostics(uri, lambda shown: shown == [])
        assert [params.diagnostics for params in editor.published if params.uri == uri][-1] == ()


async def test_a_text_on_no_disk_is_reviewed(editor):
    uri = editor.open("", YAML, uri=f"untitled:Untitled-{next(_numbers)}")
    (shown,) = await editor.rules(uri, "S506")
    await editor.action(uri, shown.range, "Ignore S506 here")
    assert not any("baseline" in action.title for action in await editor.actions(uri, shown.range))


async def test_typing_on_leaves_only_the_newest_texts_findings(editor):
    uri = editor.open(new_file(), YAML)
    for count in range(1, 12):
        editor.edit(uri, "#\n" * count + YAML)
    (shown,) = await editor.diagnostics(uri, lambda shown: [each.range.start.line for each in shown] == [15])
    assert editor.piece(uri, shown.range) == "yaml.load"
    versions = [params.version for params in editor.published if params.uri == uri]
    assert versions == sorted(versions)


async def test_a_file_that_is_not_worth_a_review_shows_nothing_and_is_named_once(editor):
    name = new_file("_pb2.py")
    uri = editor.open(name, YAML)
    assert await editor.execute("codetune.reviewFile", uri) == {"findings": 0}
    assert await editor.execute("codetune.reviewFile", uri) == {"findings": 0}
    assert [text for text in editor.said() if name in text] == [f"{name} is not reviewed: generated"]


async def test_the_workspace_is_reviewed_on_command(editor):
    name = new_file()
    (editor.roots[0] / name).write_text(YAML)
    answer = await editor.execute("codetune.reviewWorkspace")
    assert answer["files"] >= 1
    assert answer["findings"] >= 1
    uri = (editor.roots[0] / name).as_uri()
    assert any(params.uri == uri and params.diagnostics for params in editor.published) != editor.pulls
    (editor.roots[0] / name).unlink()
