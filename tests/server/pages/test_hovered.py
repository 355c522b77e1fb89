"""Answers stand over the code they are about, as long as that is the same code."""

import pytest

from codetune_core.domain.document import Document
from codetune_core.domain.text import Position, Range
from codetune_server.pages.hovered import About, Answers
from codetune_server.pages.store import Pages

TEXT = "a\nb\nc\nd\n"
ABOUT = About(Document("file:///x.py", TEXT, "python", 1), Range(Position(1, 0), Position(2, 1)))


@pytest.mark.parametrize(
    ("text", "line", "found"),
    [
        (TEXT, 1, True),
        (TEXT, 2, True),
        (TEXT, 0, False),
        (TEXT, 3, False),
        ("new\n" + TEXT, 2, True),
        ("new\n" + TEXT, 1, False),
        ("a\nb changed\nc\nd\n", 1, False),
        (TEXT + "more\n", 1, True),
    ],
)
def test_an_answer_follows_its_code_and_ends_with_it(text, line, found):
    answers = Answers()
    answers.keep(ABOUT, "said")
    now = Document("file:///x.py", text, "python", 2)
    assert answers.at(now, Position(line, 0)) == (["said"] if found else [])


def test_the_last_answer_about_a_range_stands_and_those_of_other_documents_do_not():
    answers = Answers()
    answers.keep(ABOUT, "first")
    answers.keep(ABOUT, "second")
    answers.keep(About(Document("file:///y.py", TEXT, "python", 1), ABOUT.range), "other")
    assert answers.at(ABOUT.document, Position(1, 0)) == ["second"]


def test_only_the_newest_answers_and_pages_are_kept():
    answers, pages = Answers(), Pages()
    first = pages.add("a page")
    pages.write(first, "text")
    assert (first, pages.read(first)) == ("codetune:/1/a-page.md", "text\n")
    for number in range(40):
        answers.keep(About(ABOUT.document, Range(Position(0, 0), Position(3, number))), str(number))
        pages.write(pages.add("later"), "text")
    assert "gone" in pages.read(first)
    pages.write(first, "written too late")
    assert "gone" in pages.read(first)
    assert len(answers.at(ABOUT.document, Position(1, 0))) == 32
