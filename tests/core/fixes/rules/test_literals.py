import pytest

from codetune_core.domain.fix import Applicability


@pytest.mark.parametrize("text", ["'[1, 2]'", '"{1: (2,)}"', "'-1.5'", "'None'", "r'{\"a\": 1}'", "'''(1,\n2)'''"])
def test_a_known_literal_is_read_without_running_it(check_fix, text):
    check_fix(
        f"import ast\nx = eval({text})\n",
        f"import ast\nx = ast.literal_eval({text})\n",
        "S307",
        applicability=Applicability.SAFE,
    )


@pytest.mark.parametrize(
    ("call", "fixed"),
    [
        ("eval(t)", "ast.literal_eval(t)"),
        ("eval( t )", "ast.literal_eval( t )"),
        ("eval(t,)", "ast.literal_eval(t,)"),
        ("eval(t, {})", "ast.literal_eval(t)"),
        ("eval(t, {}, {})", "ast.literal_eval(t)"),
        ('eval(t, {"__builtins__": None})', "ast.literal_eval(t)"),
        ('eval(t, {"__builtins__": {}}, {})', "ast.literal_eval(t)"),
        ("eval(t, None, None)", "ast.literal_eval(t)"),
        ("eval(t.strip())", "ast.literal_eval(t.strip())"),
        ("eval(open(t).read())", "ast.literal_eval(open(t).read())"),
        ("str(eval(t))", "str(ast.literal_eval(t))"),
        ("(eval(t))", "(ast.literal_eval(t))"),
        ("[eval(x) for x in t]", "[ast.literal_eval(x) for x in t]"),
        ("eval(t[0])[1].x", "ast.literal_eval(t[0])[1].x"),
        ("eval(\n        t,  # given\n    )", "ast.literal_eval(\n        t,  # given\n    )"),
        ('f"{eval(t)}"', 'f"{ast.literal_eval(t)}"'),
    ],
)
def test_a_text_that_may_be_a_literal_is_read_as_one(check_fix, call, fixed):
    given = "import ast\n\ndef f(t):\n    return {}\n"
    check_fix(given.format(call), given.format(fixed), "S307", applicability=Applicability.UNSAFE)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "from ast import literal_eval\ndef f(t): return eval(t)\n",
            "from ast import literal_eval\ndef f(t): return literal_eval(t)\n",
        ),
        ("import ast as a\ndef f(t): return eval(t)\n", "import ast as a\ndef f(t): return a.literal_eval(t)\n"),
        ("import os\n\ndef f(t): return eval(t)\n", "import ast\nimport os\n\ndef f(t): return ast.literal_eval(t)\n"),
        ("import ast, os\ndef f(t): return eval(t)\n", "import ast, os\ndef f(t): return ast.literal_eval(t)\n"),
        (
            "import builtins\nimport ast\ndef f(t): return builtins.eval(t)\n",
            "import builtins\nimport ast\ndef f(t): return ast.literal_eval(t)\n",
        ),
        (
            "import ast\r\ndef f(t):\r\n\treturn eval(t)\r\n",
            "import ast\r\ndef f(t):\r\n\treturn ast.literal_eval(t)\r\n",
        ),
        (
            "import os\ndef f(ast): return eval(ast)\n",
            "import os\nfrom ast import literal_eval\ndef f(ast): return literal_eval(ast)\n",
        ),
    ],
)
def test_the_import_that_is_there_is_used(check_fix, before, after):
    check_fix(before, after, "S307")


@pytest.mark.parametrize(
    "call",
    [
        "eval('1 + t')",
        "eval(b'[1]')",
        "eval('f(1)')",
        "eval('(')",
        'eval(f"{t} + 1")',
        'eval("x" + t)',
        'eval("a" "b")',
        "eval(t, globals())",
        'eval(t, {"f": f})',
        "eval(t, {**t})",
        "eval(*t)",
        "eval(t, t)",
        "eval(t, **t)",
        'eval("%s + 1" % t)',
    ],
)
def test_a_text_that_is_code_is_only_explained(check_declined, call):
    (shown,) = check_declined(f"def f(t): return {call}\n", "S307")
    assert "literal_eval" in shown.note


@pytest.mark.parametrize("call", ["exec(t)", "exec('x = 1')", "exec(t, {})"])
def test_exec_is_only_explained(check_declined, call):
    (shown,) = check_declined(f"def f(t): {call}\n", "S102")
    assert shown.applicability is Applicability.DISPLAY_ONLY
