"""Comments that set a finding aside: they count, and they change nothing else."""

import ast

import pytest

from codetune_core.domain.document import Document
from codetune_core.domain.finding import Confidence, Finding, Rule, Severity
from codetune_core.domain.text import Range
from codetune_core.findings.silence import silence
from codetune_core.findings.suppress import suppress
from codetune_core.sections import RuleSettings


def check(text, flagged="bad()", language="python", rule="X1"):
    """The text with the finding on ``flagged`` set aside, once it is seen to be; None where that cannot be."""
    document = Document(f"file:///a.{language}", text, language)
    start = text.index(flagged)
    place = Range(document.position(start), document.position(start + len(flagged)))
    finding = Finding(Rule(rule, "x"), place, "m", Severity.LOW, Confidence.LOW, ("d",))
    edit = silence(document, finding, "known")
    if edit is None:
        return None
    edited = document.edited([edit])
    moved = edited.text.index(flagged)
    there = Range(edited.position(moved), edited.position(moved + len(flagged)))
    again = Finding(Rule(rule, "x"), there, "m", Severity.LOW, Confidence.LOW, ("d",))
    shown, aside = suppress(edited, [again], RuleSettings(), "")
    assert not shown, edited.text
    assert aside[0].suppression.reason.startswith("known") or "codetune" in text
    if language == "python":
        assert ast.dump(ast.parse(edited.text)) == ast.dump(ast.parse(text))
    return edited.text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bad()\n", "bad()  # codetune: ignore[X1] known\n"),
        ("bad()", "bad()  # codetune: ignore[X1] known"),
        ("bad()  \t\r\n", "bad()  # codetune: ignore[X1] known\r\n"),
        ("bad()\rx = 1\r", "bad()  # codetune: ignore[X1] known\rx = 1\r"),
        ("bad()  # noqa: E501\n", "bad()  # noqa: E501  # codetune: ignore[X1] known\n"),
        ("bad()  # codetune: ignore[Y2] why\n", "bad()  # codetune: ignore[Y2, X1] why\n"),
        ("bad()  # codetune: ignore[] why\n", "bad()  # codetune: ignore[X1] why\n"),
        ("x = 'codetune: ignore[Y2]'; bad()\n", "x = 'codetune: ignore[Y2]'; bad()  # codetune: ignore[X1] known\n"),
        ("if bad():\n    pass\n", "if bad():  # codetune: ignore[X1] known\n    pass\n"),
        ("@bad()\ndef f(): pass\n", "@bad()  # codetune: ignore[X1] known\ndef f(): pass\n"),
        ("f(\n    bad(),\n    1,\n)\n", "f(\n    bad(),  # codetune: ignore[X1] known\n    1,\n)\n"),
        ("f('''\n''', bad(), '''\n''')\n", "f('''\n''', bad(), '''\n''')  # codetune: ignore[X1] known\n"),
        ("x = 1 + \\\n    bad()\n", "x = 1 + \\\n    bad()  # codetune: ignore[X1] known\n"),
        ("x = bad() + \\\n    1\n", "x = bad() + \\\n    1  # codetune: ignore[X1] known\n"),
        (
            "def f():\n    x = bad() + \\\n        1 \\\n\n",
            "def f():\n    # codetune: ignore[X1] known\n    x = bad() + \\\n        1 \\\n\n",
        ),
        ("s = '\N{PILE OF POO}'; bad()\n", "s = '\N{PILE OF POO}'; bad()  # codetune: ignore[X1] known\n"),
        ("x = f'{bad()}'\n", "x = f'{bad()}'  # codetune: ignore[X1] known\n"),
        ("x = f'''\n{bad()}\n'''\n", "x = f'''\n{bad()}\n'''  # codetune: ignore[X1] known\n"),
    ],
)
def test_a_comment_in_python_stands_where_it_counts_and_leaves_the_program_as_it_was(text, expected):
    assert check(text) == expected


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("javascript", "bad();\n", "bad();  // codetune: ignore[X1] known\n"),
        ("yaml", "key: bad()\n", "key: bad()  # codetune: ignore[X1] known\n"),
        ("shellscript", "bad() \\\n", "# codetune: ignore[X1] known\nbad() \\\n"),
        ("ini", "[a]\nkey = bad()\n", "[a]\n; codetune: ignore[X1] known\nkey = bad()\n"),
        ("dotenv", "KEY=bad()\r\n", "# codetune: ignore[X1] known\r\nKEY=bad()\r\n"),
        ("html", "<p>bad()\n", "<p>bad()  <!-- codetune: ignore[X1] known -->\n"),
        ("css", "a{b:bad()}\n", "a{b:bad()}  /* codetune: ignore[X1] known */\n"),
        ("sql", "select bad();\n", "select bad();  -- codetune: ignore[X1] known\n"),
        ("json", '{"a": "bad()"}\n', None),
        ("plaintext", "bad()\n", None),
    ],
)
def test_each_language_gets_the_comment_it_knows(language, text, expected):
    assert check(text, language=language) == expected
