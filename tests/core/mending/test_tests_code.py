"""New tests stand below those that are there, their imports among its imports, and no name is taken twice."""

import pytest

from codetune_core.domain.document import Document
from codetune_core.mending.tests_code import with_tests

OLD = '''\
"""Tests."""

from __future__ import annotations

import os

from shop import a

LIMIT = 3


def test_a():
    assert a() == 1
'''


def combined(new, old=OLD):
    document = Document("untitled:test_a.py", old, "python")
    proposal = with_tests(document, new)
    return proposal.refused or document.edited(proposal.edits).text


def test_a_file_that_is_empty_gets_all_of_it():
    assert combined("\n\ndef test_b():\n    pass\n\n\n", "\n") == "def test_b():\n    pass\n"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_imports_go_among_the_imports_and_the_rest_to_the_end(end):
    imports = '"""More."""\nfrom __future__ import annotations\nimport os\nimport json\nfrom shop import a, b\n'
    new = f"{imports}\n\ndef test_b():\n    assert b()\n"
    wanted = OLD.replace("import a\n", "import a\nimport json\nfrom shop import b\n")
    wanted += "\n\ndef test_b():\n    assert b()\n"
    assert combined(new, OLD.replace("\n", end)) == wanted.replace("\n", end)


def test_a_file_without_a_line_end_gets_one():
    assert combined("def test_b():\n    pass\n", OLD.rstrip()) == f"{OLD}\n\ndef test_b():\n    pass\n"


@pytest.mark.parametrize(
    ("new", "says"),
    [
        ("def test_a():\n    pass\n", "already test_a"),
        ("LIMIT = 4\n", "already LIMIT"),
        ("def a():\n    pass\n", "already a"),
        ("from bank import a\n\n\ndef test_b():\n    a()\n", "already a"),
        ("import json as LIMIT\n\n\ndef test_b():\n    pass\n", "already LIMIT"),
        ("import os\n", "no test in the answer"),
        ("def test_b(:\n", "do not parse"),
    ],
)
def test_what_would_break_the_file_is_refused(new, says):
    assert says in combined(new)


def test_a_file_that_is_broken_is_said():
    with pytest.raises(SyntaxError):
        combined("def test_b():\n    pass\n", "def test_a(:\n")


@pytest.mark.parametrize("code", ["-" * 100_000 + "1", "x = " + "(" * 1_000, "import a\0b"])
def test_tests_that_no_parser_takes_are_refused(code):
    assert "do not parse" in with_tests(Document("file:///test_a.py", "", "python"), code).refused
