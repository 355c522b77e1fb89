"""Copies of a SQLite database in a storage bucket, from which the next container goes on.

A mounted bucket has no locks, no atomic rename, and shows what others wrote some time later. So nothing in it is ever
changed: a copy is written under a name of its own, and only when it is there a small manifest beside it, with the
copy's length and SHA-256. What has no manifest, or does not fit it, does not count. Each start that finds snapshots
begins a new generation; two that began the same one at the same time see each other's names.
"""

import datetime as dt
import hashlib
import logging
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from io import BufferedWriter
from pathlib import Path
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, ValidationError

from codetune_core.errors import SchemaMismatch, StorageError
from codetune_core.storage.backup import copy_database, restore_database, revision_of
from codetune_core.storage.schema_state import state_of

_LOG = logging.getLogger(__name__)
_KEPT = 5
_OLDEST = dt.timedelta(days=1)
"""What was deleted from the database is gone from the bucket after this, and after five snapshots."""
_CHUNK = 1 << 20


class Manifest(BaseModel):
    """What is known of one snapshot.

    Attributes:
        generation: how many starts went before; a later start's snapshots are newer whatever the clocks say.
        instance: which container made it.
        number: counts the snapshots of this instance from 1; 0 is the claim that it makes when it starts.
        file: name of the copy in the same folder; empty for a claim.
        bytes: its length.
    """

    model_config = ConfigDict(frozen=True)

    generation: int
    instance: str
    number: int = 0
    file: str = ""
    bytes: int = 0
    sha256: str = ""
    taken_at: dt.datetime

    @property
    def order(self) -> tuple[int, int, dt.datetime]:
        """The newer one is greater."""
        return self.generation, self.number, self.taken_at

    @property
    def name(self) -> str:
        """What its files are called, without their suffixes."""
        return f"{self.generation:08d}-{self.number:08d}-{self.instance}"


@dataclass(frozen=True, slots=True)
class Restored:
    """From where a database was restored, None where there was nothing; ``damaged`` are newer ones that did not do."""

    manifest: Manifest | None
    damaged: tuple[str, ...] = ()


@dataclass
class Snapshots:
    """The snapshots of one database in one folder, as one container sees them.

    Attributes:
        folder: in the bucket.
        database: the SQLite file, on a disk of the container.
    """

    folder: Path
    database: Path
    instance: str = field(default_factory=lambda: uuid4().hex[:12])
    generation: int = 1
    _number: int = 0
    _last: str = ""

    def start(self) -> Restored:
        """Restore the newest whole snapshot where the container has no database yet, and claim a generation.

        Raises StorageError where the bucket cannot be used, and SchemaMismatch where the newest whole snapshot was
        made by a newer CodeTune: to go on without it would lose what it holds.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            known = _manifests(self.folder)
            restored = Restored(None) if self.database.exists() else self._restore(known)
            self.generation = max((one.generation for one in known), default=0) + 1
            self._write(self._manifest())
        except OSError as error:
            raise StorageError(f"{self.folder} cannot be used for snapshots: {error}") from error
        return restored

    def take(self) -> Manifest | None:
        """Write a snapshot, and drop the oldest; None where nothing changed since the last one.

        Raises StorageError where the database cannot be read or the bucket not written; earlier snapshots stay.
        """
        local = self.database.with_name(f"{self.database.name}.snapshot")
        local.unlink(missing_ok=True)
        copy_database(self.database, local)
        try:
            return self._keep(local)
        except OSError as error:
            raise StorageError(f"no snapshot could be written to {self.folder}: {error}") from error
        finally:
            local.unlink(missing_ok=True)

    def rivals(self) -> list[Manifest]:
        """Return what other containers wrote that started when this one did, or later: history splits between them."""
        others = (one for one in _manifests(self.folder) if one.instance != self.instance)
        newest = {one.instance: one for one in sorted(others, key=lambda one: one.order)}
        return [one for one in newest.values() if one.generation >= self.generation]

    def _keep(self, local: Path) -> Manifest | None:
        digest = _digest(local)
        if digest == self._last:
            self._prune()
            return None
        taken = self._manifest(number=self._number + 1, bytes=local.stat().st_size, sha256=digest)
        taken = taken.model_copy(update={"file": f"{taken.name}.db"})
        _copy(local, self.folder / taken.file)
        self._write(taken)
        self._number, self._last = taken.number, digest
        self._prune()
        return taken

    def _manifest(self, **known: int | str) -> Manifest:
        values = {"generation": self.generation, "instance": self.instance, "taken_at": dt.datetime.now(dt.UTC)}
        return Manifest.model_validate(values | known)

    def _write(self, manifest: Manifest) -> None:
        _write(self.folder / f"{manifest.name}.json", manifest.model_dump_json().encode())

    def _restore(self, known: Iterable[Manifest]) -> Restored:
        damaged: list[str] = []
        local = self.database.with_name(f"{self.database.name}.restoring")
        local.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            for manifest in sorted(filter(_is_whole_name, known), key=lambda one: one.order, reverse=True):
                if problem := _fetch(self.folder, manifest, local):
                    damaged.append(problem)
                    continue
                _expect_known(local, manifest)
                restore_database(local, self.database)
                return Restored(manifest, tuple(damaged))
        finally:
            local.unlink(missing_ok=True)
        return Restored(None, tuple(damaged))

    def _prune(self) -> None:
        """Drop all but the newest five, and of these the ones over a day old; never what a rival wrote last."""
        now = dt.datetime.now(dt.UTC)
        own = [one for one in _manifests(self.folder) if one.generation <= self.generation]
        taken = sorted(filter(_is_whole_name, own), key=lambda one: one.order, reverse=True)
        old = [one for one in taken[1:_KEPT] if one.taken_at < now - _OLDEST] + taken[_KEPT:]
        # A claim stays as long as its container may run; those of far generations are over.
        old += [one for one in own if not one.number and one.generation < self.generation - _KEPT]
        for one in old:
            # The manifest first: a copy without one is only waste, a manifest without its copy would be called damage.
            (self.folder / f"{one.name}.json").unlink(missing_ok=True)
            (self.folder / f"{one.name}.db").unlink(missing_ok=True)


def _is_whole_name(manifest: Manifest) -> bool:
    return manifest.number > 0 and manifest.file == f"{manifest.name}.db"


def _manifests(folder: Path) -> list[Manifest]:
    """Return all that can be read; one that is half there does not count."""
    found = []
    for path in folder.glob("*.json"):
        try:
            found.append(Manifest.model_validate_json(path.read_bytes()))
        except (OSError, ValidationError):
            _LOG.warning("%s is no manifest of a snapshot: it is passed over", path)
    return found


def _fetch(folder: Path, manifest: Manifest, local: Path) -> str:
    """Copy a snapshot here and check it; return what is wrong with it, empty for nothing."""
    try:
        _copy(folder / manifest.file, local)
        if local.stat().st_size != manifest.bytes or _digest(local) != manifest.sha256:
            return f"{manifest.file} is not what was written"
        revision_of(local)
    except (OSError, StorageError) as error:
        return f"{manifest.file} cannot be used: {error}"
    return ""


def _expect_known(local: Path, manifest: Manifest) -> None:
    revision = revision_of(local)
    if state_of(revision).relation in {"newer", "empty"}:
        raise SchemaMismatch(
            f"the snapshot {manifest.file} has schema {revision}, which this CodeTune does not know: deploy the newer "
            "CodeTune again, or move the snapshot out of the bucket"
        )


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as read, _private(target) as write:
        shutil.copyfileobj(read, write, _CHUNK)
        write.flush()
        os.fsync(write.fileno())


def _write(target: Path, content: bytes) -> None:
    with _private(target) as write:
        write.write(content)
        write.flush()
        os.fsync(write.fileno())


def _private(path: Path) -> BufferedWriter:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
