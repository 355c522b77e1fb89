"""What a model wrote becomes what is proposed: one file for each case, read by people as well."""

from pathlib import Path

import pytest

from codetune_core.completion.place import Place
from codetune_core.completion.postprocess import clean

FOLDER = Path(__file__).parents[2] / "fixtures" / "completions"
CASES = sorted(FOLDER.glob("*.txt"))


def read(path):
    """Place, the model's text and the expected text; a part ends before the line end that ends its last line."""
    head, _, rest = path.read_text("utf-8").partition("\n=== document ===\n")
    document, _, rest = rest.partition("\n=== model ===\n")
    raw, _, expected = rest.partition("=== expected ===\n")
    before, after = document.split("<cursor>")
    place = Place("file:///case", before, after, head.partition(":")[0])
    return place, raw.removesuffix("\n"), expected.removesuffix("\n")


def stem(path):
    return path.stem


def with_crlf(text):
    return text.replace("\n", "\r\n")


@pytest.mark.parametrize("path", CASES, ids=stem)
def test_what_is_proposed_is_what_its_file_says(path):
    place, raw, expected = read(path)
    assert clean(raw, place).text == expected


@pytest.mark.parametrize("path", CASES, ids=stem)
def test_the_same_holds_in_a_document_with_the_line_ends_of_windows(path):
    place, raw, expected = read(path)
    place = Place(place.uri, "\r\n" + with_crlf(place.before), with_crlf(place.after), place.language)
    assert clean(raw, place).text == with_crlf(expected)


@pytest.mark.parametrize("path", CASES, ids=stem)
def test_what_is_proposed_is_not_changed_by_being_cleaned_again(path):
    place, _, expected = read(path)
    assert clean(expected, place).text == expected


@pytest.mark.parametrize("path", CASES, ids=stem)
def test_an_engine_that_is_stopped_early_lost_nothing(path):
    place, raw, expected = read(path)
    lines = raw.splitlines(keepends=True)
    for count in range(1, len(lines) + 1):
        cleaned = clean("".join(lines[:count]), place, ended=False)
        if cleaned.is_whole:
            assert cleaned.text == expected
            return


def test_there_are_cases_of_each_language():
    counts = {name: sum(path.stem.startswith(name) for path in CASES) for name in ("python", "javascript", "go")}
    assert len(CASES) >= 40
    assert min(counts.values()) >= 5
