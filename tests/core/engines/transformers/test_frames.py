"""Frames survive any cut of the bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codetune_core.engines.transformers.frames import LONGEST, Frames, NotAFrame, encode
from codetune_core.engines.transformers.wire import TELLING, Piece


@given(st.lists(st.text(max_size=20), max_size=8), st.lists(st.integers(0, 400), max_size=12))
def test_frames_come_out_as_they_went_in_however_the_bytes_are_cut(texts, cuts):
    told = [Piece(id=number, text=text) for number, text in enumerate(texts)]
    data = b"".join(encode(frame) for frame in told)
    ends = sorted(min(cut, len(data)) for cut in cuts)
    frames = Frames()
    parts = [data[start:end] for start, end in zip([0, *ends], [*ends, len(data)], strict=True)]
    assert [TELLING.validate_json(frame) for part in parts for frame in frames.feed(part)] == told


def test_a_length_that_no_frame_has_is_refused_at_once():
    with pytest.raises(NotAFrame, match="268,435,457 bytes"):
        list(Frames().feed((LONGEST + 1).to_bytes(4, "big")))
