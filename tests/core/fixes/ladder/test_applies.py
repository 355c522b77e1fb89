"""V1: edits are taken only where they fit the current text, stay in the requested ranges, and leave what parses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ladder_cases import document, edit, place, request

from codetune_core.domain.text import Edit, Position, Range
from codetune_core.fixes.ladder.applies import apply
from codetune_core.fixes.ladder.request import Request
from codetune_core.fixes.ladder.result import Outcome

TEXT = '''"""A shop."""
import os


def price(text):
    return eval(text)


def name():  # as it is
    return os.name
'''
SHOP = document(TEXT)
BODY = "return eval(text)"


def check(edits, *, words, passes=False, text=TEXT, allowed=(BODY,), language="python"):
    """Apply edits where only the allowed quotes may change; return the edited text."""
    of = document(text, language=language)
    edits = [each if isinstance(each, Edit) else edit(of, *each) for each in edits]
    after, step = apply(request(of, *allowed), edits)
    assert (step.outcome is Outcome.PASSED) == passes == (after is not None)
    assert words in step.words
    return after.text if after else ""


def test_an_edit_in_the_requested_range_is_applied_to_a_copy():
    assert "return int(text)" in check([(BODY, "return int(text)")], words="parses", passes=True)
    assert SHOP.text == TEXT


@pytest.mark.parametrize("new", ["import ast\nimport os", "import os\nfrom decimal import Decimal"])
def test_outside_the_range_imports_may_be_added(new):
    after = check([("import os", new), ("eval(text)", "float(text)")], words="parses", passes=True)
    assert new in after


@pytest.mark.parametrize(
    "outside",
    [
        ("return os.name", "return os.nam"),
        ("import os", "import ast"),
        ("import os\n", ""),
        ("import os", "import os; os.system('x')"),
        ("import os", "import os\nprint(1)"),
        ("import os", "import ast as price\nimport os"),
        ("import os", "from codecs import open\nimport os"),
        ("import os", "from ast import *\nimport os"),
        ('"""A shop."""', '"""A shop."""\nfrom __future__ import annotations'),
        ("import os", "import os  # noqa"),
        ("  # as it is", ""),
        ("A shop", "A shop import ast"),
        ("os.name", "os.name\n    import ast"),
        ("import os", "import ast\nimport os\ndef ("),
    ],
)
def test_outside_the_range_nothing_else_is_accepted(outside):
    check([(BODY, "return int(text)"), outside], words="is outside the code that was to be changed")


METHODS = """class Till:
    def first(self):
        return 1
    def second(self):
        check(self)
        return 2

    def third(self):
        \'\'\'Ends it.\'\'\'
"""


@pytest.mark.parametrize(
    ("last_line", "new"),
    [
        (3, "        return 1\n    @property\n"),
        (3, "        return 1\n    async \\\n"),
        (3, "        return 1\nclass Other:\n    pass\nif '''\n"),
        (5, "        return '''\n"),
        (3, "        return 1\n    x = '''\n"),
    ],
)
def test_code_after_the_range_cannot_be_taken_hold_of_without_touching_it(last_line, new):
    till = document(METHODS)
    place_of_edit = Range.of(2, 0, last_line, 0)
    after, step = apply(Request(till, (place_of_edit,)), [Edit(place_of_edit, new)])
    assert after is None
    assert "outside" in step.words or "does not parse" in step.words


def test_a_method_may_be_added_at_the_end_of_the_range():
    till = document(METHODS)
    place_of_edit = Range.of(1, 0, 3, 0)
    added = "    def first(self):\n        return 5\n    def another(self):\n        pass\n"
    after, _ = apply(Request(till, (place_of_edit,)), [Edit(place_of_edit, added)])
    assert "another" in after.text


def test_where_the_current_text_does_not_parse_an_edit_may_mend_it():
    check([("def f(:", "def f():")], text="def f(:\n    pass\n", allowed=("def f(:",), words="parses", passes=True)


def test_an_import_of_a_submodule_beside_its_package_is_accepted():
    check([("import os", "import os\nimport os.path"), (BODY, "return 1")], words="parses", passes=True)


def test_an_edit_half_inside_the_range_is_outside():
    check([("eval(text)\n\n\ndef name", "1\n\n\ndef name")], words="outside")


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ((99, 0), (99, 1)),
        ((0, 500), (0, 501)),
        ((5, 6), (5, 4)),
        ((-1, 0), (0, 0)),
        ((0, -2), (0, 1)),
        ((5, 22), (6, 3)),
    ],
)
def test_a_place_that_the_text_does_not_have_is_refused_and_not_clamped(start, end):
    wrong = Edit(Range(Position(*start), Position(*end)), "x = 1")
    _, step = apply(request(SHOP), [wrong])
    assert "a place that the current text does not have" in step.words


def test_the_end_of_the_text_may_be_told_by_the_line_after_the_last():
    end = len(SHOP.lines)
    after, _ = apply(request(SHOP), [Edit(Range.of(end, 0, end, 0), "x = 1\n")])
    assert after.text == TEXT + "x = 1\n"


@pytest.mark.parametrize(
    ("edits", "words"),
    [
        ([], "no edit was given"),
        ([(BODY, BODY)], "change nothing"),
        ([("eval(text)", "1"), ("eval", "int")], "overlap"),
        ([(BODY, "return int(text")], "does not parse: '(' was never closed at `return int(text` (line 6"),
        ([(BODY, "x = 1\n  return x")], "does not parse"),
        ([(BODY, "return 1\0")], "does not parse"),
        ([(BODY, f"return {'(' * 5000}")], "does not parse"),
    ],
)
def test_what_cannot_be_applied_or_parsed_is_said(edits, words):
    check(edits, words=words)


@pytest.mark.parametrize(
    "comment",
    [
        "# noqa",
        "# nosec B307",
        "# type: ignore",
        "#noqa: S307",
        "# codetune: ignore",
        "# ruff: noqa",
        "# pragma: no cover",
        "# nosemgrep",
        "# NOSONAR",
        "# pyre-ignore[1]",
    ],
)
def test_a_comment_that_silences_a_checker_is_no_mending(comment):
    check([(BODY, f"{BODY}  {comment}")], words=f"`{comment}` silences a checker")


@pytest.mark.parametrize(
    ("comment", "language"),
    [
        ("// codetune: ignore", "javascript"),
        ("/*\n * eslint-disable */", "javascript"),
        ("// @ts-ignore", "typescript"),
        ("//nolint:gosec", "go"),
        ("/* NOSONAR */", "java"),
        ("-- codetune:ignore", "sql"),
        ("<!-- codetune: ignore -->", "html"),
        ("# shellcheck disable=SC2086", "shellscript"),
    ],
)
def test_nor_is_one_of_another_language(comment, language):
    check([("f(x);", f"f(x); {comment}")], text="f(x);", allowed=(), language=language, words="silences a checker")


def test_a_label_or_a_name_is_no_comment_that_silences():
    check([("x", "x[a//fmt: b]")], text="x", allowed=(), words="parses", passes=True)
    check([("x", "noqa(fmt)")], text="x;", allowed=(), language="c", words="applies", passes=True)


@pytest.mark.parametrize(
    "code", ["-" * 100_000 + "1", "1" + "+1" * 100_000, "if 1:\n pass\n" + "elif 1:\n pass\n" * 20_000]
)
def test_code_that_is_nested_without_end_is_refused(code):
    check([("import os", f"import os\n{code}"), (BODY, code)], words="the code that was to be changed")


def test_a_comment_that_silenced_before_may_stay():
    text = "x = eval(y)  # noqa: S307\n"
    check([("eval", "int")], text=text, allowed=(), words="parses", passes=True)


def test_another_language_is_applied_and_not_said_to_parse():
    after = check([("(", "[")], text="f(x);", allowed=(), language="javascript", words="applies", passes=True)
    assert after == "f[x);"


def test_a_mark_of_the_byte_order_is_no_fault():
    check([("1", "2")], text="\ufeffx = 1\n", allowed=(), words="parses", passes=True)


@given(st.data())
def test_whatever_the_edits_are_the_text_outside_the_range_keeps_its_code(data):
    column = st.integers(0, 20)
    ends = sorted(data.draw(st.tuples(st.tuples(st.integers(0, 9), column), st.tuples(st.integers(0, 9), column))))
    new = data.draw(st.sampled_from(["", "1", "import ast\n", "pass", "\n", "#", "x = 1\n", "    return 2"]))
    place_of_edit = Range(Position(*ends[0]), Position(*ends[1]))
    after, step = apply(request(SHOP, BODY), [Edit(place_of_edit, new)])
    if after and not place(SHOP, BODY).contains(place_of_edit):
        assert after.text.replace("import ast\n", "") == TEXT
    assert step.words
