import pytest

from codetune_core.domain.fix import Applicability


@pytest.mark.parametrize(
    ("mode", "narrow"),
    [
        ("0o777", "0o700"),
        ("0O777", "0o700"),
        ("511", "0o700"),
        ("0o755", "0o700"),
        ("0o750", "0o700"),
        ("0o711", "0o700"),
        ("0o666", "0o664"),
        ("0o602", "0o600"),
        ("0o646", "0o644"),
        ("0x1ff", "0o700"),
        ("0o7777", "0o700"),
        ("0o1777", "0o700"),
        ("0o622", "0o620"),
        ("0o600 | 0o022", "0o600"),
        ("0o600 | 0o040 | 0o002", "0o600 | 0o040"),
        ("0b110110110", "0o664"),
        ("stat.S_IRWXU | stat.S_IRWXO", "stat.S_IRWXU"),
        ("stat.S_IRWXU | stat.S_IRWXG | stat.S_IRWXO", "stat.S_IRWXU"),
        ("stat.S_IRUSR | stat.S_IWUSR | stat.S_IWOTH", "stat.S_IRUSR | stat.S_IWUSR"),
        ("stat.S_IWOTH | stat.S_IRUSR", "stat.S_IRUSR"),
        ("stat.S_IRUSR | stat.S_IXGRP | stat.S_IRGRP", "stat.S_IRUSR | stat.S_IRGRP"),
        ("0o600 | stat.S_IWOTH", "0o600"),
        ("0o600 | 0o007", "0o600"),
        ("stat.S_IRWXU | 0o077", "stat.S_IRWXU"),
    ],
)
def test_a_mode_that_is_too_wide_is_narrowed(check_fix, mode, narrow):
    text = "import os, stat\ndef f(path):\n    os.chmod(path, {})  # open\n"
    check_fix(text.format(mode), text.format(narrow), "S103", applicability=Applicability.UNSAFE)


@pytest.mark.parametrize(
    "template",
    [
        "import os\nos.chmod(path='a', mode={})\n",
        "import os\nos.chmod(mode={}, path='a')\n",
        "import os as o\no.chmod('a', {}, follow_symlinks=False)\n",
        "from os import chmod\nchmod('a', {})\n",
        "from os import chmod as c\nc('a', {})\n",
        "import os\nos.chmod(\n    'a',\n    {},  # all\n)\n",
        "import os\nos.chmod(f('a', 0o777), {})\n",
        "import os\r\nif f():\r\n\tos.chmod('a', {})\r\n",
        "import os\nf(os.chmod('a', {}))\n",
        "import os\n[os.chmod(x, {}) for x in f()]\n",
    ],
)
def test_the_mode_is_found_where_it_stands(check_fix, template):
    given = "def f(*_): ...\r\n" if "\r\n" in template else "def f(*_): ...\n"
    check_fix(given + template.format("0o777"), given + template.format("0o700"), "S103")


@pytest.mark.parametrize(
    "mode", ["0o007", "0o077", "0o010", "stat.S_IRWXO", "stat.S_IWOTH | stat.S_IXGRP", "stat.S_IWOTH"]
)
def test_a_mode_of_which_nothing_would_be_left_is_not_touched(check_declined, mode):
    assert check_declined(f"import os, stat\ndef f(p): os.chmod(p, {mode})\n", "S103") == []


TEMP = "import os\nimport tempfile\n"


@pytest.mark.parametrize(
    ("path", "fixed"),
    [
        ('"/tmp/a"', 'os.path.join(tempfile.gettempdir(), "a")'),
        ("'/tmp/a/b.txt'", "os.path.join(tempfile.gettempdir(), 'a/b.txt')"),
        ('"/tmp"', "tempfile.gettempdir()"),
        ('"/tmp/"', "tempfile.gettempdir()"),
        ('r"/tmp/a\\d"', 'os.path.join(tempfile.gettempdir(), r"a\\d")'),
        ('"""/tmp/a"""', 'os.path.join(tempfile.gettempdir(), """a""")'),
        ('f"/tmp/{x}"', 'os.path.join(tempfile.gettempdir(), f"{x}")'),
        ('f"/tmp/{x}/{x!r}.log"', 'os.path.join(tempfile.gettempdir(), f"{x}/{x!r}.log")'),
        ('f"/tmp/a-{x}"', 'os.path.join(tempfile.gettempdir(), f"a-{x}")'),
        ("f\"{open('/tmp/a')}\"", "f\"{open(os.path.join(tempfile.gettempdir(), 'a'))}\""),
        ('"/tmp/a" + x', 'os.path.join(tempfile.gettempdir(), "a") + x'),
        ('"/tmp/%s" % x', 'os.path.join(tempfile.gettempdir(), "%s") % x'),
    ],
)
def test_a_fixed_path_asks_for_the_temporary_folder(check_fix, path, fixed):
    text = f"{TEMP}def f(x):\n    return open({{}}).read()  # cache\n"
    fix = check_fix(text.format(path), text.format(fixed), "S108", applicability=Applicability.UNSAFE)
    assert "mkstemp" in fix.note


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            'CACHE = "/tmp/cache"\n',
            'import os\nimport tempfile\n\nCACHE = os.path.join(tempfile.gettempdir(), "cache")\n',
        ),
        ('CACHE = "/tmp"\n', "import tempfile\n\nCACHE = tempfile.gettempdir()\n"),
        (
            'from pathlib import Path\nCACHE = Path("/tmp/cache")\n',
            'import tempfile\nfrom pathlib import Path\nCACHE = Path(tempfile.gettempdir(), "cache")\n',
        ),
        (
            'from tempfile import gettempdir\nimport os.path as p\nCACHE = "/tmp/c"\n',
            'from tempfile import gettempdir\nimport os.path as p\nCACHE = p.join(gettempdir(), "c")\n',
        ),
        (
            'from os.path import join\nimport tempfile as t\nCACHE = "/tmp/c"\n',
            'from os.path import join\nimport tempfile as t\nCACHE = join(t.gettempdir(), "c")\n',
        ),
        (
            'import os, tempfile\r\nx = {"a": "/tmp/c"}\r\n',
            'import os, tempfile\r\nx = {"a": os.path.join(tempfile.gettempdir(), "c")}\r\n',
        ),
        (
            'import os, tempfile\ndef f(\n\tpath="/tmp/c",  # cache\n): ...\n',
            'import os, tempfile\ndef f(\n\tpath=os.path.join(tempfile.gettempdir(), "c"),  # cache\n): ...\n',
        ),
        (
            'import pathlib, tempfile\nx = pathlib.Path(f"/tmp/{__name__}")\n',
            'import pathlib, tempfile\nx = pathlib.Path(tempfile.gettempdir(), f"{__name__}")\n',
        ),
    ],
)
def test_the_imports_of_a_temporary_path(check_fix, before, after):
    check_fix(before, after, "S108")


@pytest.mark.parametrize(
    "text",
    [
        'def f(x): return open("/var/tmp/a")\n',
        'def f(x): return open("/dev/shm/a")\n',
        'def f(x): return x == "/tmp/a"\n',
        'def f(x): return x.startswith("/tmp/")\n',
        'def f(x): return open("/tmp/a" "b")\n',
    ],
)
def test_other_folders_and_questions_about_a_path_are_left_alone(check_declined, text):
    assert check_declined(text, "S108") == []
