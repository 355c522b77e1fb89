"""Quotes become edits of exact places, laid out as the code stands there, or the answer is refused with a reason."""

import pytest

from codetune_core.domain.document import Document
from codetune_core.domain.text import Edit, Position, Range
from codetune_core.fixes.ladder.result import Refused
from codetune_core.mending.proposal import Proposal, Replaced
from codetune_core.mending.quoting import edits_of

TEXT = """\
import os


class Shop:
    def pay(self, amount):
        total = amount  # in cents
        if total:
            total = total + 1
        return total

    def other(self):
        return total
"""
PAY = Range.of(4, 0, 8, 20)


def changed(*pairs, text=TEXT, ranges=(PAY,), language="python"):
    """The text after an answer, or why it is refused."""
    document = Document("untitled:shop.py", text, language)
    found = edits_of(document, ranges, Proposal(replaced=tuple(Replaced(*pair) for pair in pairs)))
    return found.reason if isinstance(found, Refused) else document.edited(found).text


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    ("quote", "new"),
    [
        ("        total = amount  # in cents\n", "        total = int(amount)  # in cents\n"),
        ("total = amount  # in cents", "total = int(amount)  # in cents"),
        ("total = amount", "total = int(amount)"),
        ("total   =  amount", "total = int(amount)"),
        ("amount  # in cents", "int(amount)  # in cents"),
    ],
)
def test_a_quote_that_stands_once_in_the_range_is_replaced_and_nothing_else(quote, new, end):
    text = TEXT.replace("\n", end)
    assert changed((quote, new), text=text) == text.replace("= amount", "= int(amount)")


@pytest.mark.parametrize(
    ("quote", "new"),
    [
        ("        if total:\n            total = total + 1", "        if total > 0:\n            total += 1"),
        ("if total:\n            total = total + 1", "if total > 0:\n            total += 1"),
        ("if total:\n    total = total + 1", "if total > 0:\n    total += 1"),
        ("    if total:\n        total = total + 1\n", "    if total > 0:\n        total += 1\n"),
        ("\tif total:\n\t\ttotal = total + 1\n", "\tif total > 0:\n\t\ttotal += 1\n"),
    ],
)
def test_lines_are_laid_out_as_the_code_stands_there(quote, new):
    wanted = TEXT.replace("if total:\n            total = total + 1", "if total > 0:\n            total += 1")
    assert changed((quote, new)) == wanted


@pytest.mark.parametrize("new", ["check(amount)\ntotal = amount", "check(amount)\n        total = amount"])
def test_a_line_that_becomes_two_keeps_the_indentation(new):
    assert "        check(amount)\n        total = amount  # in cents\n" in changed(("total = amount", new))


def test_a_line_is_deleted_with_its_end():
    assert changed(("        total = amount  # in cents\n", "")) == TEXT.replace(
        "        total = amount  # in cents\n", ""
    )


def test_what_stands_outside_of_the_range_is_found_where_the_range_has_none():
    assert changed(("import os", "import os\nimport re")) == TEXT.replace("import os", "import os\nimport re")
    assert changed(("return total", "return 0")) == TEXT.replace("return total\n\n", "return 0\n\n")


@pytest.mark.parametrize(
    ("quote", "says"),
    [
        ("total = 7", "`total = 7` does not stand in the code: copy it exactly"),
        ("total", "`total` stands in the code more than once: quote more lines around it"),
        ("  \n ", "is empty"),
        (f"{'x' * 90}\ny", f"`{'x' * 60}...` does not"),
    ],
)
def test_a_quote_that_stands_nowhere_or_twice_is_refused_with_a_reason(quote, says):
    assert says in changed((quote, "x"))


def test_as_many_equal_quotes_as_there_are_places_are_taken_in_order():
    text = "a = f(1)\nb = f(1)\n"
    pairs = [("f(1)", "g(1)"), ("f(1)", "h(1)")]
    assert changed(*pairs, text=text, ranges=(Range.of(0, 0, 2, 0),)) == "a = g(1)\nb = h(1)\n"


def test_replacing_code_by_itself_is_no_edit():
    assert changed(("total = amount", "total = amount")) == TEXT


def test_exact_edits_pass_and_a_refusal_stays_one():
    edit = Edit(Range(Position(0, 0), Position(0, 2)), "xx")
    document = Document("untitled:a", TEXT, "python")
    assert edits_of(document, (PAY,), Proposal((edit,))) == (edit,)
    assert edits_of(document, (PAY,), Proposal(refused="why")) == Refused("why")


def test_a_flood_of_one_quote_is_looked_for_once():
    flooded = Document("file:///a.py", "x = 1\n" * 50_000, "python", 1)
    found = edits_of(flooded, (Range.of(0, 0, 50_000, 0),), Proposal(replaced=(Replaced("x = 1", "y"),) * 5_000))
    assert isinstance(found, Refused)
