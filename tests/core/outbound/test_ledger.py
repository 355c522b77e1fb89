"""The outbound ledger: each line is whole, nothing is sent that is not on it, and it forgets in time."""

import datetime as dt
import json
import stat
import subprocess
import sys

import pytest

from codetune_core.errors import OutboundRefused
from codetune_core.outbound.ledger import UNKNOWN, Entry, Ledger

NOW = dt.datetime(2026, 3, 10, 12, 30, tzinfo=dt.UTC)


def ledger(folder, days=90, now=NOW) -> Ledger:
    return Ledger(folder / "outbound", days, lambda: now)


def begin(into: Ledger, to="https://a.example", **known) -> Entry:
    values = {"destination": to, "method": "POST", "path": "/v1/x", "bytes": 12, "sha256": "0" * 64, **known}
    return into.begin(lambda name, at: Entry(id=name, at=at, **values))


def test_what_is_written_is_read_the_newest_first_with_what_became_of_it(tmp_path):
    kept = ledger(tmp_path)
    first = begin(kept, replaced={"jwt": 2}, purpose="review", prompt="p", execution="e-1", workspace="shop")
    second = begin(kept, bytes=0)
    kept.end(first, "200", 12.34)
    newest, oldest = kept.newest()
    assert (newest.id, newest.outcome, newest.milliseconds) == (second.id, UNKNOWN, None)
    assert (oldest.outcome, oldest.milliseconds, oldest.replaced, oldest.at) == ("200", 12.3, {"jwt": 2}, NOW)
    assert kept.find("e-1") == kept.find(first.id) == [oldest]
    assert kept.find("nobody") == []


def test_it_is_its_users_own(tmp_path):
    begin(ledger(tmp_path))
    folder = tmp_path / "outbound"
    [day] = folder.iterdir()
    assert day.name == "2026-03-10.jsonl"
    assert (stat.S_IMODE(folder.stat().st_mode), stat.S_IMODE(day.stat().st_mode)) == (0o700, 0o600)


def test_it_holds_no_content_but_the_names_of_its_fields(tmp_path):
    begin(ledger(tmp_path))
    [line] = (tmp_path / "outbound" / "2026-03-10.jsonl").read_text().splitlines()
    assert set(json.loads(line)) == {
        "id", "at", "destination", "method", "path", "bytes", "sha256", "replaced", "purpose", "prompt", "execution",
        "workspace",
    }  # fmt: skip


def test_days_that_are_over_are_forgotten(tmp_path):
    begin(ledger(tmp_path, now=NOW - dt.timedelta(days=91)))
    begin(ledger(tmp_path, now=NOW - dt.timedelta(days=89)))
    assert len(list(ledger(tmp_path).newest())) == 1
    begin(ledger(tmp_path))
    assert sorted(path.stem for path in (tmp_path / "outbound").iterdir()) == ["2025-12-11", "2026-03-10"]


def test_since_a_time_only_what_came_later_is_read(tmp_path):
    for hours in (50, 3, 1):
        begin(ledger(tmp_path, now=NOW - dt.timedelta(hours=hours)), bytes=hours)
    assert [entry.bytes for entry in ledger(tmp_path).newest(NOW - dt.timedelta(hours=4))] == [1, 3]


def test_beyond_its_size_the_oldest_days_go_but_never_today(tmp_path, monkeypatch):
    monkeypatch.setattr("codetune_core.outbound.ledger._MOST_BYTES", 10)
    begin(ledger(tmp_path, now=NOW - dt.timedelta(days=2)))
    begin(ledger(tmp_path))
    ledger(tmp_path).tidy()
    assert [path.stem for path in (tmp_path / "outbound").iterdir()] == ["2026-03-10"]


def test_a_damaged_line_hides_no_other(tmp_path):
    kept = ledger(tmp_path)
    entries = [begin(kept)]
    with (tmp_path / "outbound" / "2026-03-10.jsonl").open("ab") as file:
        file.write(b'{"id": "torn\n\xff\n[]\n{"id": "no entry"}\n')
    entries.append(begin(kept))
    assert [entry.id for entry in kept.newest()] == [entry.id for entry in reversed(entries)]


def test_what_cannot_be_written_is_refused_and_what_has_left_is_only_logged(tmp_path, caplog):
    kept = ledger(tmp_path)
    entry = begin(kept)
    day = tmp_path / "outbound" / "2026-03-10.jsonl"
    day.unlink()
    day.mkdir()
    with pytest.raises(OutboundRefused, match=r"nothing is sent, because the outbound ledger in .* cannot be written"):
        begin(kept)
    kept.end(entry, "200", 1)
    assert "cannot be written" in caplog.text


def test_a_link_is_not_followed(tmp_path):
    (tmp_path / "outbound").mkdir()
    (tmp_path / "outbound" / "2026-03-10.jsonl").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutboundRefused):
        begin(ledger(tmp_path))
    assert not (tmp_path / "elsewhere").exists()


WRITES = """
import sys
from pathlib import Path
from codetune_core.outbound.ledger import Entry, Ledger
kept = Ledger(Path(sys.argv[1]), 90)
for _ in range(200):
    about = {"destination": "https://a.example", "method": "POST", "path": "/" + sys.argv[2] * 500, "bytes": 1}
    entry = kept.begin(lambda name, at: Entry(id=name, at=at, sha256="", **about))
    kept.end(entry, "200", 1)
"""


def test_lines_of_several_processes_do_not_mix(tmp_path):
    asked = [[sys.executable, "-c", WRITES, str(tmp_path), number] for number in "123"]
    processes = [subprocess.Popen(arguments) for arguments in asked]
    assert [process.wait() for process in processes] == [0, 0, 0]
    entries = list(Ledger(tmp_path, 90).newest())
    assert len({entry.id for entry in entries}) == len(entries) == 600
    assert {entry.outcome for entry in entries} == {"200"}
