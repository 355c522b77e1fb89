"""Temporary files are created at once, under a name that nobody can take first."""

import pytest

CASES = [
    ("path = tempfile.mktemp()", "path = tempfile.NamedTemporaryFile(delete=False).name"),
    ("path = tempfile.mktemp('.txt')", "path = tempfile.NamedTemporaryFile(suffix='.txt', delete=False).name"),
    (
        "path = tempfile.mktemp('.txt', 'x')",
        "path = tempfile.NamedTemporaryFile(suffix='.txt', prefix='x', delete=False).name",
    ),
    (
        "path = tempfile.mktemp('.txt', 'x', d)",
        "path = tempfile.NamedTemporaryFile(suffix='.txt', prefix='x', dir=d, delete=False).name",
    ),
    ("path = tempfile.mktemp(dir=d)", "path = tempfile.NamedTemporaryFile(dir=d, delete=False).name"),
    (
        "path = tempfile.mktemp('.a', dir=d)",
        "path = tempfile.NamedTemporaryFile(suffix='.a', dir=d, delete=False).name",
    ),
    ("run([tempfile.mktemp()], 5)  # 🎉", "run([tempfile.NamedTemporaryFile(delete=False).name], 5)  # 🎉"),
    ("open(tempfile.mktemp())", "open(tempfile.NamedTemporaryFile(delete=False).name)"),
    (
        "with open(tempfile.mktemp(), 'w') as file: pass",
        "with tempfile.NamedTemporaryFile('w', delete=False) as file: pass",
    ),
    (
        "file = open(tempfile.mktemp('.a'), mode='wb')",
        "file = tempfile.NamedTemporaryFile(mode='wb', suffix='.a', delete=False)",
    ),
    (
        "file = open(tempfile.mktemp(), 'w', encoding='utf-8')",
        "file = tempfile.NamedTemporaryFile('w', encoding='utf-8', delete=False)",
    ),
    (
        "file = open(tempfile.mktemp(), 'w', closefd=True)",
        "file = open(tempfile.NamedTemporaryFile(delete=False).name, 'w', closefd=True)",
    ),
]
MADE = [
    ("path = tempfile.mktemp('.txt')", "descriptor, path = tempfile.mkstemp(suffix='.txt')\n    os.close(descriptor)"),
    ("self.path = tempfile.mktemp()", "descriptor, self.path = tempfile.mkstemp()\n    os.close(descriptor)"),
    (
        "paths['a'] = tempfile.mktemp(dir=d)  # why",
        "descriptor, paths['a'] = tempfile.mkstemp(dir=d)\n    os.close(descriptor)  # why",
    ),
]


def _module(code, *imports):
    return "".join(f"import {name}\n" for name in imports) + f"\n\ndef f(self, d, run, paths):\n    {code}\n"


@pytest.mark.parametrize(("before", "after"), CASES)
def test_a_name_becomes_that_of_a_file_that_exists(check_fix, before, after):
    check_fix(
        _module(before, "tempfile"),
        _module(after, "tempfile"),
        "S306",
        title="NamedTemporaryFile",
        applicability="unsafe",
    )


@pytest.mark.parametrize(("before", "after"), MADE)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_name_that_is_assigned_can_come_from_mkstemp(check_fix, before, after, newline):
    texts = _module(before, "tempfile"), _module(after, "os", "tempfile")
    check_fix(*(text.replace("\n", newline) for text in texts), "S306", index=1, title="mkstemp")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "from tempfile import mktemp\n\npath = mktemp()\n",
            "from tempfile import NamedTemporaryFile, mktemp\n\npath = NamedTemporaryFile(delete=False).name\n",
        ),
        ("import tempfile as t\n\nt.mktemp()\n", "import tempfile as t\n\nt.NamedTemporaryFile(delete=False).name\n"),
    ],
)
def test_the_module_is_known_under_every_name(check_fix, before, after):
    check_fix(before, after, "S306")


@pytest.mark.parametrize(
    "code",
    [
        "a = b = tempfile.mktemp()",
        "a, b = tempfile.mktemp(), 1",
        "a = tempfile.mktemp(); b = 1",
        "descriptor = 1\n    a = tempfile.mktemp()",
    ],
)
def test_mkstemp_needs_a_line_and_a_name_of_its_own(bench, code):
    found = bench.findings(_module(code, "tempfile"), "S306")
    assert [fix.title for fix in found[0].fixes] == ["create the file with `NamedTemporaryFile`"]


def test_unknown_arguments_are_left(check_declined):
    check_declined("import tempfile\n\ntempfile.mktemp(*names)\n", "S306")
