"""The folder that an image is built from."""

import hashlib
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import tomlkit
from tomlkit.exceptions import TOMLKitError

from codetune_core.cli.space.source import build_wheel, built_from, checkout, constraints, space_files
from codetune_core.errors import SettingsError

_AS_THEY_ARE = ("Dockerfile", ".dockerignore")


@dataclass(frozen=True, slots=True)
class Upload:
    """What goes to the Space.

    Attributes:
        folder: holds all of it.
        commit: what ``/version`` says once it runs: the source's commit, and a hash of every file here.
    """

    folder: Path
    commit: str

    @property
    def files(self) -> dict[str, int]:
        """Path -> size in bytes."""
        found = (path for path in sorted(self.folder.rglob("*")) if path.is_file())
        return {str(path.relative_to(self.folder)): path.stat().st_size for path in found}


def assemble(
    folder: Path, *, space: str = "", hosts: Iterable[str] = (), config: Path | None = None, wheel: Path | None = None
) -> Upload:
    """Write what an image is built from into an empty folder.

    Args:
        folder: where to.
        space: ``OWNER/NAME``, for its README; empty for an image that is no Space.
        hosts: names under which the service is reached, added to ``serve.allowed_hosts``.
        config: the service's ``codetune.toml``; None for the one that comes with CodeTune.
        wheel: of CodeTune; None for this checkout's, else the installed version from the package index.

    Raises SettingsError where something is missing or cannot be read.
    """
    source = space_files()
    for name in _AS_THEY_ARE:
        shutil.copy(source / name, folder / name)
    shutil.copy(constraints(), folder / "constraints.txt")
    (folder / "codetune.toml").write_text(_configuration(config or source / "codetune.toml", hosts), "utf-8")
    (folder / "requirements.txt").write_text(_requirement(folder, wheel), "utf-8")
    if space:
        (folder / "README.md").write_text(_readme(source / "README.md", space), "utf-8")
    commit = f"{built_from()}-{_digest(folder)[:8]}"
    (folder / "commit").write_text(f"{commit}\n", "ascii")
    return Upload(folder, commit)


def _requirement(folder: Path, wheel: Path | None) -> str:
    """Put the wheel into the folder, where there is one; return what pip is told."""
    root = checkout()
    if wheel:
        if not wheel.name.startswith("codetune-") or wheel.suffix != ".whl":
            raise SettingsError(f"{wheel} is no wheel of codetune")
        shutil.copy(wheel, folder)
    elif root:
        wheel = build_wheel(root, folder)
    return f"./{wheel.name}[@EXTRAS@]\n" if wheel else f"codetune[@EXTRAS@]=={version('codetune')}\n"


def _configuration(path: Path, hosts: Iterable[str]) -> str:
    """Return a configuration with more names of the service in it; raises SettingsError for what does not hold."""
    from codetune_core.settings import Options, resolve  # noqa: PLC0415 - takes its time

    try:
        written = tomlkit.parse(path.read_text("utf-8"))
    except (OSError, ValueError, TOMLKitError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from error
    notices = resolve([Options(str(path), written.unwrap())]).notices
    if notices:
        raise SettingsError("; ".join(notice.text for notice in notices))
    section = written.setdefault("serve", tomlkit.table())
    names = dict.fromkeys([*section.get("allowed_hosts", ()), *hosts])
    if names:
        section["allowed_hosts"] = list(names)
    return tomlkit.dumps(written)


def _readme(path: Path, space: str) -> str:
    from codetune_core.cli.space.reach import usual_host  # noqa: PLC0415

    text = path.read_text("utf-8")
    return text.replace("https://OWNER-NAME.hf.space", f"https://{usual_host(space)}").replace("OWNER/NAME", space)


def _digest(folder: Path) -> str:
    whole = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            whole.update(f"{path.relative_to(folder)}\0".encode())
            whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()
