"""An answer becomes an edit inside what was asked about, as the file is written, or is refused in words."""

import json

import pytest

from codetune_core.domain.document import Document
from codetune_core.domain.editor_scope import Shows
from codetune_core.domain.text import Position, Range
from codetune_core.fixes.ladder.applies import apply
from codetune_core.fixes.ladder.request import Request
from codetune_core.fixes.ladder.result import Refused
from codetune_core.mending.quoting import edits_of
from codetune_server.errors import RequestError
from codetune_server.prompted.answer import allowed, proposal_of
from codetune_server.prompted.place import Where, place_of

CLASS = "class A:\n    def f(self):\n        return 1\n\n    def g(self):\n        return 2\n"


def changed(answer, schema, shows=Shows.REPLACE, *, text=CLASS, first=1, last=3, language="python"):
    """The text after the answer about some lines of it; ``last`` is the line that follows them."""
    document = Document("untitled:a", text, language, 1)
    place = place_of(document, Range(Position(first, 0), Position(last, 0)), Where.SELECTION)
    output = answer if isinstance(answer, str) else json.dumps(answer)
    proposal = proposal_of(output, schema, shows, document, place)
    edits = edits_of(document, allowed(document, place), proposal)
    if isinstance(edits, Refused):
        return edits.reason
    after, step = apply(Request(document, allowed(document, place)), edits)
    return after.text if after else step.words


def code(text):
    return {"code": text, "notes": ""}


def steps(*pairs):
    return {"summary": "s", "steps": [{"quote": a, "replacement": b, "reason": "r"} for a, b in pairs], "risks": []}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    "answer",
    [
        "def f(self):\n    return 3",
        "    def f(self):\n        return 3\n\n",
        "```python\ndef f(self):\n    return 3\n```",
    ],
)
def test_code_stands_with_the_indentation_and_the_line_ends_of_the_file(answer, end):
    wanted = CLASS.replace("return 1", "return 3").replace("\n", end)
    assert changed(code(answer), "code", text=CLASS.replace("\n", end)) == wanted
    assert changed(answer, None, text=CLASS.replace("\n", end)) == wanted


def test_a_file_with_tabs_gets_tabs():
    text = CLASS.replace("    ", "\t")
    assert changed(code("def f(self):\n    if a:\n        return 3"), "code", text=text).split("\n")[1:4] == [
        "\tdef f(self):", "\t\tif a:", "\t\t\treturn 3",
    ]  # fmt: skip


def test_a_string_of_several_lines_keeps_its_value_where_code_is_shifted():
    answer = 'def f(self):\n    return """a\n  b\n"""'
    assert '    def f(self):\n        return """a\n  b\n"""\n' in changed(code(answer), "code")


def test_inserted_code_stands_below_what_was_asked_about():
    text = "def a():\n    # Say hello.\n\n    return 1\n"
    assert changed(code("print('hello')"), "code", Shows.INSERT, text=text, first=1, last=2) == (
        "def a():\n    # Say hello.\n    print('hello')\n\n    return 1\n"
    )
    assert changed("b = 2", None, Shows.INSERT, text="# b", first=0, last=1) == "# b\nb = 2"


def test_an_unfinished_function_is_replaced_whole():
    text = "def f(a):\n    ...\n\n\nb = 1\n"
    answer = code("def f(a):\n    return a")
    assert changed(answer, "code", Shows.INSERT, text=text, first=0, last=2) == "def f(a):\n    return a\n\n\nb = 1\n"


@pytest.mark.parametrize("schema", ["rewrite", "fix"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_pieces_that_are_quoted_are_replaced(schema, end):
    answer = steps(("        return 1\n", "        x = 1\n        return x\n"), ("def f", "def h"))
    answer = answer if schema == "rewrite" else {"edits": answer["steps"], "explanation": "e"}
    wanted = CLASS.replace("def f", "def h").replace("return 1", "x = 1\n        return x")
    assert changed(answer, schema, text=CLASS.replace("\n", end)) == wanted.replace("\n", end)


@pytest.mark.parametrize(
    ("answer", "schema", "says"),
    [
        (steps(("return 2", "return 3")), "rewrite", "outside the code that was to be changed"),
        (steps(("return 7", "return 3")), "rewrite", "does not stand in the code"),
        (steps(("self", "this"), ("f(self)", "f(me)")), "rewrite", "overlap"),
        (steps(("1", "2")), "rewrite", "more than once"),
        (steps(("  ", "a")), "rewrite", "is empty"),
        (steps(("return 1", "return (")), "rewrite", "does not parse"),
        (code("def f(self:"), "code", "does not parse"),
        ({"steps": 1}, "rewrite", "form"),
        ({"steps": [1]}, "rewrite", "form"),
        ({"steps": [{"quote": 1, "replacement": 2}]}, "rewrite", "form"),
        ({"code": 1}, "code", "form"),
        ("[1]", "code", "form"),
        ("{", "code", "form"),
        ({"findings": []}, "findings", "form"),
        (steps(), "rewrite", "no edit was given"),
        (steps(("return 1", "return 1")), "rewrite", "no edit was given"),
    ],
)
def test_what_is_not_there_once_or_is_no_code_edits_nothing(answer, schema, says):
    text = CLASS.replace("return 1", "return 1 or 1")
    assert says in changed(answer, schema, text=text if says == "more than once" else CLASS)


@pytest.mark.parametrize(
    "text", ["Add.", 'Say """hello""".', 'Ends in "', "a\\d", "ends in \\", "One.\n\nArgs:\n    a: b."]
)
@pytest.mark.parametrize(
    "before",
    [
        "def f(a):\n    return a\n",
        'def f(a):\n    """Old\n\n    text."""\n    return a\n',
        'def f(a):\n    "Old."\n',
        "@cache\ndef f(\n    a\n):\n    # why\n    @b\n    def g(): pass\n    return a\n",
        "class A:\n    @x\n    def f(self):\n        pass\n",
    ],
)
def test_a_docstring_is_added_or_replaced_and_the_code_stays_as_it_is(before, text):
    after = changed({"docstring": text}, "docstring", Shows.INSERT, text=before, first=0, last=before.count("\n"))
    assert '"""' in after
    assert [line for line in after.split("\n") if line.strip().startswith(("return", "@", "def", "#", "class"))] == [
        line for line in before.split("\n") if line.strip().startswith(("return", "@", "def", "#", "class"))
    ]
    space: dict = {"cache": lambda f: f, "x": lambda f: f}
    exec(compile(after, "a", "exec"), space)
    said = (space.get("f") or space["A"]).__doc__
    assert said.split() == text.replace('"""', "'''").split()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("def f(): return 1\n", "signature"),
        ("def f(a,\n      b): return 1\n", "signature"),
        ('def f():\n    "a"; return 1\n', "Something stands behind"),
        ("a = 1\n", "one whole function"),
        ("def f(:\n", "one whole function"),
    ],
)
def test_where_no_docstring_fits_it_is_said_why(text, says):
    with pytest.raises(RequestError, match=says):
        changed({"docstring": "Add."}, "docstring", Shows.INSERT, text=text, first=0, last=text.count("\n"))


@pytest.mark.parametrize(
    ("language", "before", "after"),
    [
        ("typescript", "  function a() {}\n", "  /**\n   * Add * /.\n   *\n   * b\n   */\n  function a() {}\n"),
        ("rust", "fn a() {}\n", "/// Add */.\n///\n/// b\nfn a() {}\n"),
        ("go", "func a() {}\n", "// Add */.\n//\n// b\nfunc a() {}\n"),
    ],
)
def test_other_languages_have_their_own_signs(language, before, after):
    answer = {"docstring": "Add */.\n\nb"}
    assert changed(answer, "docstring", Shows.INSERT, text=before, first=0, last=1, language=language) == after


@pytest.mark.parametrize("text", ["/* a", "a /*/ b", "\\u002a/ exit(); /*", "a */*/ b", "*\n/ a"])
def test_no_documentation_comment_ends_early_or_takes_hold_of_what_follows(text):
    said = changed({"docstring": text}, "docstring", Shows.INSERT, text="a();\n", first=0, last=1, language="java")
    assert (said.count("/*"), said.count("*/"), said.count("\\u")) == (1, 1, 0)
