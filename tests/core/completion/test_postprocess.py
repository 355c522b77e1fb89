"""Whatever a model writes, what is proposed keeps the rules."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codetune_core.completion.brackets import surplus
from codetune_core.completion.place import Place
from codetune_core.completion.postprocess import clean

CODE = st.lists(
    st.sampled_from(
        ["a", "if x:", "b", "(", ")", "[", "]", "{", "}", '"', "'", '"""', "\n", "\n    ", "\n\n", "\t", " ", "#",
         "//", "/*", "`", "```\n", "\r\n", "else:", "é", "👋", "\\", ",", ";", "f():", "\0", "\ud800"]
    ),
    max_size=14,
).map("".join)  # fmt: skip
LANGUAGES = st.sampled_from(["python", "javascript", "go", "html", "plaintext"])


@given(CODE, CODE, CODE, LANGUAGES, st.booleans())
def test_what_is_proposed_keeps_the_rules(before, after, raw, language, ended):
    place = Place("file:///x", before, after, language)
    text = clean(raw, place, ended=ended).text
    assert text == text.rstrip()
    assert surplus(text, place) is None
    assert len(text.replace("\r\n", "\n")) <= len(raw)
    if place.line_after.strip(" \t)]}>\"'`;,:"):
        assert "\n" not in text


@given(CODE, CODE, CODE, LANGUAGES)
def test_what_was_whole_before_the_model_ended_stays_what_it_was(before, after, raw, language):
    place = Place("file:///x", before, after, language)
    early = clean(raw, place, ended=False)
    if early.is_whole:
        assert clean(raw + "\nmore", place, ended=False).is_whole


@pytest.mark.parametrize("opening", ["(", '"', '"""', "'''", "`", "/*", "\\", "    ", "a = [\n", 'x = "\\'])
def test_a_large_document_is_handled_in_the_time_of_its_length(opening):
    def seconds(count):
        place = Place("file:///x", opening * count, "", "python")
        begun = time.process_time()
        clean("return 1\n", place)
        return time.process_time() - begun

    seconds(1000)
    assert seconds(32_000) < 60 * max(seconds(4_000), 1e-3)


def test_a_statement_too_large_to_be_parsed_at_each_proposal_is_not_parsed():
    large = "x = [\n" + "    1,\n" * 4000
    assert clean("2,\n    f(\n", Place("file:///x", large + "    ", "", "python")).text == "2,\n    f("
    small = "x = [\n" + "    1,\n" * 4
    assert clean("2]\ny = f(\n", Place("file:///x", small + "    ", "", "python")).text == "2]"
