"""What a running service says of itself in a file beside its socket, and whether that fits who wants to use it."""

import json
import re
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from codetune_core.daemon.place import identity_file
from codetune_core.runtime.folder import Files, holder

_YOUNG_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Identity:
    """Which CodeTune runs, and with what.

    Attributes:
        version: of CodeTune.
        wire: WIRE_VERSION.
        settings: digest of what decides how executions run: settings, and the address of the database.
        environment: variable of a key or a proxy -> digest of its value.
        pid: of the process.
        started_at: seconds since 1970.
    """

    version: str
    wire: int
    settings: str
    environment: Mapping[str, str] = field(default_factory=dict)
    pid: int = 0
    started_at: float = 0.0

    def write(self, path: Path) -> None:
        """Say it to others; only who holds the lock of the socket may."""
        new = path.with_suffix(".new")
        new.touch(0o600)
        new.write_text(json.dumps(asdict(self)), "ascii")
        new.replace(path)

    @classmethod
    def read(cls, path: Path) -> "Identity | None":
        """Return what is said; None where nothing is that can be understood."""
        try:
            content = json.loads(path.read_bytes())
            return cls(**{each.name: content[each.name] for each in fields(cls)})
        except (OSError, ValueError, KeyError, TypeError):
            return None

    @property
    def is_young(self) -> bool:
        """Whether it was started a moment ago, perhaps by somebody with other settings who still works with it."""
        return 0 <= time.time() - self.started_at < _YOUNG_SECONDS


@dataclass(frozen=True, slots=True)
class Misfit:
    """Why a running service is not the one that is wanted; ``is_newer``: it is who asks that has to be updated."""

    why: str
    is_newer: bool = False


def misfit(theirs: Identity, ours: Identity) -> Misfit | None:
    """Say why a service does not do for us; None where it does.

    A newer one does for an older program as long as they speak the same wire, and keys that it has and we have not
    harm nobody: so two programs that differ do not take turns in replacing it.
    """
    if theirs.wire > ours.wire:
        return Misfit(f"it is of CodeTune {theirs.version}, and this is {ours.version}", is_newer=True)
    if theirs.wire < ours.wire or _parts(theirs.version) < _parts(ours.version):
        return Misfit(f"it was of CodeTune {theirs.version}, and this is {ours.version}")
    if theirs.settings != ours.settings:
        return Misfit("it was started with other settings than yours are now")
    for name, value in ours.environment.items():
        if theirs.environment.get(name) != value:
            return Misfit(f"it was started with another {name}")
    return None


def running(files: Files) -> Identity | None:
    """Return what the service that runs says of itself; None while it starts or ends, and where there is none."""
    found = Identity.read(identity_file(files.socket))
    return found if found and found.pid == holder(files.lock) else None


def _parts(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", version)]
