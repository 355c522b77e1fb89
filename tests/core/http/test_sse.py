"""Server-Sent Events from bytes."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codetune_core.errors import EngineLost
from codetune_core.http.sse import EventReader, ServerSentEvent

STREAM = (
    '\ufeff: hello\n\ndata: {"text": "né 🎉 漢"}\r\n\r\nevent: delta\rdata: one\rdata:two\r\rdata\n\nid: 7\nretry: 10\n'
    "unknown: x\ndata:  a: b \n\nevent: nothing\n\ndata: last\n\ndata: never ended\n"
).encode()
EVENTS = [
    ServerSentEvent('{"text": "né 🎉 漢"}'),
    ServerSentEvent("one\ntwo", "delta"),
    ServerSentEvent(""),
    ServerSentEvent(" a: b ", id="7"),
    ServerSentEvent("last"),
]


def read(*blocks: bytes) -> list[ServerSentEvent]:
    reader = EventReader()
    return [event for block in blocks for event in reader.feed(block)]


def test_a_stream_is_read_as_the_standard_says():
    assert read(STREAM) == EVENTS


@pytest.mark.parametrize("cut", range(len(STREAM) + 1))
def test_where_the_network_cuts_the_stream_does_not_matter(cut):
    assert read(STREAM[:cut], STREAM[cut:]) == EVENTS


def test_a_stream_may_come_byte_by_byte():
    assert read(*(bytes([byte]) for byte in STREAM)) == EVENTS


@given(
    st.lists(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"])), min_size=1),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.lists(st.integers(0, 200)),
)
def test_any_text_comes_through_any_line_end_and_any_cut(lines, end, cuts):
    data = "".join(f"data: {line}{end}" for line in lines) + end
    stream = data.encode()
    places = sorted({0, len(stream), *(cut % (len(stream) + 1) for cut in cuts)})
    blocks = [stream[start:stop] for start, stop in itertools.pairwise(places)]
    assert read(*blocks) == [ServerSentEvent("\n".join(lines))]


def test_what_is_not_utf_8_is_replaced():
    assert read(b"data: a\xffb\n\n") == [ServerSentEvent("a\ufffdb")]


def test_an_event_that_ends_is_told_at_once():
    assert read(b"data: now\r\n\r") == [ServerSentEvent("now")]


@pytest.mark.parametrize("line", [b"data: " + b"x" * 1000 + b"\n", b"x" * 1000, b": " + b"x" * 998 + b"\n"])
def test_an_event_without_end_is_refused(line):
    reader = EventReader()
    with pytest.raises(EngineLost, match="8,000,000 bytes"):
        sum(len(reader.feed(line)) for _ in range(9000))


def test_many_small_events_are_no_large_one():
    reader = EventReader()
    assert sum(len(reader.feed(b"data: " + b"x" * 1000 + b"\n\n")) for _ in range(9000)) == 9000
