"""What a model is told: within its budget, the same while one types, with what other documents have to do with it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codetune_core.completion.context import CHARACTERS_PER_TOKEN, Budget, context
from codetune_core.completion.place import Place
from codetune_core.domain.document import Document

LONG = "".join(f"value_{number} = compute(number_{number})\n" for number in range(2000))
SMALL = Budget(before=600, after=90, others=200, step=200)


def place(before, after="", language="python"):
    return Place("file:///a.py", before, after, language)


def other(name, text, language="python"):
    return Document(f"file:///{name}", text, language)


@given(st.text(alphabet="ab \n", max_size=3000), st.text(alphabet="ab \n", max_size=400))
def test_the_window_keeps_to_its_budget_and_ends_at_the_cursor(before, after):
    told = context(place(before, after), budget=SMALL)
    assert len(told.before) <= SMALL.before
    assert before.endswith(told.before)
    assert len(told.after) <= SMALL.after
    assert after.startswith(told.after)


@given(st.text(alphabet="ab \n", min_size=1, max_size=3000))
def test_the_window_holds_much_of_what_it_may(before):
    told = context(place(before), budget=SMALL)
    assert len(told.before) >= min(len(before), SMALL.before - 2 * SMALL.step)


def test_a_short_document_is_told_whole():
    told = context(place("def f():\n    ", "\n\nf()\n"))
    assert (told.prefix, told.after) == ("def f():\n    ", "\n\nf()\n")


def test_the_window_begins_at_the_start_of_a_line():
    told = context(place(LONG))
    assert told.before.startswith("value_")


def test_while_one_types_the_window_begins_at_the_same_place_for_a_whole_step():
    budget, moved = Budget(), 0
    for typed in range(0, budget.step, 16):
        one = context(place(LONG[: 20_000 + typed])).before
        other = context(place(LONG[: 20_016 + typed])).before
        moved += not other.startswith(one)
    assert moved <= 1


@pytest.mark.parametrize(
    ("before", "is_start"), [("", True), ("a\n", True), ("a\r\n", True), ("a", False), ("\n ", False)]
)
def test_it_is_said_whether_the_cursor_stands_at_the_start_of_a_line(before, is_start):
    assert context(place(before)).at_line_start is is_start


def test_what_shares_rare_names_comes_first():
    told = context(
        place("from shop import open_basket, basket_total\n\nbasket = open_basket("),
        [
            other("b.py", "def read_value(path):\n    return path\n"),
            other("c.py", "def open_basket(customer):\n    return Basket(customer)\n\ndef basket_total(basket): ...\n"),
        ],
    )
    assert [snippet.name for snippet in told.others] == ["c.py"]
    assert told.prefix.startswith("# Path: c.py\n# def open_basket(customer):\n")


def test_snippets_keep_to_their_budget():
    others = [other(f"{number}.py", LONG) for number in range(4)]
    told = context(place(LONG[:3000]), others, SMALL)
    assert sum(len(snippet.text) for snippet in told.others) <= SMALL.others


def test_a_document_is_no_snippet_of_itself():
    assert context(place(LONG[:3000]), [other("a.py", LONG)]).others == ()


def test_snippets_stay_while_one_types():
    others = [other(f"{number}.py", LONG[number * 900 : number * 900 + 5000]) for number in range(4)]
    first = context(place(LONG[:3000], LONG[3400:6000]), others).others
    assert first
    assert all(context(place(LONG[: 3000 + typed], LONG[3400:6000]), others).others == first for typed in range(40))


@pytest.mark.parametrize(
    ("language", "line"),
    [
        ("python", "# open_basket basket_total"),
        ("go", "// open_basket basket_total"),
        ("css", "/* open_basket basket_total */"),
    ],
)
def test_a_snippet_is_a_comment_of_the_language(language, line):
    found = context(place("open_basket basket_total", language=language), [other("x", "open_basket basket_total")])
    assert found.prefix.splitlines()[1] == line


def test_a_snippet_cannot_end_its_comment():
    found = context(
        place("open_basket basket_total", language="css"), [other("x", "open_basket */ basket_total { } /* x")]
    )
    assert found.prefix.splitlines()[1].count("*/") == 1


@pytest.mark.parametrize("tokens", [100, 512, 2048, 4096, 100_000])
def test_a_budget_of_tokens_is_kept(tokens):
    budget = Budget.of_tokens(tokens)
    told = context(place(LONG[:30_000], LONG[30_000:]), [other("b.py", LONG)], budget)
    assert len(told.prefix) + len(told.after) <= tokens * CHARACTERS_PER_TOKEN * 1.1
