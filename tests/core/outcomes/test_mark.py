"""What became of an edit, said from the text before, the edit and a later text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codetune_core.domain.document import Document
from codetune_core.domain.execution import Outcome
from codetune_core.domain.text import Edit, Range
from codetune_core.outcomes.mark import Mark

BEFORE = """\
import os


def first(user):
    query = "select * from a where n = '%s'" % user
    return run(query)


def second(user):
    query = "select * from a where n = '%s'" % user
    return run(query)
"""
OLD = """\
    query = "select * from a where n = '%s'" % user
    return run(query)
"""
NEW = """\
    query = "select * from a where n = ?"
    return run(query, (user,))
"""
FUNCTION = """\
def total(prices):
    result = 0
    for price in prices:
        result += price
    return result


"""


def document(text: str) -> Document:
    return Document("file:///shop.py", text, "python")


def mark(before: str, *edits: tuple[str, str, int]) -> tuple[Mark, str]:
    """Mark replacements of the n-th occurrence of a text; and the text after."""
    source, made = document(before), []
    for old, new, number in edits:
        at = -1
        for _ in range(number + 1):
            at = before.index(old, at + 1)
        made.append(Edit(Range(source.position(at), source.position(at + len(old))), new))
    return Mark.of(source, made), source.edited(made).text


def check(outcome: Outcome, marked: tuple[Mark, str], change=lambda text: text) -> None:
    found, after = marked
    later = change(after)
    assert found.outcome(later) is outcome, later
    assert found.outcome(later.replace("\n", "\r\n")) is outcome


def swap(old: str, new: str, times: int = -1):
    def change(text: str) -> str:
        assert old in text
        return text.replace(old, new, times)

    return change


SECOND = ("second", (OLD, NEW, 1))
KEPT = {
    "nothing happened": lambda text: text,
    "code above": swap("import os\n", "import os\nimport sys\nfrom x import y\n"),
    "code below": lambda text: f"{text}\n\ndef third():\n    pass\n",
    "a line between": swap('n = ?"\n', 'n = ?"\n    log(query)\n'),
    "another indentation": swap("    ", "\t"),
    "laid out anew": swap("run(query, (user,))", "run(\n        query,\n        (user,),\n    )"),
    "other quotes": swap('"', "'"),
    "the function moved up": lambda text: text[text.index("def second") :] + "\n\n" + text[: text.index("def second")],
    "its neighbour deleted": lambda text: text[: text.index("def first")] + text[text.index("def second") :],
    "its neighbour's name": swap("def second(user)", "def other(user: str) -> None"),
}
EDITED = {
    "a name": swap("n = ?", "name = :name"),
    "one of two lines": swap("(query, (user,))", "(query)", 1),
    "the argument": swap("(user,)", "[user, 1, 2]"),
}


@pytest.mark.parametrize("change", KEPT.values(), ids=KEPT)
def test_what_is_still_there_is_kept_whatever_happens_around_it(change):
    check(Outcome.KEPT, mark(BEFORE, (OLD, NEW, 1)), change)


@pytest.mark.parametrize("change", EDITED.values(), ids=EDITED)
def test_what_the_person_changed_is_edited(change):
    check(Outcome.EDITED, mark(BEFORE, (OLD, NEW, 1)), change)


@pytest.mark.parametrize(
    "also",
    [
        lambda text: text,
        swap("import os", "import sys\nimport re"),
        lambda text: f"{text}\nx = 1\n",
        swap("    ", "\t"),
    ],
)
@pytest.mark.parametrize("number", [0, 1])
def test_what_was_undone_is_reverted_whatever_else_was_written(number, also):
    check(Outcome.REVERTED, mark(BEFORE, (OLD, NEW, number)), lambda text: also(text.replace(NEW, OLD)))


@pytest.mark.parametrize("number", [0, 1])
def test_of_two_equal_edits_the_one_that_was_undone_is_reverted_and_the_other_kept(number):
    both = BEFORE.replace(OLD, NEW)
    first, second = (mark(BEFORE, (OLD, NEW, 0)), mark(BEFORE.replace(OLD, NEW, 1), (OLD, NEW, 0)))
    undone = both.replace(NEW, OLD, 1) if number == 0 else both[: both.rindex(NEW)] + OLD
    outcomes = [first[0].outcome(undone), second[0].outcome(undone)]
    assert outcomes == ([Outcome.REVERTED, Outcome.KEPT] if number == 0 else [Outcome.KEPT, Outcome.REVERTED])


def test_one_of_two_edits_undone_is_edited():
    marked = mark(BEFORE, ("import os\n", "import db\n", 0), (OLD, NEW, 1))
    check(Outcome.EDITED, marked, swap("(query, (user,))", "(query)"))
    check(Outcome.EDITED, mark(BEFORE, (OLD, NEW, 0), (OLD, NEW, 1)), swap(NEW, OLD, 1))


@pytest.mark.parametrize(
    ("left", "outcome"),
    [(5, Outcome.KEPT), (3, Outcome.EDITED), (1, Outcome.REVERTED), (0, Outcome.REVERTED)],
)
def test_of_new_code_the_share_counts_that_is_still_there(left, outcome):
    kept = "".join(FUNCTION.splitlines(keepends=True)[:left])
    check(outcome, mark(BEFORE, ("def second", f"{FUNCTION}def second", 0)), swap(FUNCTION, kept))


def test_new_code_that_was_written_anew_is_reverted():
    other = "class Basket:\n    items = {}\n\n    def __len__(self):\n        return len(self.items)\n\n\n"
    check(Outcome.REVERTED, mark(BEFORE, ("def second", f"{FUNCTION}def second", 0)), swap(FUNCTION, other))


def test_code_that_was_deleted_after_it_was_rewritten_is_reverted():
    marked = mark(FUNCTION, (FUNCTION[FUNCTION.index("    result") :], "    return sum(prices)\n", 0))
    check(Outcome.REVERTED, marked, lambda _: "")
    check(Outcome.REVERTED, marked, lambda _: "x = 1\n")


def test_new_code_moved_alone_is_kept():
    marked = mark(BEFORE, ("def second", f"{FUNCTION}def second", 0))
    check(Outcome.KEPT, marked, lambda text: text.replace(FUNCTION, "") + "\n\n" + FUNCTION)


@pytest.mark.parametrize("line", ["import os\n", "    return run(query)\n"])
def test_a_deletion_is_kept_until_the_line_is_back(line):
    marked = mark(BEFORE, (line, "", 0))
    check(Outcome.KEPT, marked, lambda text: f"# Shop\n{text}x = 1\n")
    check(Outcome.REVERTED, marked, lambda _: f"# Shop\n{BEFORE}x = 1\n")


def test_a_doubled_line_that_was_taken_back_is_reverted():
    text = "a = 1\nfoo()\nb = 2\n"
    marked = mark(text, ("foo()\n", "foo()\nfoo()\n", 0))
    check(Outcome.KEPT, marked, swap("a = 1", "a = 7"))
    check(Outcome.REVERTED, marked, lambda _: text.replace("b = 2", "b = 2\nc = 3"))


def test_white_space_alone_counts_where_the_edit_is_of_nothing_else():
    marked = mark("if x:\n  y()\n  z()\n", ("  y()\n  z()", "    y()\n    z()", 0))
    found, after = marked
    assert found.outcome(f"import q\n{after}") is Outcome.KEPT
    assert found.outcome("import q\nif x:\n  y()\n  z()\n") is Outcome.REVERTED


def test_an_edit_that_changes_nothing_is_kept():
    check(Outcome.KEPT, mark(BEFORE, ("import os", "import os", 0)), swap("import os", "import re"))


def test_overlapping_edits_have_no_outcome():
    edit = Edit(Range.of(0, 0, 1, 0), "")
    with pytest.raises(ValueError, match="overlapping"):
        Mark.of(document(BEFORE), [edit, edit])


def test_the_text_that_an_edit_makes_is_recognised_whatever_its_line_ends():
    found, after = mark(BEFORE, (OLD, NEW, 1))
    assert found.is_made(after)
    assert found.is_made(after.replace("\n", "\r\n"))
    assert not found.is_made(BEFORE)
    assert not found.is_made(f"{after} ")


_LINES = st.sampled_from(["import os", "x = 1", "foo()", "", "    return run(query)", "def second(user):", "é = '🙂'"])
_EDITS = st.lists(st.tuples(st.booleans(), st.integers(0, 30), st.lists(_LINES, max_size=3)), max_size=6)


def _around(text: str, edits, *, only_insert: bool = False) -> str:
    """Change lines above and below the new code, leaving its own and the two beside it."""
    at = text.index(FUNCTION)
    head, tail = text[:at].splitlines(keepends=True), text[at + len(FUNCTION) :].splitlines(keepends=True)
    far, near, close, rest = head[:-3], head[-3:], tail[:1], tail[1:]
    for above, place, lines in edits:
        part = far if above else rest
        first = place % (len(part) + 1)
        part[first : first + (not only_insert)] = [f"{line}\n" for line in lines]
    return "".join([*far, *near, FUNCTION, *close, *rest])


@given(_EDITS)
def test_edits_elsewhere_never_change_that_it_is_kept(edits):
    check(Outcome.KEPT, mark(BEFORE, ("def second", f"{FUNCTION}def second", 0)), lambda text: _around(text, edits))


@given(_EDITS)
def test_lines_that_come_elsewhere_never_change_that_it_is_reverted(edits):
    marked = mark(BEFORE, ("def second", f"{FUNCTION}def second", 0))
    check(Outcome.REVERTED, marked, lambda text: _around(text, edits, only_insert=True).replace(FUNCTION, ""))


@pytest.mark.parametrize(
    ("written", "later", "expected"),
    [
        ("a b c d\n" * 100_000, "a  b c d\n" * 100_000, Outcome.KEPT),
        ("".join(f"v{i * 7919 % 10007}\n" for i in range(100_000)), "x\n" * 100_000, Outcome.REVERTED),
        ("".join(f"w{i % 97} = {i % 89}\n" for i in range(100_000)), "w1 = 1\n" * 100_000, Outcome.EDITED),
    ],
)
def test_an_edit_of_a_megabyte_is_judged_in_time_that_a_quadratic_way_would_not_keep(written, later, expected):
    before = Document("file:///a.py", "".join(f"old{i}\n" for i in range(10_000)), "python", 1)
    assert Mark.of(before, [Edit(Range.of(0, 0, 10_000, 0), written)]).outcome(later) is expected
