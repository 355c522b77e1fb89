# ruff: noqa: E501 - a case stands on one line
import pytest

from codetune_core.domain.fix import Applicability

FILTER = 'filter="data"'


@pytest.mark.parametrize(
    ("arguments", "fixed"),
    [
        ("", FILTER),
        ("p", f"p, {FILTER}"),
        ("path=p", f"path=p, {FILTER}"),
        ("p,", f"p, {FILTER},"),
        ("p, members=m(tar)", f"p, members=m(tar), {FILTER}"),
        ("p, [x for x in tar]", f"p, [x for x in tar], {FILTER}"),
        ("p, numeric_owner=True", f"p, numeric_owner=True, {FILTER}"),
        ('p, filter="fully_trusted"', f"p, {FILTER}"),
        ("p, filter=None", f"p, {FILTER}"),
        ("p, filter=tarfile.fully_trusted_filter", f"p, {FILTER}"),
        ("\n            p,  # there\n        ", f"\n            p,  # there\n            {FILTER},\n        "),
        ("\n            p\n        ", f"\n            p,\n            {FILTER}\n        "),
    ],
)
def test_the_members_are_filtered(check_fix, arguments, fixed):
    text = "import tarfile\ndef f(a, p, m):\n    with tarfile.open(a) as tar:\n        tar.extractall({})  # all\n"
    fix = check_fix(text.format(arguments), text.format(fixed), "S202", applicability=Applicability.UNSAFE)
    assert "3.12" in fix.note


@pytest.mark.parametrize(
    "text",
    [
        "import tarfile\ndef f(a):\n    tarfile.open(a).extractall({})\n",
        "import tarfile\ndef f(a):\n    tarfile.TarFile(a).extractall({})\n",
        "import tarfile\ndef f(a):\n    tarfile.TarFile.open(a).extractall({})\n",
        "import tarfile as t\ndef f(a):\n    t.open(a).extractall({})\n",
        "from tarfile import open as untar\ndef f(a):\n    untar(a).extractall({})\n",
        "from tarfile import TarFile\ndef f(tar: TarFile):\n    tar.extractall({})\n",
        "import tarfile\ndef f(tar: tarfile.TarFile):\n    tar.extractall({})\n",
        "import tarfile\ntar = tarfile.open('a')\ntar.extractall({})\ntar.close()\n",
        "import tarfile\nwith tarfile.open('a') as tar:\n    tar.extractall({})\n",
        "import tarfile\nwith tarfile.open('a') as tar, open('b') as b:\n    tar.extractall({})\n",
        "import tarfile\nif (tar := tarfile.open('a')):\n    tar.extractall({})\n",
        "import tarfile\ntar: tarfile.TarFile = g = tarfile.open('a')\ntar.extractall({})\n".replace(" = g", ""),
        "import tarfile\nTAR = tarfile.open('a')\ndef f():\n    TAR.extractall({})\n",
        "import tarfile\nfrom contextlib import closing\nwith closing(tarfile.open('a')) as tar:\n    tar.extractall({})\n",
        "import tarfile\nfrom contextlib import ExitStack\nwith ExitStack() as stack:\n    tar = stack.enter_context(tarfile.open('a'))\n    tar.extractall({})\n",
        "import tarfile\nclass A:\n    def __init__(self, a):\n        self.tar = tarfile.open(a)\n    def f(self):\n        self.tar.extractall({})\n",
        "import tarfile, zipfile\ndef z(a):\n    x = zipfile.ZipFile(a)\n    return x\ndef f(a):\n    x = tarfile.open(a)\n    x.extractall({})\n",
        "import tarfile\r\nwith tarfile.open('a') as tar:\r\n\ttar.extractall({})\r\n",
        "async def f(a):\n    import tarfile\n    with tarfile.open(a) as tar:\n        tar.extractall({})\n",
    ],
)
def test_the_archive_is_known_by_how_it_was_made(check_fix, text):
    check_fix(text.format(""), text.format(FILTER), "S202")


@pytest.mark.parametrize(
    "text",
    [
        "import tarfile, zipfile\ndef f(a):\n    zipfile.ZipFile(a).extractall()\n",
        "import tarfile, zipfile\ndef f(a):\n    with zipfile.ZipFile(a) as z:\n        z.extractall('x')\n",
        "import tarfile, zipfile\ndef f(z: zipfile.ZipFile):\n    z.extractall('x')\n",
        "import tarfile, zipfile\ndef f(a, b):\n    x = tarfile.open(a) if b else None\n    x = zipfile.ZipFile(a)\n    x.extractall()\n",
    ],
)
def test_zip_archives_have_no_filter(check_declined, text):
    assert check_declined(text, "S202") == []


@pytest.mark.parametrize(
    "text",
    [
        "import tarfile\ndef f(tar):\n    tar.extractall()\n",
        "import tarfile\ndef f(a, b):\n    tar = tarfile.open(a)\n    tar.extractall(**b)\n",
        "import tarfile\ndef f(a, g):\n    tar = tarfile.open(a)\n    tar = g(tar)\n    tar.extractall()\n",
        "import tarfile\ndef f(tars):\n    tars[0].extractall()\n",
        "import tarfile\ndef f(a, b):\n    tar = tarfile.open(a) if b else None\n    tar.extractall()\n",
    ],
)
def test_where_the_kind_of_archive_is_not_known_there_is_only_advice(check_declined, text):
    (shown,) = check_declined(text, "S202")
    assert 'filter="data"' in shown.note
