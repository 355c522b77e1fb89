"""Places cross between the protocol's units and ours unchanged."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lsprotocol import types

from codetune_core.domain.document import Document
from codetune_core.domain.text import Edit, Encoding, Position, Range
from codetune_server import from_proto, to_proto

TEXTS = st.lists(st.sampled_from(["a", "é", "😀", "\t", "\f", "\u2028", "\n", "\r\n", "\r"]), max_size=12).map("".join)


def document(text):
    return Document("file:///a.py", text, "python", 1)


@pytest.mark.parametrize("encoding", Encoding)
@given(text=TEXTS, data=st.data())
def test_every_place_comes_back(encoding, text, data):
    whole = document(text)
    line = data.draw(st.integers(0, len(whole.lines) - 1))
    column = data.draw(st.integers(0, len(whole.lines[line].rstrip("\r\n"))))
    place = Position(line, column)
    assert from_proto.position(whole, to_proto.position(whole, place, encoding), encoding) == place


@pytest.mark.parametrize(("encoding", "column"), [(Encoding.UTF8, 6), (Encoding.UTF16, 3), (Encoding.UTF32, 2)])
def test_columns_count_the_clients_units(encoding, column):
    text = document("é😀x")
    assert to_proto.position(text, Position(0, 2), encoding) == types.Position(0, column)
    assert from_proto.position(text, types.Position(0, column), encoding) == Position(0, 2)


@pytest.mark.parametrize(
    ("place", "inside"), [((0, 99), (0, 1)), ((1, 99), (1, 1)), ((2, 5), (2, 0)), ((9, 0), (2, 0))]
)
def test_a_place_beyond_the_text_means_its_end(place, inside):
    text = document("a\r\nb\n")
    assert from_proto.position(text, types.Position(*place), Encoding.UTF16) == Position(*inside)
    assert to_proto.position(text, Position(*place), Encoding.UTF16) == types.Position(*inside)


def test_a_range_whose_ends_are_in_the_wrong_order_is_put_in_order():
    place = types.Range(types.Position(1, 0), types.Position(0, 1))
    assert from_proto.range_(document("ab\nc"), place, Encoding.UTF16) == Range.of(0, 1, 1, 0)


def test_an_edit_keeps_its_text():
    edit = Edit(Range.of(0, 1, 0, 2), "x")
    place = types.Range(types.Position(0, 2), types.Position(0, 3))
    assert to_proto.text_edit(document("😀a"), edit, Encoding.UTF16) == types.TextEdit(place, "x")
