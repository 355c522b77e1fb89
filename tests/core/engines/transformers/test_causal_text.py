"""Text comes in pieces that no later token changes, and a stop cuts it in the same place however it was divided."""

import random

import causal_running as running
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codetune_core.engines.transformers.process.causal.text import StopFilter, TextStream

TEXTS = (
    "def größe(ß):\n    return 'naïve' + \"日本語\"\n",
    "👩‍💻 writes 🐍, \N{MATHEMATICAL FRAKTUR CAPITAL U}nicode and\ttabs\r\n",
    "x = {'a': [1, 2, 3]}  # plain\n\n\n",
)


def pieces(tokens, stops=(), blanks="") -> list[str]:
    stream = TextStream(running.tokenizer(), stops, blanks)
    return [*(stream.push(token) for token in tokens), stream.close()]


@pytest.mark.parametrize("text", TEXTS)
def test_pieces_make_up_the_text_and_hold_no_half_characters(text):
    found = pieces(running.tokenizer()(text, add_special_tokens=False)["input_ids"])
    assert "".join(found) == text
    assert not any("\ufffd" in piece for piece in found)
    assert sum(map(bool, found)) > 5


def test_whatever_the_tokens_a_piece_stays_as_it_was_told():
    chance = random.Random(0)
    for _ in range(30):
        tokens = [chance.randrange(4096) for _ in range(40)]
        whole = running.tokenizer().decode(tokens, skip_special_tokens=True)
        assert "".join(pieces(tokens)) == whole.rstrip("\ufffd")


def test_a_character_of_which_bytes_are_missing_is_not_told():
    tokens = running.tokenizer()("a日", add_special_tokens=False)["input_ids"]
    assert len(tokens) > 2
    assert "".join(pieces(tokens[:-1])) == "a"


def test_special_tokens_are_not_told():
    assert "".join(pieces([1, 0, *running.tokenizer()("pass", add_special_tokens=False)["input_ids"], 1])) == "pass"


@pytest.mark.parametrize("blanks", ["  ", "    ", " \t", ""])
def test_blanks_that_the_prompt_kept_back_are_taken_from_the_beginning(blanks):
    tokens = running.tokenizer()("    return x", add_special_tokens=False)["input_ids"]
    common = 4 if blanks == "    " else len(blanks.rstrip("\t"))
    assert "".join(pieces(tokens, blanks=blanks)) == "    return x"[common:]


@pytest.mark.parametrize(
    ("text", "stops", "wanted"),
    [
        ("abcdef", ("cd",), "ab"),
        ("abcdef", ("x",), "abcdef"),
        ("abcdef", ("def", "c"), "ab"),
        ("aaab", ("aab",), "a"),
        ("abab", ("abc",), "abab"),
        ("abcd", ("abc", "b"), "a"),
        ("ab\nUSER: x", ("USER:", "\nUSER:"), "ab"),
        ("", ("a",), ""),
        ("ab", ("",), "ab"),
    ],
)
def test_the_stop_that_is_complete_first_cuts(text, stops, wanted):
    stop = StopFilter(stops)
    assert stop.push(text) + stop.close() == wanted
    assert stop.stopped == (wanted != text)


@given(st.text("ab\n", max_size=12), st.lists(st.text("ab\n", min_size=1, max_size=4), max_size=3), st.data())
def test_the_division_into_pieces_changes_nothing(text, stops, data):
    whole, divided = StopFilter(tuple(stops)), StopFilter(tuple(stops))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=5)))
    parts = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    found = "".join(map(divided.push, parts)) + divided.close()
    assert found == whole.push(text) + whole.close()
    assert divided.stopped == any(stop in text for stop in stops)
    assert not any(stop in found for stop in stops)


def test_a_stop_within_tokens_is_met_by_the_stream():
    tokens = running.tokenizer()("one two three four", add_special_tokens=False)["input_ids"]
    assert "".join(pieces(tokens, ("wo th",))) == "one t"
