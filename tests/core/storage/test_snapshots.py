"""Snapshots in a bucket: the newest whole one is restored, whatever was being written when a container died."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from codetune_core.errors import SchemaMismatch, StorageError
from codetune_core.storage.snapshots import Snapshots


def notes(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [text for (text,) in connection.execute("SELECT text FROM note ORDER BY rowid")]


def write(path: Path, text: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE IF NOT EXISTS note (text)")
        connection.execute("INSERT INTO note VALUES (?)", (text,))


class Bucket:
    """A mounted folder, and the containers that use it, each with a disk of its own."""

    def __init__(self, folder: Path, template: Path) -> None:
        self.folder, self.path, self.template, self.started = folder, folder / "bucket", template, 0

    def container(self, *, fresh: bool = False) -> tuple[Snapshots, list[str]]:
        """Start one; with ``fresh`` its service makes a database. Gives what it says of damage too."""
        self.started += 1
        database = self.folder / f"disk{self.started}" / "codetune.db"
        snapshots = Snapshots(self.path, database)
        restored = snapshots.start()
        if fresh:
            database.parent.mkdir(exist_ok=True)
            database.write_bytes(self.template.read_bytes())
        return snapshots, list(restored.damaged)

    def files(self, suffix: str) -> list[str]:
        return sorted(path.name for path in self.path.glob(f"*{suffix}"))


@pytest.fixture
def bucket(tmp_path, sqlite_template):
    return Bucket(tmp_path, sqlite_template)


def test_the_next_container_goes_on_from_the_last_snapshot(bucket):
    first, _ = bucket.container(fresh=True)
    for text in ("one", "two", "three"):
        write(first.database, text)
        assert first.take()
    second, damaged = bucket.container()
    assert notes(second.database) == ["one", "two", "three"]
    assert damaged == []
    assert (first.generation, second.generation) == (1, 2)


def test_an_empty_bucket_restores_nothing(bucket):
    first, damaged = bucket.container()
    assert not first.database.exists()
    assert damaged == []


def test_a_database_that_is_on_the_disk_already_is_not_replaced(bucket):
    first, _ = bucket.container(fresh=True)
    write(first.database, "in the bucket")
    first.take()
    write(first.database, "only on the disk")
    again = Snapshots(bucket.path, first.database)
    assert again.start().manifest is None
    assert notes(again.database) == ["in the bucket", "only on the disk"]


def test_a_snapshot_is_taken_while_the_database_is_written(bucket):
    first, _ = bucket.container(fresh=True)
    write(first.database, "committed")
    with closing(sqlite3.connect(first.database)) as writer:
        writer.execute("INSERT INTO note VALUES ('not yet')")
        assert first.take()
        writer.commit()
    second, _ = bucket.container()
    assert notes(second.database) == ["committed"]


def test_nothing_is_written_where_nothing_changed(bucket):
    first, _ = bucket.container(fresh=True)
    write(first.database, "one")
    assert first.take()
    assert first.take() is None
    assert len(bucket.files(".db")) == 1
    write(first.database, "two")
    assert first.take()


@pytest.mark.parametrize("kept", ["nothing", "half of the copy", "all of the copy", "half of the manifest"])
def test_a_crash_while_writing_never_loses_the_last_whole_one(bucket, kept):
    first, _ = bucket.container(fresh=True)
    write(first.database, "whole")
    first.take()
    write(first.database, "cut")
    cut = first.take()
    copy, manifest = bucket.path / cut.file, bucket.path / f"{cut.name}.json"
    if kept == "nothing":
        copy.unlink()
    if kept == "half of the copy":
        copy.write_bytes(copy.read_bytes()[:5000])
    if kept == "half of the manifest":
        manifest.write_bytes(manifest.read_bytes()[:40])
    else:
        manifest.unlink()
    second, damaged = bucket.container()
    assert notes(second.database) == ["whole"]
    assert damaged == []  # it never counted


@pytest.mark.parametrize("harm", ["shorter", "changed", "gone", "no database"])
def test_a_damaged_snapshot_is_said_and_the_one_before_is_restored(bucket, harm):
    first, _ = bucket.container(fresh=True)
    write(first.database, "before")
    first.take()
    write(first.database, "harmed")
    path = bucket.path / first.take().file
    whole = path.read_bytes()
    match harm:
        case "shorter":
            path.write_bytes(whole[:-4096])
        case "changed":
            path.write_bytes(whole[:9000] + b"x" + whole[9001:])
        case "gone":
            path.unlink()
        case "no database":
            path.write_bytes(b"x" * len(whole))
    second, damaged = bucket.container()
    assert notes(second.database) == ["before"]
    assert len(damaged) == 1
    assert path.name in damaged[0]


def test_a_copy_whose_pages_are_damaged_though_its_hash_fits_is_not_restored(bucket):
    first, _ = bucket.container(fresh=True)
    write(first.database, "before")
    first.take()
    content = bytearray(first.database.read_bytes())
    with closing(sqlite3.connect(first.database)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    content = bytearray(first.database.read_bytes())
    content[4096:8192] = b"\xff" * 4096
    first.database.write_bytes(content)
    first.take()  # SQLite copies the damage page by page
    second, damaged = bucket.container()
    assert notes(second.database) == ["before"]
    assert len(damaged) == 1


def test_only_the_newest_five_are_kept(bucket):
    first, _ = bucket.container(fresh=True)
    for number in range(8):
        write(first.database, str(number))
        first.take()
    assert len(bucket.files(".db")) == 5
    second, _ = bucket.container()
    assert notes(second.database) == [str(number) for number in range(8)]


def test_what_was_deleted_is_gone_from_the_bucket_after_a_day(bucket, monkeypatch):
    first, _ = bucket.container(fresh=True)
    write(first.database, "a secret")
    first.take()
    with closing(sqlite3.connect(first.database)) as connection, connection:
        connection.execute("DELETE FROM note")
        connection.commit()
        connection.execute("VACUUM")
    first.take()
    assert len(bucket.files(".db")) == 2
    monkeypatch.setattr("codetune_core.storage.snapshots._OLDEST", -first._manifest().taken_at.resolution)
    assert first.take() is None
    (left,) = bucket.files(".db")
    assert b"a secret" not in (bucket.path / left).read_bytes()


def test_a_later_start_is_newer_though_its_clock_is_behind_and_it_took_fewer(bucket):
    first, _ = bucket.container(fresh=True)
    for text in ("one", "two"):
        write(first.database, text)
        first.take()
    second, _ = bucket.container()
    write(second.database, "three")
    taken = second.take()
    manifest = bucket.path / f"{taken.name}.json"
    manifest.write_text(taken.model_copy(update={"taken_at": taken.taken_at.replace(year=2001)}).model_dump_json())
    third, _ = bucket.container()
    assert notes(third.database) == ["one", "two", "three"]
    assert third.generation == 3


def test_two_containers_that_started_at_once_see_each_other(bucket):
    seed, _ = bucket.container(fresh=True)
    write(seed.database, "seed")
    seed.take()
    one, _ = bucket.container()
    other = Snapshots(bucket.path, bucket.folder / "other" / "codetune.db")
    (bucket.path / f"{one._manifest().name}.json").rename(hidden := bucket.folder / "not seen yet")
    other.start()
    hidden.rename(bucket.path / f"{one._manifest().name}.json")
    assert one.generation == other.generation == 2
    assert [rival.instance for rival in one.rivals()] == [other.instance]
    assert [rival.instance for rival in other.rivals()] == [one.instance]


def test_a_container_that_was_replaced_sees_its_successor_and_does_not_disturb_it(bucket):
    old, _ = bucket.container(fresh=True)
    write(old.database, "one")
    old.take()
    new, _ = bucket.container()
    assert new.rivals() == []
    assert [rival.instance for rival in old.rivals()] == [new.instance]
    write(new.database, "new")
    new.take()
    for number in range(7):
        write(old.database, f"late {number}")
        old.take()
    after, _ = bucket.container()
    assert notes(after.database) == ["one", "new"]


def test_a_snapshot_of_a_newer_codetune_stops_the_start(bucket):
    first, _ = bucket.container(fresh=True)
    with closing(sqlite3.connect(first.database)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    first.take()
    with pytest.raises(SchemaMismatch, match="9999"):
        bucket.container()


def test_a_bucket_that_cannot_be_used_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be used for snapshots"):
        Snapshots(tmp_path / "file", tmp_path / "codetune.db").start()


def test_a_bucket_that_goes_away_is_said_and_leaves_no_copy_on_the_disk(bucket):
    first, _ = bucket.container(fresh=True)
    write(first.database, "one")
    for path in bucket.path.iterdir():
        path.unlink()
    bucket.path.rmdir()
    with pytest.raises(StorageError, match="no snapshot could be written"):
        first.take()
    assert not list(first.database.parent.glob("*.snapshot"))


def test_only_its_owner_can_read_a_snapshot(bucket):
    first, _ = bucket.container(fresh=True)
    first.take()
    assert {path.stat().st_mode & 0o777 for path in bucket.path.iterdir()} == {0o600}
