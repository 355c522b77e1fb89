# ruff: noqa: E501 - a case stands on one line
import pytest


@pytest.mark.parametrize(
    ("before", "after", "rule"),
    [
        (
            "def f(a, b):\n    assert a\n    assert b, 'text'\n",
            "def f(a, b):\n    if not a:\n        raise AssertionError\n    if not b:\n        raise AssertionError('text')\n",
            "S101",
        ),
        (
            "import xml.etree.ElementTree as ET\nx = None\na = ET.parse(x)\nb = ET.fromstring(x)\n",
            "import defusedxml.ElementTree as ET\nx = None\na = ET.parse(x)\nb = ET.fromstring(x)\n",
            "S314",
        ),
        (
            "import ssl\ndef f(c):\n    c.check_hostname = False\n    c.verify_mode = ssl.CERT_NONE\n",
            "import ssl\ndef f(c):\n    c.check_hostname = True\n    c.verify_mode = ssl.CERT_REQUIRED\n",
            "CT104",
        ),
        (
            "import os\nos.chmod('a', 0o777); os.chmod('b', 0o666)\n",
            "import os\nos.chmod('a', 0o700); os.chmod('b', 0o664)\n",
            "S103",
        ),
        (
            "def f(t): return [eval(t), eval(t[0])]\n",
            "import ast\n\n\ndef f(t): return [ast.literal_eval(t), ast.literal_eval(t[0])]\n",
            "S307",
        ),
        (
            "def f(r):\n    r.set_cookie('sid', 1)\n    r.set_cookie('auth', 2, secure=True)\n",
            "def f(r):\n    r.set_cookie('sid', 1, secure=True, httponly=True, samesite=\"Lax\")\n    r.set_cookie('auth', 2, secure=True, httponly=True, samesite=\"Lax\")\n",
            "CT101",
        ),
        (
            "from markupsafe import Markup\ndef f(x): return Markup(f'{x}') + Markup('%s' % x)\n",
            "from markupsafe import Markup\ndef f(x): return Markup('{}').format(x) + (Markup('%s') % x)\n",
            "S704",
        ),
        (
            "import tarfile\nwith tarfile.open('a') as a, tarfile.open('b') as b:\n    a.extractall()\n    b.extractall('x')\n",
            "import tarfile\nwith tarfile.open('a') as a, tarfile.open('b') as b:\n    a.extractall(filter=\"data\")\n    b.extractall('x', filter=\"data\")\n",
            "S202",
        ),
    ],
)
def test_the_fixes_of_a_rule_go_together(bench, before, after, rule):
    assert bench.all_fixed(before, rule) == after
