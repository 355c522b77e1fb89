"""The steps of the image in a clean environment, as uid 1000: install the wheel, run the entry, end it, go on."""

import os
import shutil
import site
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from codetune_core.cli.space.source import build_wheel

ROOT = Path(__file__).parents[3]
UID_1000 = {"user": 1000, "group": 1000, "extra_groups": []} if os.geteuid() == 0 else {}
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def reachable(**user) -> str | None:
    """An interpreter like this one that a user can run: this one may lie in somebody's home."""
    version = "import sys; print(sys.version_info[:2])"
    for python in (os.path.realpath(sys.executable), "/usr/local/bin/python3", "/usr/bin/python3"):
        try:
            found = subprocess.run(
                [python, "-c", version], capture_output=True, text=True, check=False, cwd="/", **user
            )
        except OSError:
            continue
        if found.stdout.strip() == str(tuple(sys.version_info[:2])):
            return python
    return None


PYTHON = reachable(**UID_1000)
USER = UID_1000 if PYTHON else {}


@pytest.fixture(scope="module")
def clean():
    """A folder of uid 1000 with an environment that holds the built wheel, and the dependencies of this one."""
    folder = Path(tempfile.mkdtemp(prefix="cts", dir="/tmp"))
    try:
        subprocess.run([PYTHON or sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
        wheel = build_wheel(ROOT, folder)
        python = folder / "venv" / "bin" / "python"
        command = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", wheel]
        subprocess.run(command, check=True, capture_output=True)
        (installed,) = (folder / "venv" / "lib").glob("*/site-packages")
        (installed / "dependencies.pth").write_text("\n".join(site.getsitepackages()))
        shutil.copy(ROOT / "remote" / "space" / "smoke.py", folder)
        if USER:
            for path in (folder, *folder.rglob("*")):
                os.chown(path, 1000, 1000, follow_symlinks=False)
        yield folder
    finally:
        shutil.rmtree(folder)


def run(*command, **variables):
    environment = {"PATH": os.environ["PATH"], **variables}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd="/", **USER)


@pytest.fixture(scope="module")
def python(clean):
    path = clean / "venv" / "bin" / "python"
    found = run(path, "-c", "import codetune_core; print(codetune_core.__file__)")
    assert found.stdout.startswith(str(clean)), found  # the wheel's, not the checkout's
    return path


def test_the_entry_of_the_image_keeps_its_history_over_containers_as_uid_1000(clean, python):
    done = run(python, clean / "smoke.py", "entry", python, clean / "box")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ok  executions remembered from 1 containers before" in done.stdout
    if USER:
        assert {path.stat().st_uid for path in (clean / "box").rglob("*")} == {1000}


def test_the_smoke_script_fails_where_the_service_does_not_start(clean, python):
    (clean / "broken").mkdir()
    if USER:
        os.chown(clean / "broken", 1000, 1000)
    fake = clean / "broken" / "python"
    fake.write_text(f'#!/bin/sh\ncase "$*" in *container*) exit 3;; *) exec {python} "$@";; esac\n')
    fake.chmod(0o755)
    done = run(python, clean / "smoke.py", "entry", fake, clean / "broken" / "box")
    assert done.returncode == 1
    assert "FAILED  it ended before /healthz answered" in done.stdout
