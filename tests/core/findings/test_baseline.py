"""Accepted findings stay accepted, and nothing else is."""

import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codetune_core.domain.document import Document
from codetune_core.domain.finding import Confidence, Finding, Rule, Severity, SuppressionKind
from codetune_core.domain.text import Range
from codetune_core.errors import BaselineError
from codetune_core.findings.baseline import Baseline, Entry, apply, entry_of, load, parse, render, take

DAY = dt.date(2026, 1, 31)
DOCUMENT = Document("file:///w/a.py", "first\n    run(x)  # go\nkey = 'hunter2'\n", "python")


def finding(name: str, line: int = 1, rule: str = "S602", cwe: tuple[int, ...] = (78,)) -> Finding:
    place = Range.of(line, 4, line, 10)
    return Finding(Rule(rule, "title", cwe), place, "message", Severity.HIGH, Confidence.HIGH, ("ruff",), id=name)


def entry(name: str, path: str = "a.py", reason: str = "because") -> Entry:
    return Entry(name, "S602", path, "run(x)", reason, DAY)


def check(
    entries: list[Entry], ids: list[str], shown: list[str], *, path: str = "a.py", there: tuple[str, ...] = ("a.py",)
) -> None:
    found = [finding(name) for name in ids]
    left, accepted = apply(Baseline(tuple(entries)), path, found, lambda path: path in there)
    assert [finding.id for finding in left] == shown
    assert [finding.id for finding in accepted] == [name for name in ids if name not in shown]
    assert all(finding.suppression.kind is SuppressionKind.BASELINE for finding in accepted)


def test_an_empty_baseline_accepts_nothing():
    check([], ["1", "2"], ["1", "2"])


def test_an_entry_accepts_the_finding_with_its_id_and_path():
    check([entry("1")], ["1", "2"], ["2"])


def test_an_entry_of_a_file_that_is_there_accepts_nothing_in_another():
    check([entry("1", "b.py")], ["1"], ["1"], there=("a.py", "b.py"))


def test_an_entry_of_a_file_that_is_gone_follows_the_finding():
    check([entry("1", "old.py")], ["1"], [])


def test_an_entry_of_this_file_goes_before_one_of_a_file_that_is_gone():
    taken = take(Baseline((entry("1", "old.py"), entry("1", "a.py", "here"))), "a.py", [finding("1")], lambda _: False)
    assert [used.reason for used in taken.used] == ["here"]


def test_an_entry_accepts_one_finding_only():
    taken = take(Baseline((entry("1"),)), "a.py", [finding("1"), finding("1")], lambda _: True)
    assert (len(taken.shown), len(taken.accepted)) == (1, 1)


def test_an_entry_used_in_one_file_is_not_used_in_the_next():
    baseline = Baseline((entry("1", "old.py"),))
    first = take(baseline, "a.py", [finding("1")], lambda _: False)
    second = take(baseline.without(first.used), "b.py", [finding("1")], lambda _: False)
    assert (len(first.accepted), len(second.shown)) == (1, 1)


def test_the_reason_goes_with_the_finding():
    _, accepted = apply(Baseline((entry("1", reason="see SEC-12"),)), "a.py", [finding("1")], lambda _: True)
    assert accepted[0].suppression.reason == "see SEC-12"


def test_an_entry_says_where_and_what():
    assert entry_of(finding("1"), DOCUMENT, "a.py", "why", DAY) == Entry(
        "1", "S602", "a.py", "run(x)  # go", "why", DAY
    )


def test_a_secret_is_not_copied_into_the_baseline():
    secret = replace(finding("1", 2, "secret-password", (798,)), range=Range.of(2, 7, 2, 14))
    assert entry_of(secret, DOCUMENT, "a.py", "why", DAY).line == "key = '*******'"


def test_a_secret_of_several_lines_is_not_copied_either():
    secret = replace(finding("1", 1, "secret-private-key", (321,)), range=Range.of(1, 8, 2, 3))
    assert entry_of(secret, DOCUMENT, "a.py", "why", DAY).line == "run(********"


def test_a_finding_behind_the_end_of_the_text_has_an_empty_line():
    assert entry_of(finding("1", 99), DOCUMENT, "a.py", "why", DAY).line == ""


def test_adding_keeps_the_reasons_that_are_there():
    grown = Baseline((entry("1", reason="old"),)).added([entry("1", reason="new"), entry("2")])
    assert {found.id: found.reason for found in grown.entries} == {"1": "old", "2": "because"}


def test_entries_are_written_sorted_so_that_changes_read_well():
    one = Baseline((entry("1", "b.py"), entry("2", "a.py")))
    other = Baseline((entry("2", "a.py"), entry("1", "b.py")))
    assert render(one) == render(other)
    assert render(one).index('"a.py"') < render(one).index('"b.py"')


def test_the_file_reads_well():
    assert render(Baseline((entry("0f"),))).endswith(
        '\n[[accepted]]\nid = "0f"\nrule = "S602"\npath = "a.py"\n'
        'line = "run(x)"\nreason = "because"\ndate = 2026-01-31\n'
    )


_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
_ENTRIES = st.builds(
    Entry,
    id=_TEXT.filter(bool), rule=_TEXT.filter(bool), path=_TEXT.filter(bool), line=_TEXT, reason=_TEXT, date=st.dates(),
)  # fmt: skip


@given(st.lists(_ENTRIES, max_size=4))
def test_what_is_written_is_read_again(entries):
    baseline = Baseline().added(entries)
    again = parse(render(baseline), "baseline")
    assert again == baseline
    assert render(again) == render(baseline)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("accepted = [", "baseline.toml is not valid TOML"),
        ("accepted = 3", "`accepted` is not an array"),
        ("accepted = [3]", "entry 1 of `accepted` is not a table"),
        ("[[accepted]]\nrule='S1'\npath='a'", "entry 1 needs a text for `id`"),
        ("[[accepted]]\nid='1'\nrule=''\npath='a'", "entry 1 needs a text for `rule`"),
        ("[[accepted]]\nid='1'\nrule='S'\npath=3", "entry 1 needs a text for `path`"),
        ("[[accepted]]\nid='1'\nrule='S'\npath='a'\ndate='2026'", "`date` is not a date such as"),
        ("[[accepted]]\nid='1'\nrule='S'\npath='a'\ndate=2026-01-01T00:00:00", "`date` is not a date such as"),
        ("<<<<<<< HEAD\n", "is not valid TOML"),
    ],
)
def test_a_broken_baseline_is_said_with_the_place(tmp_path, text, message):
    path = tmp_path / "baseline.toml"
    path.write_text(text)
    with pytest.raises(BaselineError, match=message):
        load(path)


def test_only_what_matching_needs_must_be_there(tmp_path):
    path = tmp_path / "baseline.toml"
    path.write_text("[[accepted]]\nid='1'\nrule='S602'\npath='a.py'\n")
    assert load(path).entries == (Entry("1", "S602", "a.py", "", "", dt.date.min),)


def test_no_file_is_an_empty_baseline(tmp_path):
    assert load(tmp_path / "none.toml") == Baseline()


@pytest.mark.parametrize("prepare", [lambda path: path.mkdir(), lambda path: path.write_bytes(b"\xff\xff")])
def test_a_file_that_cannot_be_read_is_said(tmp_path, prepare):
    prepare(tmp_path / "baseline.toml")
    with pytest.raises(BaselineError, match="cannot be read"):
        load(tmp_path / "baseline.toml")
