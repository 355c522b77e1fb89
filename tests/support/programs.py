"""Programs that check files: where they are not installed, the test that wants them is skipped."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def program(name: str) -> str:
    """Return the path of a program, of this environment or of the machine."""
    found = shutil.which(name, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def output_of(name: str, *arguments: object, cwd: Path | None = None) -> str:
    """Run a program that has to end with 0; return what it printed."""
    done = subprocess.run([program(name), *map(str, arguments)], capture_output=True, text=True, check=False, cwd=cwd)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
