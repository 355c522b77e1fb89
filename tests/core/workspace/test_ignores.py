"""Whether one file in an editor belongs to the review of its workspace."""

import subprocess

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from codetune_core.sections import FileSettings
from codetune_core.workspace.discover import discover
from codetune_core.workspace.ignores import why_ignored


def check(root, path: str, reason: str, **files) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text("x\n")
    assert why_ignored(root / path, root, FileSettings(**files)) == reason


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("a.py", ""), ("sub/a.py", ""), ("a.log", "ignored by .gitignore"), ("sub/deep/a.log", "ignored by .gitignore"),
        ("build/a.py", "ignored by .gitignore"), ("build/deep/a.py", "ignored by .gitignore"), ("keep.log", ""),
        ("vendor/a.py", "vendored"), (".venv/lib/a.py", "virtual environment"), ("x/__pycache__/a.py", "cache"),
        (".git/hooks/a.py", "version control"), ("gen/a.py", "excluded by files.exclude"),
        ("sub/gen/a.py", "excluded by files.exclude"),
    ],
)  # fmt: skip
def test_a_file_is_left_out_for_itself_or_for_a_directory_around_it(tmp_path, path, reason):
    (tmp_path / ".gitignore").write_text("*.log\n!keep.log\nbuild/\n")
    check(tmp_path, path, reason, exclude=("gen/",))


def test_an_edited_gitignore_counts_at_once(tmp_path):
    (tmp_path / ".gitignore").write_text("a.py\n")
    check(tmp_path, "a.py", "ignored by .gitignore")
    (tmp_path / ".gitignore").write_text("# a.py is ours\n")
    check(tmp_path, "a.py", "")


def test_a_file_outside_the_workspace_is_not_ignored_by_it(tmp_path):
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / ".gitignore").write_text("*\n")
    assert why_ignored(tmp_path / "other.py", tmp_path / "work", FileSettings()) == ""


def test_a_workspace_inside_a_directory_with_a_telling_name_is_a_workspace(tmp_path):
    root = tmp_path / "vendor" / "mine"
    root.mkdir(parents=True)
    check(root, "a.py", "")


_PATTERNS = st.lists(
    st.from_regex(r"\A!?/?(\*\*/)?[ab*?]{1,2}(/[ab*]{1,2})?/?\Z").filter(
        lambda pattern: "***" not in pattern and not pattern.endswith("**/")
    ),
    max_size=4,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(outer=["?", "*/", "!?"], inner=[])
@example(outer=["?", "??/**"], inner=["!?"])
@given(outer=_PATTERNS, inner=_PATTERNS)
def test_the_same_files_are_ignored_as_by_git(tmp_path_factory, outer, inner):
    root = tmp_path_factory.mktemp("repo")
    files = ["a", "b/a", "b/b", "ab/a", "ab/b/a", "ab/b/bb", "aa/ab", "b/ab/a"]
    for name in files:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x\n")
    (root / ".gitignore").write_text("\n".join(outer))
    (root / "ab" / ".gitignore").write_text("\n".join(inner))
    git = ["git", "-c", "core.excludesFile=/dev/null", "-C", str(root)]
    subprocess.run([*git, "init", "-q"], check=True)
    listed = subprocess.run([*git, "ls-files", "-co", "--exclude-standard"], check=True, capture_output=True, text=True)
    found = discover([root], root, FileSettings())
    ours = {target.path.relative_to(root).as_posix() for target in found.targets}
    assert ours == set(listed.stdout.split())
    assert {name for name in files if not why_ignored(root / name, root, FileSettings())} == ours - {
        ".gitignore",
        "ab/.gitignore",
    }
