"""``codetune space export``: a folder from which `docker build` makes the image."""

import subprocess
import tomllib
import zipfile
from importlib.metadata import version

import pytest

from codetune_core.cli.space import source, upload


def test_everything_that_the_dockerfile_copies_is_there(space, wheel, tmp_path):
    done = space("export", tmp_path / "build", "--wheel", wheel, "--host", "codetune.example.com")
    assert done.exit_code == 0, done.output
    there = {path.name for path in (tmp_path / "build").iterdir()}
    copied = [
        name
        for line in (tmp_path / "build" / "Dockerfile").read_text().splitlines()
        if line.startswith("COPY ") and "--from" not in line
        for name in line.split()[1:-1]
    ]
    assert set(copied) - {"*.whl"} <= there
    assert wheel.name in there
    assert "README.md" not in there
    settings = tomllib.loads((tmp_path / "build" / "codetune.toml").read_text())
    assert settings["serve"]["allowed_hosts"] == ["codetune.example.com"]


def test_a_folder_that_is_not_empty_is_left_alone(space, wheel, tmp_path):
    done = space("export", tmp_path, "--wheel", wheel)
    assert done.exit_code == 2
    assert "not empty" in done.stderr
    assert not (tmp_path / "Dockerfile").exists()


def test_a_folder_that_cannot_be_made_is_said(space, wheel, tmp_path):
    (tmp_path / "file").write_text("")
    assert "cannot be made" in space("export", tmp_path / "file" / "build", "--wheel", wheel).stderr


def test_who_installed_a_published_version_deploys_that_version(space, tmp_path, monkeypatch):
    monkeypatch.setattr(upload, "checkout", lambda: None)
    done = space("export", tmp_path / "build")
    assert done.exit_code == 0, done.output
    assert (tmp_path / "build" / "requirements.txt").read_text() == f"codetune[@EXTRAS@]=={version('codetune')}\n"


def test_the_commit_differs_where_anything_in_the_image_does(space, wheel, tmp_path):
    own = tmp_path / "own.toml"
    own.write_text("[serve]\nconcurrent = 3\n")
    commits = set()
    for folder, arguments in {"a": (), "b": (), "c": ("--config", own), "d": ("--host", "x.example")}.items():
        space("export", tmp_path / folder, "--wheel", wheel, *arguments)
        commits.add((tmp_path / folder / "commit").read_text())
    assert len(commits) == 3
    head = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=source.checkout(), capture_output=True, text=True, check=False
    ).stdout
    assert all(commit.startswith(head.strip() or version("codetune")) for commit in commits)


def test_the_version_is_said_where_there_is_no_checkout_or_no_git(monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    assert source.built_from() == version("codetune")
    monkeypatch.setattr(source, "checkout", lambda: None)
    assert source.built_from() == version("codetune")


def test_a_wheel_that_cannot_be_built_is_said_in_pips_words(tmp_path):
    (tmp_path / "pyproject.toml").write_text("not toml")
    with pytest.raises(source.SettingsError, match="could not be built"):
        source.build_wheel(tmp_path, tmp_path / "dist")


@pytest.mark.slow
def test_a_checkouts_wheel_holds_the_files_of_the_image(space, tmp_path, monkeypatch):
    """So that who installs it can deploy it too."""
    done = space("export", tmp_path / "build")
    assert done.exit_code == 0, done.output
    (built,) = (tmp_path / "build").glob("*.whl")
    names = {name.removeprefix("codetune_core/cli/space/files/") for name in zipfile.ZipFile(built).namelist()}
    assert {"Dockerfile", ".dockerignore", "README.md", "codetune.toml", "constraints.txt"} <= names
