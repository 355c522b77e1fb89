"""Which values can be arguments of a process as they are."""

# ruff: noqa: E501 - tables with a text on each line

import pytest

HEAD = "import os\nimport subprocess\nimport sys\nfrom pathlib import Path\n\n\n"
TEXTS = [
    ("x: str", "", "x"), ("x: Path", "", "x"), ("*, x: str", "", "x"), ("x: str, /", "", "x"), ("", "x = 'a'", "x"),
    ("", "x = f'{y}'", "x"), ("", "x = 'a' 'b'", "x"), ("", "x = input()", "x"), ("", "x = Path('a')", "x"),
    ("", "x = sys.argv[1]", "x"), ("", "x = y.strip()", "x"), ("", "x = 'a' + y", "x"), ("", "x = y + 'a'", "x"),
    ("", "x = z = 'a'", "x"), ("", "x = 'a'\n    x = 'b'", "x"), ("", "y = 'a'\n    x = y", "x"), ("", "", "sys.executable"),
    ("", "", "os.environ['A']"), ("", "", "os.path.join(y, 'a')"), ("", "", "y.decode()"),
]  # fmt: skip
OTHERS = [
    ("x", "", "x"), ("x: int", "", "x"), ("x: str", "x = 5", "x"), ("", "x = 5", "x"), ("", "x = 'a'\n    x = 5", "x"),
    ("", "x = y", "x"), ("", "for x in y: pass", "x"), ("", "x, z = y", "x"), ("", "x = 'a'\n    x += y", "x"),
    ("", "with y as x: pass", "x"), ("", "(x := 5)", "x"), ("", "", "y"), ("", "", "y[0]"), ("", "", "y()"), ("", "", "y.x"),
    ("", "x = y + y", "x"), ("", "x = w = v = x", "x"), ("", "a = 'a'\n    b = a\n    c = b\n    d = c\n    x = d", "x"),
]  # fmt: skip


def _module(parameters, body, value):
    lines = "".join(f"    {line}\n" for line in body.split("\n    ") if line)
    return f'y = []\n{HEAD}def f({parameters}):\n{lines}    subprocess.run(f"ls {{{value}}}", shell=True)\n'


@pytest.mark.parametrize(("parameters", "body", "value"), TEXTS)
def test_a_string_is_passed_as_it_is(check_fix, parameters, body, value):
    before = _module(parameters, body, value)
    call = before[before.index("subprocess.run(") :]
    check_fix(before, before.replace(call, f'subprocess.run(["ls", {value}])\n'), "S602")


@pytest.mark.parametrize(("parameters", "body", "value"), OTHERS)
def test_what_may_be_no_string_becomes_one(check_fix, parameters, body, value):
    before = _module(parameters, body, value)
    call = before[before.index("subprocess.run(") :]
    check_fix(before, before.replace(call, f'subprocess.run(["ls", str({value})])\n'), "S602")


def test_at_module_level_nothing_is_known_of_a_variable(check_fix):
    before = 'import subprocess\n\nx = "a"\nsubprocess.run(f"ls {x}", shell=True)\n'
    check_fix(before, before.replace('f"ls {x}", shell=True', '["ls", str(x)]'), "S602")
