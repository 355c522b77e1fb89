"""Which directory is the workspace."""

import pytest

from codetune_core.workspace.root import workspace_root


def check(root, paths: list[str], expected: str) -> None:
    assert workspace_root([root / path for path in paths]) == root / expected


@pytest.fixture
def tree(tmp_path):
    for name in ("repo/pkg/deep", "repo/other", "loose/down"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "repo/.git").mkdir()
    (tmp_path / "repo/pkg/deep/a.py").write_text("x\n")
    (tmp_path / "loose/a.py").write_text("x\n")
    return tmp_path


@pytest.mark.parametrize(
    "paths", [["repo"], ["repo/pkg"], ["repo/pkg/deep/a.py"], ["repo/pkg", "repo/other"], ["repo/pkg/not/there.py"]]
)
def test_the_repository_around_the_paths(tree, paths):
    check(tree, paths, "repo")


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("codetune.toml", "", "repo/pkg"),
        ("pyproject.toml", "[tool.codetune]\n", "repo/pkg"),
        ("pyproject.toml", "[tool.codetune.rules]\nignore = []\n", "repo/pkg"),
        ("pyproject.toml", "[tool.other]\n", "repo"),
        ("pyproject.toml", "tool = 3\n", "repo"),
        ("pyproject.toml", "not toml [", "repo"),
        ("pyproject.toml", "", "repo"),
    ],
)
def test_settings_nearer_than_the_repository(tree, name, text, expected):
    (tree / "repo/pkg" / name).write_text(text)
    check(tree, ["repo/pkg/deep/a.py"], expected)


def test_a_worktree_whose_git_is_a_file_is_a_repository(tree):
    (tree / "repo/pkg/.git").write_text("gitdir: elsewhere\n")
    check(tree, ["repo/pkg/deep"], "repo/pkg")


@pytest.mark.parametrize(("paths", "expected"), [(["loose/a.py"], "loose"), (["loose"], "loose")])
def test_without_any_mark_the_directory_itself(tree, paths, expected):
    # Above the temporary directory stands whatever this machine has there: without a mark there, it is the start.
    if workspace_root([tree]) == tree:
        check(tree, paths, expected)


def test_without_any_mark_the_working_directory_where_it_holds_the_paths(tree, monkeypatch):
    if workspace_root([tree]) == tree:
        monkeypatch.chdir(tree)
        check(tree, ["loose/a.py"], ".")


def test_without_paths_it_is_found_from_the_working_directory(tree, monkeypatch):
    monkeypatch.chdir(tree / "repo/pkg")
    assert workspace_root([]) == tree / "repo"
