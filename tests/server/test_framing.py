"""Cutting bytes into messages gives the same messages however the bytes are cut before."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codetune_server.framing import ForeignProtocol, Framer, frame

BODIES = st.lists(st.binary(max_size=40).map(lambda body: b"{" + body + b"}"), max_size=6)


def fed(*chunks):
    framer = Framer()
    return [body for chunk in chunks for body in framer.feed(chunk)]


@given(bodies=BODIES, cuts=st.lists(st.integers(0, 400), max_size=8))
def test_messages_come_out_whole_wherever_the_stream_is_cut(bodies, cuts):
    stream = b"".join(map(frame, bodies))
    edges = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    chunks = [stream[start:end] for start, end in pairwise(edges)]
    assert fed(*chunks) == bodies


@given(garbage=st.binary(max_size=60))
def test_after_an_empty_line_the_next_message_is_read_whatever_came_before(garbage):
    assert fed(b"{", garbage, b"\r\n\r\n", frame(b"{}")) == [b"{}"]


def test_garbage_without_end_is_not_kept():
    framer = Framer()
    for _ in range(100):
        assert list(framer.feed(b"x" * 65_536)) == []
    assert len(framer) <= 65_536
    assert list(framer.feed(b"\r\n\r\n" + frame(b"{}"))) == [b"{}"]


def test_an_empty_body_is_a_body():
    assert fed(b"Content-Length: 0\r\n\r\n", frame(b"{}")) == [b"", b"{}"]


def test_the_last_of_several_lengths_counts():
    assert fed(b"Content-Length: 9Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}") == [b"{}"]


@pytest.mark.parametrize("verb", [b"POST", b"GET", b"OPTIONS"])
def test_http_is_recognized_before_its_body_is_read(verb):
    with pytest.raises(ForeignProtocol):
        fed(verb + b" / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}")
