"""The node of a finding, the arguments of its call, and edits that change no more than they must."""

import time

import libcst as cst
import pytest

from codetune_core.domain.document import Document
from codetune_core.domain.finding import Confidence, Finding, Rule, Severity
from codetune_core.domain.text import Edit, Position, Range
from codetune_core.fixes.site import Site, argument, locate, unpacks, with_argument, without_argument


def finding(place):
    return Finding(Rule("X1", "x"), place, "", Severity.LOW, Confidence.LOW, ("test",))


def site_at(text) -> Site | None:
    """The site of the text between two marks ``<<`` and ``>>``, which are taken out."""
    before, _, rest = text.partition("<<")
    marked, _, after = rest.partition(">>")
    document = Document("untitled:x", before + marked + after, "python")
    start = document.position(len(before))
    return locate(document, finding(Range(start, document.position(len(before + marked)))))


INNERMOST = [
    ("<<f(x)>>\n", cst.Call, "f(x)"),
    ("f(<<x>>)\n", cst.Name, "x"),
    ("f(<<x, y>>)\n", cst.Call, "f(x, y)"),
    ("a = b; <<c(d)>>; e\n", cst.Call, "c(d)"),
    ("x = (\n1\n); y = <<f(\n2)>>; z = (\n3)\n", cst.Call, "f(\n2)"),
    ("@<<f(1)>>\n@g\ndef h(): pass\n", cst.Call, "f(1)"),
    ("class A:\n    @f\n    @<<g(1)>>\n    def h(self): pass\n", cst.Call, "g(1)"),
    ("with (<<open(x)>>) as y, b: pass\n", cst.Call, "(open(x))"),
    ("with a, <<open(x)>> as y:\n    pass\n", cst.Call, "open(x)"),
    ("f(g(<<h(1)>>))\n", cst.Call, "h(1)"),
    ("x = <<'a' 'b'>>\n", cst.ConcatenatedString, "'a' 'b'"),
    ("x = 'a' <<'b'>>\n", cst.SimpleString, "'b'"),
    ("x = f'a{<<b(1)>>}'\n", cst.Call, "b(1)"),
    ("é, '🎉🎉', <<f('é')>>\n", cst.Call, "f('é')"),
    ("if x:\n\tif y:\n\t\t<<f(\n\t\t1)>>\n", cst.Call, "f(\n\t\t1)"),
    ("if x:\r\n  <<f(\r\n1)>>\r\n", cst.Call, "f(\r\n1)"),
    ("x = 1\r<<f(1)>>\ry = 2\r", cst.Call, "f(1)"),
    ("\x0c\n<<f(1)>>\n\x0cx = 1\n", cst.Call, "f(1)"),
    ("\ufeff<<f(1)>>\n", cst.Call, "f(1)"),
    ("\ufeffx = 1; <<f(1)>>\n", cst.Call, "f(1)"),
    ("async def f():\n    await <<g(1)>>", cst.Call, "g(1)"),
    ("assert <<x>>, 'y'", cst.Name, "x"),
    ("<<assert x, 'y'>>", cst.Assert, "assert x, 'y'"),
    ('def f():\n    """Doc.\n\n    More.\n    """\n    return [<<g(1)>> for x in y]\n', cst.Call, "g(1)"),
    ("x = lambda: <<f(1)>>\n", cst.Call, "f(1)"),
    ("match x:\n    case 1:\n        <<f(1)>>\n", cst.Call, "f(1)"),
    ("try:\n    pass\nfinally:\n    <<f(1)>>\n", cst.Call, "f(1)"),
    ("# c\n\n\n# d\n<<f(1)>>  # e\n", cst.Call, "f(1)"),
]


@pytest.mark.parametrize(("text", "kind", "code"), INNERMOST)
def test_the_innermost_node_holds_the_finding(text, kind, code):
    site = site_at(text)
    assert isinstance(site.node, kind)
    assert site.code(site.node) == code
    assert site.document.slice(site.range_with_parentheses(site.node)) == code


@pytest.mark.parametrize(
    "text", ["<<>>", "# only <<a>> comment\n", "def f(:\n    <<x>>\n", "x = 1\n\n<<>>\n", "\x00<<x>>", "<<'\ud800'>>"]
)
def test_where_nothing_stands_or_parses_there_is_no_site(text):
    assert site_at(text) is None


def test_a_very_deep_expression_is_left_alone():
    assert site_at("x = <<f(1)>>" + " + 1" * 5000) is None


REPLACED = [
    ("x = <<f.load(1)>>\n", "f.safe_load(1)", "x = f.safe_load(1)\n"),
    ("x = (<<a + b>>)\n", "c", "x = c\n"),
    ("x = ((<<a + b>>))\n", "(c)", "x = (c)\n"),
    ("x = (\n    <<a\n    + b>>\n)\n", "c", "x = c\n"),
    ("é = <<f('🎉', 1)>>  # 🎉\n", "f('🎉', 2)", "é = f('🎉', 2)  # 🎉\n"),
    ("\ufeff<<f(1)>>\n", "g(1)", "\ufeffg(1)\n"),
    ("x = <<f(1)>>\r\n", "f(\n2)", "x = f(\r\n2)\r\n"),
    ("<<f(1)>>", "f(1)", "f(1)"),
]


@pytest.mark.parametrize(("text", "new", "after"), REPLACED)
def test_a_replacement_takes_the_parentheses_along(text, new, after):
    site = site_at(text)
    assert site.document.edited([site.replace(site.node, new)]).text == after


@pytest.mark.parametrize(
    ("text", "new", "changed"),
    [
        ("x = <<yaml.load(a, b)>>\n", "yaml.safe_load(a, b)", ("load", "safe_load")),
        ("<<f(a, verify=False)>>\n", "f(a)", (", verify=False", "")),
        ("<<f(a)>>\n", "f(a, timeout=10)", ("", ", timeout=10")),
        ("<<hashlib.md5(b'')>>\n", "hashlib.sha256(b'')", ("md5", "sha256")),
        ("<<f(aa)>>\n", "f(aa, aa)", ("", ", aa")),
    ],
)
def test_an_edit_holds_only_the_words_that_differ(text, new, changed):
    site = site_at(text)
    edit = site.replace(site.node, new)
    assert (site.document.slice(edit.range), edit.new_text) == changed


def test_fixes_of_one_call_do_not_overlap():
    site = site_at("<<f(url, verify=False, data=x)>>\n")
    one = site.replace(site.node, "f(url, data=x)")
    other = site.replace(site.node, "f(url, verify=False, data=x, timeout=10)")
    assert site.document.edited([one, other]).text == "f(url, data=x, timeout=10)\n"


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("def f():\n    a = 1\n    <<b = 2>>  # why\n    c = 3\n", "def f():\n    a = 1\n    c = 3\n"),
        ("a = 1\n<<b = (\n2)>>\nc = 3\n", "a = 1\nc = 3\n"),
        ("a = 1\n<<b = 2>>", "a = 1\n"),
    ],
)
def test_a_statement_is_removed_with_its_line(text, after):
    site = site_at(text)
    assert site.document.edited([site.remove(site.node)]).text == after


@pytest.mark.parametrize("text", ["a = 1; <<b = 2>>\n", "def f():\n    <<b = 2>>\n", "if x: <<b = 2>>\n"])
def test_a_statement_that_something_needs_is_not_removed(text):
    site = site_at(text)
    with pytest.raises(ValueError, match=r"alone|all"):
        site.remove(site.node)


def test_calls_are_found_by_their_qualified_name_outward():
    site = site_at("import os as o\nf(o.system(g(<<x>>)))\n")
    assert site.code(site.call()) == "g(x)"
    assert site.code(site.call("os.system")) == "o.system(g(x))"
    assert site.call("os.popen") is None
    assert site.code(site.scope()) == "f(o.system(g(x)))\n"


def test_the_scope_is_the_innermost_function():
    assert site_at("class A:\n    def f(self):\n        <<x>>\n").scope().name.value == "f"


@pytest.mark.parametrize(
    ("call", "keyword", "position", "value"),
    [
        ("f(1, 2)", "a", 0, "1"), ("f(1, 2)", "b", 1, "2"), ("f(1, b=2)", "b", 1, "2"), ("f(b=2, a=1)", "a", 0, "1"),
        ("f(b=2)", "a", 0, None), ("f(*x, 2)", "b", 1, None), ("f(1)", "b", 1, None), ("f(**x)", "a", 0, None),
        ("f(1, 2)", "b", None, None), ("f()", "a", 0, None), ("f(1, *x)", "a", 0, "1"),
    ],
)  # fmt: skip
def test_an_argument_is_found_by_keyword_or_position(call, keyword, position, value):
    found = argument(cst.parse_expression(call), keyword, position)
    assert (found and cst.Module([]).code_for_node(found.value)) == value


@pytest.mark.parametrize(
    ("call", "expected"), [("f(*a)", True), ("f(**a)", True), ("f(a, b=c)", False), ("f()", False)]
)
def test_unpacked_arguments_are_noticed(call, expected):
    assert unpacks(cst.parse_expression(call)) is expected


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("f()", "f(x=1)"),
        ("f(a)", "f(a, x=1)"),
        ("f(a, )", "f(a, x=1, )"),
        ("f(a, x = 2)", "f(a, x = 1)"),
        ("f(x=2, b=3)", "f(x=1, b=3)"),
        ("f(**k)", "f(**k, x=1)"),
        ("f(\n    a\n)", "f(\n    a,\n    x=1\n)"),
        ("f(\n    a,\n)", "f(\n    a,\n    x=1,\n)"),
        ("f(\n    a,  # c\n)", "f(\n    a,  # c\n    x=1,\n)"),
        ("f(\n    a  # c\n)", "f(\n    a,  # c\n    x=1\n)"),
        ("f(\n    a,\n    # d\n)", "f(\n    a,\n    # d\n    x=1,\n)"),
        ("f(a,\n  b)", "f(a,\n  b, x=1)"),
        ("f(a,\n  b,\n  )", "f(a,\n  b, x=1,\n  )"),
        ("f(a  # c\n  )", "f(a,  # c\n  x=1\n  )"),
    ],
)
def test_an_argument_joins_the_layout(before, after):
    changed = with_argument(cst.parse_expression(before), "x", "1")
    assert cst.Module([]).code_for_node(changed) == after
    compile(after, "after", "eval")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("f(x=1)", "f()"), ("f(\n    x=1,\n)", "f()"), ("f(a, x=1)", "f(a)"), ("f(x=1, a=2)", "f(a=2)"),
        ("f(a, x=1, b=2)", "f(a, b=2)"), ("f(a, x=1,)", "f(a,)"), ("f(\n    a,\n    x=1,\n)", "f(\n    a,\n)"),
        ("f(\n    a,\n    x=1\n)", "f(\n    a\n)"), ("f(\n    x=1,\n    a=2,\n)", "f(\n    a=2,\n)"),
    ],
)  # fmt: skip
def test_an_argument_leaves_without_a_trace(before, after):
    call = cst.parse_expression(before)
    assert cst.Module([]).code_for_node(without_argument(call, argument(call, "x"))) == after


def test_many_findings_in_one_large_class_parse_it_once():
    body = "".join(f"    def f{number}(self):\n        return g({number})\n" for number in range(400))
    document = Document("untitled:x", f"class A:\n{body}", "python")
    places = [Range.of(2 + 2 * number, 15, 2 + 2 * number, 19) for number in range(0, 400, 8)]
    started = time.perf_counter()
    first = locate(document, finding(places[0]))
    once = time.perf_counter() - started
    started = time.perf_counter()
    sites = [locate(document, finding(place)) for place in places]
    rest = time.perf_counter() - started
    assert all(site.module is first.module and isinstance(site.node, cst.Call) for site in sites)
    assert rest < 10 * once


def test_an_edit_behind_a_node_goes_outside_its_parentheses():
    site = site_at("x = (<<a>>)\n")
    assert site.insert_behind(site.node, "!") == Edit(Range(Position(0, 7), Position(0, 7)), "!")
