"""Documents: offsets, positions, edits, paths and languages."""

import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codetune_core.domain.document import Document, language_of
from codetune_core.domain.text import Edit, Position, Range

TEXT = st.text(st.sampled_from("ab\t\r\n\f\u2028é😀"), max_size=60)


def document(text: str, uri: str = "file:///w/a.py") -> Document:
    return Document(uri, text, "python", 3)


@given(TEXT, st.integers(0, 60))
def test_an_offset_survives_the_way_to_a_position_and_back(text, offset):
    one = document(text)
    offset = min(offset, len(text))
    position = one.position(offset)
    in_line_end = one.lines[position.line][position.column :] == "\n" and text[offset - 1 : offset] == "\r"
    assert one.offset(position) == (offset - 1 if in_line_end else offset)


@given(TEXT, st.integers(0, 60), st.integers(0, 60), TEXT)
def test_an_edit_is_the_slice_replaced(text, one, other, new):
    start, end = sorted((min(one, len(text)), min(other, len(text))))
    before = document(text)
    place = Range(before.position(start), before.position(end))
    low, high = before.offset(place.start), before.offset(place.end)
    assert before.edited([Edit(place, new)]).text == text[:low] + new + text[high:]


def test_edits_are_applied_to_the_original_positions_in_any_order():
    edits = [Edit(Range.of(1, 0, 1, 1), "Y"), Edit(Range.of(0, 0, 0, 1), "XXX\n")]
    assert document("a\nb\n").edited(edits).text == "XXX\n\nY\n"


def test_insertions_at_one_place_all_stay():
    here = Range.of(0, 0, 0, 0)
    assert document("x").edited([Edit(here, "b"), Edit(here, "a")]).text in {"abx", "bax"}


def test_overlapping_edits_are_refused():
    with pytest.raises(ValueError, match="overlapping"):
        document("abc").edited([Edit(Range.of(0, 0, 0, 2), ""), Edit(Range.of(0, 1, 0, 3), "")])


def test_positions_outside_are_clamped():
    one = document("ab\ncd")
    assert one.offset(Position(0, 99)) == 2
    assert one.offset(Position(9, 0)) == 5


def test_a_pickled_document_is_equal_and_carries_no_derived_lines():
    one = document("a\n" * 1000)
    assert one.lines
    copy = pickle.loads(pickle.dumps(one))
    assert copy == one
    assert "lines" not in copy.__dict__


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("file:///a/b%20c.py", Path("/a/b c.py")),
        ("untitled:Untitled-1", None),
        ("vscode-notebook-cell:/a/b.ipynb#X1", None),
    ],
)
def test_only_file_uris_have_a_path(uri, path):
    assert document("", uri).path == path


def test_the_name_is_the_last_part_unquoted():
    assert document("", "file:///a/b%20c.py").name == "b c.py"


@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("a.py", "python"),
        ("a.PYI", "python"),
        ("x.tsx", "typescriptreact"),
        (".env", "dotenv"),
        (".env.local", "dotenv"),
        ("Makefile", "plaintext"),
        ("a.yml", "yaml"),
    ],
)
def test_the_language_follows_from_the_name(name, language):
    assert language_of(Path(name)) == language
