"""Which commit is checked out, as git itself says it."""

import os
import subprocess

import pytest

from codetune_core.workspace.git_head import Head, git_folder, read_head

_AS = ("-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false")


def git(folder, *words: str) -> str:
    done = subprocess.run(["git", *_AS, *words], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(folder) -> str:
    git(folder, "commit", "-q", "--allow-empty", "-m", "more")
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def tree(tmp_path):
    folder = tmp_path / "shop"
    (folder / "src").mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    return folder


def head(folder) -> Head | None:
    found = git_folder(folder / "src" / "a.py")
    assert found is not None
    return read_head(found)


def test_the_commit_of_a_branch_is_read_before_the_first_one_after_it_and_packed(tree):
    assert head(tree) == Head("refs/heads/main", "")
    first = commit(tree)
    assert head(tree) == Head("refs/heads/main", first)
    git(tree, "pack-refs", "--all")
    assert head(tree) == Head("refs/heads/main", first)
    assert head(tree).is_commit_after(Head("refs/heads/main", ""))
    second = commit(tree)
    assert head(tree) == Head("refs/heads/main", second)


def test_another_branch_is_no_commit(tree):
    commit(tree)
    before = head(tree)
    git(tree, "switch", "-q", "-c", "team/other")
    assert not head(tree).is_commit_after(before)
    commit(tree)
    assert not head(tree).is_commit_after(before)


def test_a_commit_by_itself_is_read(tree):
    first = commit(tree)
    git(tree, "checkout", "-q", "--detach")
    assert head(tree) == Head("", first)


@pytest.mark.parametrize("relative", [False, True])
def test_a_worktree_has_its_own(tree, relative):
    commit(tree)
    other = tree.parent / "other"
    git(tree, "worktree", "add", "-q", str(other), "-b", "fix")
    if relative:
        link = (other / ".git").read_text().removeprefix("gitdir: ").strip()
        (other / ".git").write_text(f"gitdir: ../{link.removeprefix(str(tree.parent))[1:]}\n")
    before = head(other)
    assert before == Head("refs/heads/fix", git(tree, "rev-parse", "HEAD"))
    after = commit(other)
    assert head(other) == Head("refs/heads/fix", after)
    assert head(tree).branch == "refs/heads/main"


def test_a_store_of_another_format_only_says_that_something_changed(tree):
    (tree / ".git" / "reftable").mkdir()
    (tree / ".git" / "HEAD").write_text("ref: refs/heads/.invalid\n")
    (tree / ".git" / "reftable" / "tables.list").write_text("one\n")
    before = head(tree)
    (tree / ".git" / "reftable" / "tables.list").write_text("two\n")
    assert head(tree).is_commit_after(before)


def test_where_there_is_no_git_nothing_is_said(tmp_path):
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    (tmp_path / "a" / ".git").write_text("not a pointer")
    assert read_head(folder) is None
    found = git_folder(folder / "x.py")
    assert found is None or not found.is_relative_to(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
@pytest.mark.parametrize("name", ["HEAD", "refs/heads/main", "packed-refs", "commondir", "reftable/tables.list"])
def test_a_pipe_in_a_git_folder_is_not_waited_for(tree, name):
    if name.startswith("packed"):
        (tree / ".git" / "HEAD").write_text("ref: refs/heads/none\n")
    place = tree / ".git" / name
    place.parent.mkdir(exist_ok=True)
    place.unlink(missing_ok=True)
    os.mkfifo(place)
    found = head(tree)
    assert found is None or found.commit == ""


@pytest.mark.parametrize("name", ["HEAD", "packed-refs"])
def test_a_file_without_end_is_not_read(tree, name):
    (tree / ".git" / "HEAD").write_text("ref: refs/heads/none\n")
    (tree / ".git" / name).unlink(missing_ok=True)
    (tree / ".git" / name).symlink_to("/dev/zero")
    found = head(tree)
    assert found is None or found.commit == ""


@pytest.mark.parametrize("said", ["ref: a\0b", "ref: " + "../" * 2000, "\0", "ref:", "x" * 10_000])
def test_nonsense_in_a_git_folder_is_no_error(tree, said):
    (tree / ".git" / "HEAD").write_text(said)
    found = head(tree)
    assert found is None or len(found.commit) <= 4096
    (tree / "src" / ".git").write_text(f"gitdir: {said}")
    assert read_head(git_folder(tree / "src" / "a.py")) is None
