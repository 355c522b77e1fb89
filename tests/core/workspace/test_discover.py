"""Which files of a workspace are looked at."""

import os
from pathlib import Path

import pytest

from codetune_core.sections import FileSettings
from codetune_core.workspace.discover import discover


def make(root: Path, *names: str) -> None:
    write(root, dict.fromkeys(names, "x = 1\n"))


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def check(root: Path, expected: list[str], skipped: dict[str, int] | None = None, *, paths=("",), **files) -> None:
    found = discover([root / path for path in paths], root, FileSettings(**files))
    assert [target.path.relative_to(root).as_posix() for target in found.targets] == expected
    if skipped is not None:
        assert dict(found.skipped) == skipped


def test_files_come_in_the_order_of_their_names_whatever_the_disk_says(tmp_path):
    make(tmp_path, "b.py", "a/z.py", "a/a.py", "c/d/e.py", "a.py")
    check(tmp_path, ["a/a.py", "a/z.py", "a.py", "b.py", "c/d/e.py"], {})


def test_every_kind_of_text_file_is_found(tmp_path):
    make(tmp_path, "Dockerfile", ".env", "config.yaml", "x.js")
    check(tmp_path, [".env", "Dockerfile", "config.yaml", "x.js"], {})


@pytest.mark.parametrize(
    ("folder", "reason"),
    [
        (".git", "version control"), (".hg", "version control"), (".svn", "version control"),
        ("__pycache__", "cache"), (".mypy_cache", "cache"), (".ruff_cache", "cache"), (".pytest_cache", "cache"),
        (".venv", "virtual environment"), (".tox", "virtual environment"), (".nox", "virtual environment"),
        ("node_modules", "vendored"), ("vendor", "vendored"), ("third_party", "vendored"),
        ("site-packages", "vendored"), ("bower_components", "vendored"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("above", ["", "deep/down/"])
def test_directories_of_others_are_left_out_and_counted_once(tmp_path, folder, reason, above):
    make(tmp_path, f"{above}{folder}/one.py", f"{above}{folder}/more/two.py", "own.py")
    check(tmp_path, ["own.py"], {reason: 1})


def test_a_virtual_environment_is_known_by_its_marker_under_any_name(tmp_path):
    make(tmp_path, "myenv/pyvenv.cfg", "myenv/lib/x.py", "own.py")
    check(tmp_path, ["own.py"], {"virtual environment": 1})


def test_vendored_directories_are_walked_where_the_settings_ask_for_it(tmp_path):
    make(tmp_path, "vendor/one.py", "__pycache__/two.py")
    check(tmp_path, ["vendor/one.py"], {"cache": 1}, include_generated=True)


def test_a_file_named_like_a_vendored_directory_is_a_file(tmp_path):
    make(tmp_path, "vendor", "node_modules.py")
    check(tmp_path, ["node_modules.py", "vendor"], {})


@pytest.mark.parametrize(
    ("patterns", "ignored"),
    [
        ("*.log\n", {"a.log", "sub/b.log"}),
        ("/a.log\n", {"a.log"}),
        ("sub/\n", {"sub/b.log", "sub/c.py"}),
        ("*.log\n!a.log\n", {"sub/b.log"}),
        ("!a.log\n*.log\n", {"a.log", "sub/b.log"}),
        ("sub/*\n!sub/c.py\n", {"sub/b.log"}),
        ("sub/\n!sub/c.py\n", {"sub/b.log", "sub/c.py"}),  # git: no way back into an ignored directory
        ("# *.py\n\n   \n", set()),
        ("\\#x\n**/c.py\n", {"sub/c.py"}),
        ("sub\n", {"sub/b.log", "sub/c.py"}),
        ("a.log/\n", set()),  # names a directory only
        ("[ab].log\n", {"a.log", "sub/b.log"}),
    ],
)
def test_gitignore_means_what_it_means_to_git(tmp_path, patterns, ignored):
    files = ["a.log", "sub/b.log", "sub/c.py", "x.py"]
    make(tmp_path, *files)
    write(tmp_path, {".gitignore": patterns, ".git/HEAD": ""})
    check(tmp_path, sorted({".gitignore", *files} - ignored))


def test_a_nearer_gitignore_overrules_a_farther_one(tmp_path):
    make(tmp_path, "a.txt", "sub/a.txt", "sub/deep/a.txt")
    write(tmp_path, {".gitignore": "*.txt\n", "sub/.gitignore": "!a.txt\n", "sub/deep/.gitignore": "a.txt\n"})
    check(tmp_path, [".gitignore", "sub/.gitignore", "sub/a.txt", "sub/deep/.gitignore"])


def test_a_directory_let_back_in_by_a_nearer_gitignore_is_walked(tmp_path):
    make(tmp_path, "out/a.txt", "sub/out/a.txt", "sub/out/out/b.txt")
    write(tmp_path, {".gitignore": "out\n", "sub/.gitignore": "!out/\n"})
    check(tmp_path, [".gitignore", "sub/.gitignore", "sub/out/a.txt", "sub/out/out/b.txt"])


def test_a_nested_gitignore_is_relative_to_its_directory(tmp_path):
    make(tmp_path, "build/a.py", "sub/build/a.py", "sub/deep/build/a.py")
    write(tmp_path, {"sub/.gitignore": "/build\n"})
    check(tmp_path, ["build/a.py", "sub/.gitignore", "sub/deep/build/a.py"], {"ignored by .gitignore": 1})


def test_the_exclude_file_of_the_repository_counts_least(tmp_path):
    make(tmp_path, "a.txt", "b.txt", "c.txt")
    write(tmp_path, {".git/info/exclude": "a.txt\nb.txt\n", ".gitignore": "!b.txt\n"})
    check(tmp_path, [".gitignore", "b.txt", "c.txt"])


def test_the_gitignore_above_a_workspace_counts_up_to_the_repository(tmp_path):
    make(tmp_path, "repo/own/a.py", "repo/own/secret.py", "repo/own/far.py")
    write(tmp_path, {"repo/.git/HEAD": "", "repo/.gitignore": "secret.py\n", ".gitignore": "far.py\n"})
    check(tmp_path / "repo" / "own", ["a.py", "far.py"])


def test_gitignore_is_not_asked_where_the_settings_say_so(tmp_path):
    make(tmp_path, "a.log")
    write(tmp_path, {".gitignore": "*.log\n"})
    check(tmp_path, [".gitignore", "a.log"], {}, respect_gitignore=False)


def test_a_gitignore_that_is_no_text_does_no_harm(tmp_path):
    make(tmp_path, "a.py")
    (tmp_path / ".gitignore").write_bytes(b"\xff\xfe\x00\n*.log\n")
    check(tmp_path, [".gitignore", "a.py"])


@pytest.mark.parametrize(
    ("globs", "expected"),
    [
        (("*.sql",), ["a.py", "sub/a.py"]),
        (("sub/",), ["a.py", "b.sql"]),
        (("sub/**",), ["a.py", "b.sql"]),
        (("a.py",), ["b.sql", "sub/c.sql"]),
        (("/a.py",), ["b.sql", "sub/a.py", "sub/c.sql"]),
        (("*.sql", "!b.sql"), ["a.py", "b.sql", "sub/a.py"]),
        ((), ["a.py", "b.sql", "sub/a.py", "sub/c.sql"]),
    ],
)
def test_globs_of_the_settings_exclude(tmp_path, globs, expected):
    make(tmp_path, "a.py", "b.sql", "sub/a.py", "sub/c.sql")
    check(tmp_path, expected, exclude=globs)


def test_exclude_is_relative_to_the_workspace_wherever_the_walk_begins(tmp_path):
    make(tmp_path, "sub/gen/a.py", "sub/b.py")
    check(tmp_path, ["sub/b.py"], {"excluded by files.exclude": 1}, paths=["sub"], exclude=("sub/gen",))


def test_a_named_file_is_looked_at_though_everything_speaks_against_it(tmp_path):
    make(tmp_path, "node_modules/x.py")
    write(tmp_path, {".gitignore": "*\n"})
    found = discover([tmp_path / "node_modules/x.py"], tmp_path, FileSettings(exclude=("*.py",)))
    assert [(target.path.name, target.named) for target in found.targets] == [("x.py", True)]


def test_a_named_directory_is_walked_though_it_is_vendored(tmp_path):
    make(tmp_path, "vendor/x.py", "vendor/node_modules/y.py")
    check(tmp_path, ["vendor/x.py"], {"vendored": 1}, paths=["vendor"])


def test_a_file_met_twice_is_looked_at_once(tmp_path):
    make(tmp_path, "sub/a.py", "b.py")
    check(tmp_path, ["sub/a.py", "b.py"], paths=["sub", "", "b.py", "sub/a.py"])


def test_a_loop_of_links_ends(tmp_path):
    make(tmp_path, "sub/a.py")
    (tmp_path / "sub" / "again").symlink_to(tmp_path)
    (tmp_path / "me").symlink_to("me")
    check(tmp_path, ["sub/a.py"], {"symbolic link": 2})


def test_links_met_on_the_way_are_not_followed(tmp_path):
    make(tmp_path, "own/a.py", "outside/secret.py")
    (tmp_path / "own/b.py").symlink_to("a.py")
    (tmp_path / "own/out").symlink_to(tmp_path / "outside")
    check(tmp_path / "own", ["a.py"], {"symbolic link": 2})


def test_a_named_link_is_followed(tmp_path):
    make(tmp_path, "real/a.py")
    (tmp_path / "link").symlink_to("real")
    check(tmp_path, ["link/a.py"], {}, paths=["link"])


def test_a_named_loop_of_links_is_a_problem_and_the_rest_is_found(tmp_path):
    make(tmp_path, "a.py")
    (tmp_path / "loop").symlink_to("loop")
    found = discover([tmp_path / "loop", tmp_path / "a.py"], tmp_path, FileSettings())
    said = [text for _, text in found.problems]
    assert [target.path.name for target in found.targets if target.path.name != "loop"] == ["a.py"]
    # From Python 3.13 on the loop is noticed only when the file is read.
    assert said == ["cannot be read: too many levels of symbolic links"] or len(found.targets) == 2


def test_a_directory_named_like_a_file_is_walked(tmp_path):
    make(tmp_path, "x.py/inner.py")
    check(tmp_path, ["x.py/inner.py"], {}, paths=["x.py"])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_named_pipe_is_left_out(tmp_path):
    make(tmp_path, "a.py")
    os.mkfifo(tmp_path / "pipe.py")
    check(tmp_path, ["a.py"], {"not a regular file": 1})


def test_a_directory_that_cannot_be_listed_is_said_and_the_rest_is_found(tmp_path, monkeypatch):
    make(tmp_path, "a.py", "closed/b.py", "open/c.py")
    scandir = os.scandir

    def refuse(path):
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)  # the tests may run as root, whom no permission stops
    found = discover([tmp_path], tmp_path, FileSettings())
    assert [target.path.name for target in found.targets] == ["a.py", "c.py"]
    assert found.problems == [(tmp_path / "closed", "cannot be listed: permission denied")]


def test_a_directory_that_is_empty_gives_nothing(tmp_path):
    check(tmp_path, [], {})
