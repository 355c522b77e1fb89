"""Tests are put into no file that a link leads to: it may be anywhere."""

import pytest

from codetune_core.domain.document import Document
from codetune_server.errors import RequestError
from codetune_server.folders import Folders
from codetune_server.prompted import testing


def place_of(root):
    folders = Folders()
    folders.add(root.as_uri())
    return testing.tests_file_of(Document((root / "a.py").as_uri(), "x = 1\n", "python", 1), folders, lambda _: None)


@pytest.fixture
def root(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "a.py").write_text("x = 1\n")
    return folder


@pytest.mark.parametrize("target", ["../elsewhere", "hooks"])
def test_a_folder_of_tests_that_is_a_link_is_refused(root, target):
    (root / "hooks").mkdir()
    (root / "tests").symlink_to(target)
    with pytest.raises(RequestError, match=r"tests/test_a\.py is where the tests would go"):
        place_of(root)


@pytest.mark.parametrize("target", ["../../elsewhere/new.py", "../a.py", "test_a.py"])
def test_a_file_of_tests_that_is_a_link_is_refused(root, target):
    (root / "tests").mkdir()
    (root / "tests" / "test_a.py").symlink_to(target)
    with pytest.raises(RequestError, match="a link leads elsewhere"):
        place_of(root)


def test_a_workspace_that_is_reached_by_a_link_has_its_tests(root):
    (root / "tests").mkdir()
    way = root.parent / "way"
    way.symlink_to(root)
    assert place_of(way).document.path == way / "tests" / "test_a.py"
