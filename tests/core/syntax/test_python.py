"""What the outline of a Python text says, also of broken text."""

import pytest

from codetune_core.domain.document import Document
from codetune_core.domain.text import Range
from codetune_core.syntax.python import outline


def read(text: str):
    return outline(Document("file:///a.py", text, "python"))


SHOP = """\
import os

@decorator
class Shop:
    def sell(self, item):
        def inner():
            return item  # deep
        return inner

    async def close(self): ...

def main():
    pass
"""


@pytest.mark.parametrize(
    ("line", "symbol"),
    [
        (0, ""),
        (2, "Shop"),
        (3, "Shop"),
        (4, "Shop.sell"),
        (6, "Shop.sell.inner"),
        (7, "Shop.sell"),
        (9, "Shop.close"),
        (12, "main"),
    ],
)
def test_a_line_stands_in_its_innermost_symbol(line, symbol):
    assert read(SHOP).enclosing(line) == symbol


def test_comments_have_their_place_and_know_whether_they_stand_alone():
    comments = read("# one\nx = '#no'  # é😀 two\n").comments
    assert [(c.text, c.alone, c.range) for c in comments] == [
        ("# one", True, Range.of(0, 0, 0, 5)),
        ("# é😀 two", False, Range.of(1, 11, 1, 19)),
    ]


def test_columns_count_code_points_after_an_emoji():
    assert read("x = '😀'; y = 1  # here\n").comments[0].range.start.column == 16


@pytest.mark.parametrize("text", ["def f(:\n  pass\n", "x = (1,\n", "class A\n  pass\n"])
def test_broken_text_is_said_to_be_broken(text):
    assert read(text).broken


def test_sound_text_is_not_broken():
    assert not read(SHOP).broken


def test_symbols_after_a_broken_statement_are_still_found():
    assert read("x = = 3\n\ndef later():\n    return 1\n").enclosing(3) == "later"


@pytest.mark.parametrize(
    ("text", "place", "lines"),
    [
        ("call(\n  1,\n  2,\n)\n", (1, 2, 1, 3), (0, 3)),
        ("if x:\n    a = f(\n      1)\n", (2, 6, 2, 7), (1, 2)),
        ("if bad(x):\n    a = 1\n    b = 2\n", (0, 3, 0, 6), (0, 0)),
        ("def f(a=bad()):\n    return 1\n", (0, 8, 0, 13), (0, 0)),
        ("for a in bad(\n   1):\n    pass\n", (0, 9, 0, 12), (0, 0)),
        ("class A:\n    x = [\n        1,\n    ]\n", (2, 8, 2, 9), (1, 3)),
    ],
)
def test_the_simple_statement_around_a_range(text, place, lines):
    assert read(text).statement_lines(Range.of(*place)) == lines
