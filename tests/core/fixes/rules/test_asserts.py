import pytest

from codetune_core.domain.fix import Applicability

RAISE = "raise AssertionError"


@pytest.mark.parametrize(
    ("condition", "opposite"),
    [
        ("a", "not a"),
        ("not a", "a"),
        ("not (a and b)", "(a and b)"),
        ("a == b", "a != b"),
        ("a != b", "a == b"),
        ("a==b", "a!=b"),
        ("a is b", "a is not b"),
        ("a is not b", "a is b"),
        ("a is None", "a is not None"),
        ("a is not None", "a is None"),
        ("a in b", "a not in b"),
        ("a not in b", "a in b"),
        ("(a == b)", "(a != b)"),
        ("(a)is(b)", "(a)is not(b)"),
        ("(a)in(b)", "(a)not in(b)"),
        ("a is  not b", "a is b"),
        ("(not a)", "a"),
        ("a < b", "not a < b"),
        ("a >= b", "not a >= b"),
        ("0 < a < 5", "not 0 < a < 5"),
        ("a == b == c", "not a == b == c"),
        ("a and b", "not (a and b)"),
        ("a or b", "not (a or b)"),
        ("(a or b)", "not (a or b)"),
        ("a if b else c", "not (a if b else c)"),
        ("(n := f())", "not (n := f())"),
        ("isinstance(a, str)", "not isinstance(a, str)"),
        ("callable(a) == True", "callable(a) != True"),
        ("all(x for x in a)", "not all(x for x in a)"),
        ("a.b[0]", "not a.b[0]"),
        ("a & b", "not a & b"),
        ("-a", "not -a"),
        ("[x for x in a if x]", "not [x for x in a if x]"),
        ("a == 'ä😀'", "a != 'ä😀'"),
        ("f(a == b)", "not f(a == b)"),
        ("(lambda: a)()", "not (lambda: a)()"),
    ],
)
def test_the_condition_is_turned_round_as_one_would_write_it(check_fix, condition, opposite):
    given = "a = b = c = f = None\n"
    check_fix(f"{given}assert {condition}\n", f"{given}if {opposite}:\n    {RAISE}\n", "S101")


@pytest.mark.parametrize(
    ("message", "raised"),
    [
        (', "text"', '("text")'),
        (",'text'", "('text')"),
        (', f"{a!r} is wrong"', '(f"{a!r} is wrong")'),
        (', ("a" "b")', '(("a" "b"))'),
        (", (a, 1)", "((a, 1))"),
        (", a % 1", "(a % 1)"),
        (', a if a else "b"', '(a if a else "b")'),
        (", ValueError(a)", "(ValueError(a))"),
        (', "%s: %s" % (a, a)', '("%s: %s" % (a, a))'),
    ],
)
def test_the_message_becomes_the_error_s_argument(check_fix, message, raised):
    check_fix(f"a = 1\nassert a{message}\n", f"a = 1\nif not a:\n    {RAISE}{raised}\n", "S101")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("def f(a):\n    assert a  # checked\n", f"def f(a):\n    if not a:\n        {RAISE}  # checked\n"),
        (
            "def f(a):\n    # why\n    assert a\n    # end\n    return a\n",
            f"def f(a):\n    # why\n    if not a:\n        {RAISE}\n    # end\n    return a\n",
        ),
        ("def f(a):\n\tassert a\n", f"def f(a):\n\tif not a:\n\t\t{RAISE}\n"),
        ("def f(a):\n  assert a\n", f"def f(a):\n  if not a:\n    {RAISE}\n"),
        (
            "def f(a):\r\n    assert a, 'x'\r\n    return a\r\n",
            f"def f(a):\r\n    if not a:\r\n        {RAISE}('x')\r\n    return a\r\n",
        ),
        ("def f(a):\n    assert a", f"def f(a):\n    if not a:\n        {RAISE}"),
        (
            "def f(a):\n\tg(a)\n\ndef g(a): pass\n\na = 1\nassert a\n",
            f"def f(a):\n\tg(a)\n\ndef g(a): pass\n\na = 1\nif not a:\n\t{RAISE}\n",
        ),
        ("if x := 1: assert x\n", f"if x := 1:\n    if not x:\n        {RAISE}\n"),
        ("def f(a): assert a, 'no'\n", f"def f(a):\n    if not a:\n        {RAISE}('no')\n"),
        (
            "class A:\n    def f(self, a): assert a\n",
            f"class A:\n    def f(self, a):\n        if not a:\n            {RAISE}\n",
        ),
        ("for a in ():   assert a  # each\n", f"for a in ():\n    if not a:\n        {RAISE}  # each\n"),
        (
            "def f(a):\n    if a:\n        assert a\n    else:\n        pass\n",
            f"def f(a):\n    if a:\n        if not a:\n            {RAISE}\n    else:\n        pass\n",
        ),
        (
            "def f(a):\n    if a:\n        pass\n    else:\n        assert a\n",
            f"def f(a):\n    if a:\n        pass\n    else:\n        if not a:\n            {RAISE}\n",
        ),
        (
            "def f(a):\n    try:\n        assert a\n    except AssertionError:\n        pass\n",
            f"def f(a):\n    try:\n        if not a:\n            {RAISE}\n    except AssertionError:\n        pass\n",
        ),
        (
            "def f(a, b):\n    assert (\n        a\n        and b\n    ), 'text'\n",
            f"def f(a, b):\n    if not (\n        a\n        and b\n    ):\n        {RAISE}('text')\n",
        ),
        (
            "def f(a, b):\n    assert a == b, (\n        'one '\n        'two'\n    )\n",
            f"def f(a, b):\n    if a != b:\n        {RAISE}((\n        'one '\n        'two'\n    ))\n",
        ),
        (
            "def f(a, b):\n    assert a == \\\n        b\n",
            f"def f(a, b):\n    if a != \\\n        b:\n        {RAISE}\n",
        ),
        ("async def f(a):\n    assert await a\n", f"async def f(a):\n    if not await a:\n        {RAISE}\n"),
        ("def f(a):\n    assert(a)\n", f"def f(a):\n    if not (a):\n        {RAISE}\n"),
        ("def f(a):\n    assert not(a)\n", f"def f(a):\n    if (a):\n        {RAISE}\n"),
        ("def f():\n    assert False\n", f"def f():\n    {RAISE}\n"),
        ("def f():\n    assert False, 'never'\n", f"def f():\n    {RAISE}('never')\n"),
        ("def f(): assert False, 'never'\n", f"def f(): {RAISE}('never')\n"),
        (
            "match 1:\n    case int() as a:\n        assert a\n",
            f"match 1:\n    case int() as a:\n        if not a:\n            {RAISE}\n",
        ),
        (
            'def f(a):\n    """Text\n\n  odd."""\n    assert a\n',
            f'def f(a):\n    """Text\n\n  odd."""\n    if not a:\n        {RAISE}\n',
        ),
    ],
)
def test_layout_and_comments_stay(check_fix, before, after):
    fix = check_fix(before, after, "S101")
    assert fix.applicability is Applicability.UNSAFE


def test_the_second_of_two_is_fixed_alone(check_fix):
    before = "def f(a, b):\n    assert a\n    assert b\n"
    check_fix(before, f"def f(a, b):\n    assert a\n    if not b:\n        {RAISE}\n", "S101", at=1)


@pytest.mark.parametrize(
    "text",
    [
        "a = 1; assert a\n",
        "a = 1\nassert a; a = 2\n",
        "if (a := 1): assert a; a = 2\n",
        "assert True\n",
        "assert 'text'\n",
        "assert 1\n",
        "assert (1, 'always true')  # codetune\n",
        "assert None\n",
    ],
)
def test_lines_of_several_statements_and_constants_are_left_alone(check_declined, text):
    assert check_declined(text, "S101") == []
