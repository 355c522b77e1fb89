"""What a model may change for a finding: the innermost function, a block of braces, or the lines near it."""

import pytest

from codetune_core.domain.document import Document
from codetune_core.domain.text import Range
from codetune_core.mending.enclosing import around

PYTHON = """\
import os

LIMIT = os.environ["LIMIT"]


class Shop:
    @cache
    def pay(self):
        def inner():
            return eval("1")

        return inner()

    size = 1
"""
SCRIPT = "const a = 1;\n\nfunction pay(x) {\n  if (x) {\n    eval(x);\n  }\n}\n"


@pytest.mark.parametrize(
    ("text", "language", "quote", "lines"),
    [
        (PYTHON, "python", "eval", (8, 9)),
        (PYTHON, "python", "return inner()", (6, 11)),
        (PYTHON, "python", "@cache", (6, 11)),
        (PYTHON, "python", "LIMIT =", (0, 14)),
        ("x = 1\n" * 100, "python", "x", (0, 20)),
        (SCRIPT, "javascript", "eval", (2, 6)),
        (SCRIPT, "javascript", "const", (0, 7)),
        ("x {\n" + "y;\n" * 200 + "eval }\n", "javascript", "eval", (181, 202)),
        ("a: 1\n", "yaml", "a", (0, 1)),
    ],
)
def test_the_lines_around_a_finding(text, language, quote, lines):
    document = Document("untitled:a", text, language)
    start = document.position(text.index(quote))
    found = around(document, Range(start, start))
    assert (found.start.line, found.end.line) == lines
    assert found.start.column == 0
