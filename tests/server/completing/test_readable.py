"""Which open documents a model is told of, for a completion in one of them."""

from os.path import normpath
from pathlib import Path

import pytest

from codetune_core.domain.document import Document
from codetune_core.findings.baseline import Baseline
from codetune_core.settings import Settings
from codetune_server.completing.readable import readable
from codetune_server.folders import Folder
from codetune_server.holdings import Holding


def check(folder, *names, of="a.py", inside=True, **sections) -> list[str]:
    """The names of those among some open documents that are told of."""
    settings = Settings.model_validate(sections)
    holding = Holding(Folder.at(folder.as_uri()) if inside else None, settings, Baseline(), (), (), ())
    opened = [Document(Path(normpath(folder / name)).as_uri(), "x = 1\n", "python", 1) for name in (of, *names)]
    return [other.name for other in readable(opened[0], opened[1:], holding)]


def test_those_of_the_same_folder_are_told_of(tmp_path):
    assert check(tmp_path, "b.py", "deep/c.py", "../elsewhere.py") == ["b.py", "c.py"]
    assert check(tmp_path, "b.py", "deep/c.py", "../elsewhere.py", inside=False) == ["b.py"]


def test_what_was_never_saved_is_told_of_in_what_was_never_saved_only(tmp_path):
    holding = Holding(None, Settings(), Baseline(), (), (), ())
    saved, unsaved = (Document(uri, "x", "python", 1) for uri in ((tmp_path / "a.py").as_uri(), "untitled:1"))
    other = Document("untitled:2", "y", "python", 1)
    assert readable(saved, [unsaved], holding) == ()
    assert readable(unsaved, [saved, other], holding) == (other,)


@pytest.mark.parametrize(
    "sections", [{"files": {"exclude": ["b.py"]}}, {"outbound": {"ignore": ["b.py"]}}], ids=["excluded", "kept here"]
)
def test_ignored_ones_are_not_told_of(tmp_path, sections):
    assert check(tmp_path, "b.py", "c.py", **sections) == ["c.py"]


def test_files_of_secrets_are_not_told_of(tmp_path):
    assert check(tmp_path, ".env", "server.pem", "c.py") == ["c.py"]


@pytest.mark.parametrize("of", ["a.py", "secret.py"])
def test_where_the_document_itself_may_not_leave_all_the_others_are_told_of(tmp_path, of):
    (tmp_path / ".codetuneignore").write_text("secret*.py\n")
    told = check(tmp_path, "secret_too.py", "c.py", of=of)
    assert told == (["c.py"] if of == "a.py" else ["secret_too.py", "c.py"])


def test_no_more_are_looked_at_than_snippets_are_taken_from(tmp_path):
    assert len(check(tmp_path, *(f"b{number}.py" for number in range(20)))) == 8
