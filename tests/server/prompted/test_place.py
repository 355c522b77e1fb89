"""What a prompt is asked about is found from a selection or a cursor, also in a text that does not parse."""

import pytest

from codetune_core.domain.document import Document
from codetune_core.domain.editor_scope import Where
from codetune_core.domain.text import Position, Range
from codetune_server.errors import RequestError
from codetune_server.prompted.place import place_of

TEXT = """\
import os

@cache
def outer(
    a,
):
    x = 1

    def inner():
        return a
    return inner


class Cart:
    # Add one thing
    # to the cart.

    def add(self, thing: str) -> None:
        \"\"\"Add a thing.\"\"\"
        raise NotImplementedError

    @property
    def size(self): return 0
broken = (
"""


def asked(line, where=Where.SELECTION, *, text=TEXT, language="python", to=None):
    document = Document("untitled:a", text, language, 1)
    chosen = Range(Position(line, 0), Position(to or line, 0)) if isinstance(line, int) else line
    return place_of(document, chosen, where)


@pytest.mark.parametrize(
    ("line", "first", "last"),
    [
        (2, 2, 10), (3, 2, 10), (4, 2, 10), (5, 2, 10), (6, 2, 10), (7, 2, 10), (10, 2, 10), (8, 8, 9), (9, 8, 9),
        (13, 13, 22), (14, 13, 22), (17, 17, 19), (18, 17, 19), (19, 17, 19), (21, 21, 22), (22, 21, 22),
    ],
)  # fmt: skip
def test_without_a_selection_it_is_the_function_or_class_around_the_cursor(line, first, last):
    place = asked(line)
    assert (place.range.start, place.range.end.line) == (Position(first, 0), last)
    assert place.code == TEXT.split("\n", first)[-1][: len(place.code)]


@pytest.mark.parametrize("line", [0, 23])
@pytest.mark.parametrize("where", [Where.SELECTION, Where.CURSOR])
def test_where_there_is_nothing_it_is_said_what_to_do(line, where):
    with pytest.raises(RequestError, match="Select the code"):
        asked(line, where)


def test_blank_code_is_nothing_to_ask_about():
    with pytest.raises(RequestError, match="no code"):
        asked(0, Where.FILE, text=" \n\t\n")


def test_a_selection_takes_the_indentation_of_its_first_line_in():
    assert asked(Range(Position(6, 4), Position(6, 9))).range == Range(Position(6, 0), Position(6, 9))
    assert asked(Range(Position(6, 6), Position(6, 9))).code == "= 1"


@pytest.mark.parametrize("line", [14, 15, 16])
def test_at_a_comment_it_is_the_comment(line):
    place = asked(line, Where.CURSOR)
    assert place.range == Range(Position(14, 0), Position(15, len("    # to the cart.")))
    assert (place.wish, place.signature) == ("Add one thing\nto the cart.", "")


def test_an_unfinished_function_says_what_it_shall_do():
    place = asked(18, Where.CURSOR)
    assert (place.wish, place.signature) == ("Add a thing.", "def add(self, thing: str) -> None:")
    assert asked(0, Where.CURSOR, text="def total(prices): ...\n").wish.endswith(": total")
    assert asked(0, Where.CURSOR, text="def total(prices):\n    return 1\n").signature == ""


@pytest.mark.parametrize(
    ("text", "wish"),
    [
        ("// Sort them\n// by name.\nlet a = 1\n", "Sort them\nby name."),
        ("/* Sort them */\nlet a = 1\n", "Sort them"),
        ("/**\n * Sort them\n */\nlet a = 1\n", "Sort them"),
        ("-- why?\nSELECT 1", "why?"),
        ("let a = 1 // no\n", ""),
    ],
)
def test_a_leading_comment_of_any_language_is_a_wish(text, wish):
    assert asked(0, text=text, language="typescript", to=2).wish == wish
