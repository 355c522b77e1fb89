"""What holds in a folder: settings from their sources, the baseline, and when they are to be read again."""

import os

import pytest

from codetune_core.domain.document import Document
from codetune_core.domain.finding import Confidence, Finding, Rule, Severity
from codetune_core.domain.review import Review, Stage
from codetune_core.domain.text import Range
from codetune_core.errors import BaselineError
from codetune_server import holdings
from codetune_server.folders import Folder, Folders
from codetune_server.told import Told

FINDING = Finding(Rule("S1", "x"), Range.of(0, 0, 0, 1), "m", Severity.LOW, Confidence.LOW, ("d",), id="abc")


@pytest.fixture(autouse=True)
def own_configuration(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("config")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder))
    return folder


@pytest.fixture
def folder(tmp_path):
    return Folder.at(tmp_path.as_uri())


def document(folder, name="a.py"):
    return Document((folder.path / name).as_uri(), "x\n", "python")


def shown(holding, document, is_open=lambda _: False):
    review = Review(document.uri, 1, Stage.COMPLETE, (FINDING,))
    return holding.part(document, review, is_open).findings


@pytest.mark.parametrize(
    ("user", "pyproject", "own", "editor", "expected"),
    [
        ("", "", "", [], "low"),
        ("info", "", "", [], "info"),
        ("info", "medium", "", [], "medium"),
        ("info", "medium", "high", [], "high"),
        ("info", "medium", "high", [{"fail_on": "critical"}], "critical"),
        ("", "", "high", [{"fail_on": "critical"}, {"fail_on": "info"}], "info"),
        ("", "", "high", [{"fail_on": "critical"}, {}], "critical"),
        ("", "", "high", [{"failOn": "medium"}], "medium"),
        ("", "", "high", [{"fail_on": "nonsense"}], "high"),
    ],
)
def test_the_later_source_wins(  # noqa: PLR0917 - one for each source
    folder, own_configuration, user, pyproject, own, editor, expected
):
    (own_configuration / "codetune").mkdir()
    for path, head, value in (
        (own_configuration / "codetune" / "codetune.toml", "", user),
        (folder.path / "pyproject.toml", "[tool.codetune]\n", pyproject),
        (folder.path / "codetune.toml", "", own),
    ):
        path.write_text(f'{head}fail_on = "{value}"\n' if value else "")
    assert holdings.read(folder, Told(tuple(editor))).settings.fail_on == expected


def test_mistakes_name_where_they_were_made(folder):
    (folder.path / "codetune.toml").write_text("fial_on = 1\n")
    texts = [notice.text for notice in holdings.read(folder, Told(({"editor": {"review_on": "never"}},))).notices]
    assert any("codetune.toml" in text and "did you mean `fail_on`" in text for text in texts)
    assert any(text.startswith("The editor's settings: `editor.review_on`") for text in texts)


def test_a_command_in_a_workspace_that_is_not_trusted_is_not_taken_over(folder):
    (folder.path / "codetune.toml").write_text('[detectors.sarif.evil]\ncommand = ["evil"]\n')
    holding = holdings.read(folder, Told())
    assert not holding.settings.detectors.sarif
    assert "codetune trust" in holding.notices[0].text


@pytest.mark.parametrize("name", ["codetune.toml", "pyproject.toml", ".gitignore", "codetune-baseline.toml"])
def test_what_was_read_is_out_of_date_once_a_file_comes_changes_or_goes(folder, name):
    path = folder.path / name
    holding = holdings.read(folder, Told())
    assert holding.is_current
    path.write_text("")
    assert not holding.is_current
    holding = holdings.read(folder, Told())
    assert holding.is_current
    os.utime(path, (1, 1))
    assert not holding.is_current
    holding = holdings.read(folder, Told())
    path.unlink()
    assert not holding.is_current


def test_an_accepted_finding_is_set_aside_with_its_reason(folder):
    here = document(folder)
    holdings.accept(holdings.read(folder, Told()), here, FINDING, "known")
    holding = holdings.read(folder, Told())
    review = holding.part(here, Review(here.uri, 1, Stage.COMPLETE, (FINDING,)), lambda _: False)
    assert review.findings == ()
    assert review.suppressed[0].suppression.reason == "known"


def test_an_accepted_finding_goes_with_a_renamed_file_but_not_to_a_copy(folder):
    here, there = document(folder), document(folder, "b.py")
    holdings.accept(holdings.read(folder, Told()), here, FINDING, "known")
    holding = holdings.read(folder, Told())
    assert not shown(holding, there)
    assert shown(holding, there, is_open=lambda uri: uri == here.uri)
    (folder.path / "a.py").write_text("x\n")
    assert shown(holding, there)


def test_accepting_keeps_what_was_accepted_meanwhile_by_another(folder):
    first, second = holdings.read(folder, Told()), holdings.read(folder, Told())
    holdings.accept(first, document(folder), FINDING, "one")
    holdings.accept(second, document(folder, "b.py"), FINDING, "two")
    assert {entry.path for entry in holdings.read(folder, Told()).baseline.entries} == {"a.py", "b.py"}


def test_a_broken_baseline_is_said_and_never_overwritten(folder):
    path = folder.path / "codetune-baseline.toml"
    path.write_text("not toml [")
    holding = holdings.read(folder, Told())
    assert any("codetune-baseline.toml" in notice.text for notice in holding.notices)
    with pytest.raises(BaselineError):
        holdings.accept(holding, document(folder), FINDING, "known")
    assert path.read_text() == "not toml ["


def test_what_lies_in_no_folder_has_no_baseline(folder, tmp_path_factory):
    outside = Document(tmp_path_factory.mktemp("else").joinpath("a.py").as_uri(), "x\n", "python")
    for holding in (holdings.read(None, Told()), holdings.read(folder, Told())):
        with pytest.raises(BaselineError, match="no folder"):
            holdings.accept(holding, outside, FINDING, "known")


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("a.py", "x = 1\n", ""),
        ("ignored/a.py", "x = 1\n", "ignored by .gitignore"),
        ("node_modules/a.js", "x = 1\n", "vendored"),
        ("a_pb2.py", "x = 1\n", "generated"),
        ("a.py", "x" * 2_000_000, "larger than 1024 kB"),
    ],
)
def test_documents_not_worth_a_review_are_left_out_with_the_reason(folder, name, text, reason):
    (folder.path / ".gitignore").write_text("ignored/\n")
    found = Document((folder.path / name).as_uri(), text, "python")
    assert holdings.read(folder, Told()).why_skipped(found) == reason


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("file:///one/a.py", "file:///one"),
        ("file:///one/two/a.py", "file:///one/two"),
        ("file:///one%20more/a.py", "file:///one%20more"),
        ("file:///onemore/a.py", None),
        ("file:///else/a.py", None),
        ("untitled:Untitled-1", "file:///one"),
    ],
)
def test_a_document_belongs_to_the_innermost_root_around_it(uri, expected):
    folders = Folders()
    for root in ("file:///one", "file:///one/two/", "file:///one%20more"):
        folders.add(root)
    found = folders.of(Document(uri, "", "python"))
    assert (found.uri if found else None) == expected


def test_a_root_that_is_left_out_holds_nothing_any_more():
    folders = Folders()
    folders.add("file:///one")
    folders.remove("file:///one/")
    assert folders.of(Document("file:///one/a.py", "", "python")) is None
    assert folders.of(Document("untitled:1", "", "python")) is None
