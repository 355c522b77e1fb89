"""Where the image's files are, and what of CodeTune goes into it: this checkout's wheel, or a published version."""

import subprocess
import sys
from pathlib import Path

from codetune_core.domain.own_version import own_version
from codetune_core.errors import SettingsError

_CHECKOUT = Path(__file__).parents[3]


def space_files() -> Path:
    """Return the folder of the image's files: in the wheel beside this module, in a checkout ``remote/space``."""
    packaged = Path(__file__).parent / "files"
    return packaged if packaged.is_dir() else _CHECKOUT / "remote" / "space"


def constraints() -> Path:
    """Return the file with the exact versions that the tests ran with."""
    packaged = space_files() / "constraints.txt"
    return packaged if packaged.is_file() else _CHECKOUT / "constraints.txt"


def checkout() -> Path | None:
    """Return the checkout that runs, None where CodeTune was installed from an index."""
    own = (_CHECKOUT / "remote" / "space" / "Dockerfile").is_file() and (_CHECKOUT / "pyproject.toml").is_file()
    return _CHECKOUT if own else None


def build_wheel(root: Path, target: Path) -> Path:
    """Build the wheel of a checkout into a folder; raises SettingsError."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(target), str(root)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own interpreter
    built = list(target.glob("codetune-*.whl"))
    if done.returncode or len(built) != 1:
        raise SettingsError(f"the wheel of {root} could not be built: {done.stderr.strip()[-2000:]}")
    return built[0]


def built_from() -> str:
    """Return the checkout's commit, else the version."""
    root = checkout()
    if root:
        command = ["git", "-C", str(root), "rev-parse", "HEAD"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        except OSError:
            return own_version()
        if done.returncode == 0:
            return done.stdout.strip()
    return own_version()
