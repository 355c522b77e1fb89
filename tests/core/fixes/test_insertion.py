"""A new import goes where isort and ruff would put it, and the rest of the text stays."""

# ruff: noqa: E501 - tables with a text on each line

import subprocess

import pytest
from ruff import find_ruff_bin

from codetune_core.domain.document import Document
from codetune_core.domain.text import Position
from codetune_core.fixes.imports import Imports, module_of
from codetune_core.fixes.propose import combined

CASES = [
    ("x = 1\n", ["import secrets"], "import secrets\n\nx = 1\n"),
    ("def f():\n    pass\n", ["import secrets"], "import secrets\n\n\ndef f():\n    pass\n"),
    ("\nx = 1\n", ["import secrets"], "import secrets\n\nx = 1\n"),
    ('"""Doc."""\n\nx = 1\n', ["import secrets"], '"""Doc."""\n\nimport secrets\n\nx = 1\n'),
    ('"""Doc."""\nx = 1\n', ["import secrets"], '"""Doc."""\n\nimport secrets\n\nx = 1\n'),
    ('"""Doc.\n\nMore.\n"""\n\n\ndef f(): pass\n', ["import secrets"], '"""Doc.\n\nMore.\n"""\n\nimport secrets\n\n\ndef f(): pass\n'),
    ('"""Doc."""; x = 1\n', ["import secrets"], '"""Doc."""; import secrets; x = 1\n'),
    ("#!/usr/bin/env python\nx = 1\n", ["import secrets"], "#!/usr/bin/env python\nimport secrets\n\nx = 1\n"),
    ("#!/usr/bin/env python\n# -*- coding: utf-8 -*-\nx = 1\n", ["import secrets"], "#!/usr/bin/env python\n# -*- coding: utf-8 -*-\nimport secrets\n\nx = 1\n"),
    ("# Copyright.\n# Licence.\n\nx = 1\n", ["import secrets"], "# Copyright.\n# Licence.\n\nimport secrets\n\nx = 1\n"),
    ("# about x\nx = 1\n", ["import secrets"], "import secrets\n\n# about x\nx = 1\n"),
    ("from __future__ import annotations\n\nx = 1\n", ["import secrets"], "from __future__ import annotations\n\nimport secrets\n\nx = 1\n"),
    ('"""Doc."""\n\nfrom __future__ import annotations\n\nimport os\n', ["import secrets"], '"""Doc."""\n\nfrom __future__ import annotations\n\nimport os\nimport secrets\n'),
    ("import os\nx = 1\n", ["import secrets"], "import os\nimport secrets\nx = 1\n"),
    ("import tempfile\n", ["import secrets"], "import secrets\nimport tempfile\n"),
    ("import os\nimport tempfile\n", ["import secrets"], "import os\nimport secrets\nimport tempfile\n"),
    ("import os\nfrom sys import argv\n", ["import tempfile"], "import os\nimport tempfile\nfrom sys import argv\n"),
    ("from os import path\nimport sys\n", ["import re"], "from os import path\nimport re\nimport sys\n"),
    ("import os\n\nimport requests\n", ["import secrets"], "import os\nimport secrets\n\nimport requests\n"),
    ("import os\n\nimport requests\n", ["import yaml"], "import os\n\nimport requests\nimport yaml\n"),
    ("import os\n\nimport requests\n", ["import defusedxml.ElementTree"], "import os\n\nimport defusedxml.ElementTree\nimport requests\n"),
    ("import os\n\nx = 1\n", ["import yaml"], "import os\n\nimport yaml\n\nx = 1\n"),
    ("import os\nx = 1\n", ["import yaml"], "import os\n\nimport yaml\n\nx = 1\n"),
    ("import yaml\n\nx = 1\n", ["import os"], "import os\n\nimport yaml\n\nx = 1\n"),
    ("import os\n\nfrom . import x\n", ["import yaml"], "import os\n\nimport yaml\n\nfrom . import x\n"),
    ("from . import x\n", ["import os"], "import os\n\nfrom . import x\n"),
    ("from os import (\n    path,\n    sep,\n)\n\nx = 1\n", ["import secrets"], "import secrets\nfrom os import (\n    path,\n    sep,\n)\n\nx = 1\n"),
    ("import os, \\\n    sys\nx = 1\n", ["import secrets"], "import os, \\\n    sys\nimport secrets\nx = 1\n"),
    ("from os import path\n", ["from os import sep"], "from os import path, sep\n"),
    ("from os import sep\n", ["from os import path"], "from os import path, sep\n"),
    ("from os import path, sep\n", ["from os import remove"], "from os import path, remove, sep\n"),
    ("from os import path\n", ["from os import PathLike"], "from os import PathLike, path\n"),
    ("from os import path as p  # why\n", ["from os import sep"], "from os import path as p, sep  # why\n"),
    ("from os import (\n    path,\n    walk,\n)\n", ["from os import sep"], "from os import (\n    path,\n    sep,\n    walk,\n)\n"),
    ("from os import (\n    path,\n    sep,\n)\n", ["from os import walk"], "from os import (\n    path,\n    sep,\n    walk,\n)\n"),
    ("from os import (\n    path,\n    sep,\n)\n", ["from os import open"], "from os import (\n    open,\n    path,\n    sep,\n)\n"),
    ("from os import (path, sep)\n", ["from os import walk"], "from os import (path, sep, walk)\n"),
    ("from os import path\n", ["from os import sep", "from os import remove"], "from os import path, remove, sep\n"),
    ("from .os import path\n", ["from os import sep"], "from os import sep\n\nfrom .os import path\n"),
    ("x = 1\nimport os\ny = 2\n", ["import secrets"], "x = 1\nimport os\nimport secrets\ny = 2\n"),
    ("try:\n    import a\nexcept ImportError:\n    pass\nimport os\n", ["import secrets"], "try:\n    import a\nexcept ImportError:\n    pass\nimport os\nimport secrets\n"),
    ("if TYPE_CHECKING:\n    import os\nx = 1\n", ["import secrets"], "import secrets\n\nif TYPE_CHECKING:\n    import os\nx = 1\n"),
    ("import os; x = 1\n", ["import secrets"], "import secrets\n\nimport os; x = 1\n"),
    ("import os\nimport secrets; x = 1\n", ["import tempfile"], "import tempfile\n\nimport os\nimport secrets; x = 1\n"),
    ("x = 1\r\ny = 2\r\n", ["import secrets"], "import secrets\r\n\r\nx = 1\r\ny = 2\r\n"),
    ("import os\r\nx = 1\r\n", ["import secrets"], "import os\r\nimport secrets\r\nx = 1\r\n"),
    ("x = 1", ["import secrets"], "import secrets\n\nx = 1"),
    ("import os", ["import secrets"], "import os\nimport secrets"),
    ('"""Doc."""', ["import secrets"], '"""Doc."""\n\nimport secrets'),
    ("\ufeffx = 1\n", ["import secrets"], "\ufeffimport secrets\n\nx = 1\n"),
    ("\ufeffimport os\n", ["import abc"], "\ufeffimport abc\nimport os\n"),
    ("x = 1\n", ["import secrets", "import os"], "import os\nimport secrets\n\nx = 1\n"),
    ("x = 1\n", ["import secrets", "import secrets"], "import secrets\n\nx = 1\n"),
    ("x = 1\n", ["import yaml", "import secrets"], "import secrets\n\nimport yaml\n\nx = 1\n"),
    ("x = 1\r\n", ["import yaml", "import secrets"], "import secrets\r\n\r\nimport yaml\r\n\r\nx = 1\r\n"),
    ("import os\nx = 1\n", ["import yaml", "import secrets"], "import os\nimport secrets\n\nimport yaml\n\nx = 1\n"),
    ("import yaml\nx = 1\n", ["import os", "import secrets"], "import os\nimport secrets\n\nimport yaml\nx = 1\n"),
    ("from . import x\n", ["import yaml", "import secrets"], "import secrets\n\nimport yaml\n\nfrom . import x\n"),
    ("import os\n", ["import subprocess", "from secrets import choice"], "import os\nimport subprocess\nfrom secrets import choice\n"),
]  # fmt: skip


def added(text, statements):
    document = Document("untitled:x", text, "python")
    last = len(document.lines) - 1
    imports = Imports(module_of(document), Position(last, len(document.lines[last])))
    return document.edited(combined(imports.insertion(statement) for statement in statements)).text


@pytest.mark.parametrize(("before", "statements", "after"), CASES)
def test_an_import_goes_to_its_section(before, statements, after):
    assert added(before, statements) == after


@pytest.mark.parametrize(("before", "statements", "after"), CASES)
def test_the_text_with_the_import_parses(before, statements, after):
    compile(after.removeprefix("\ufeff"), "after", "exec")


SORTED = [
    "import os\nimport sys\n\nimport requests\nimport yaml\n\nx = 1\n",
    '"""Doc."""\n\nimport os\nfrom pathlib import Path\n\nimport requests\n\nfrom . import x\n\ny = 1\n',
    "from __future__ import annotations\n\nimport os\n\nx = 1\n",
    "import requests\nfrom flask import Flask\n\nx = 1\n",
    "from hashlib import md5, sha1\n\nx = 1\n",
]


@pytest.mark.parametrize("text", SORTED)
@pytest.mark.parametrize(
    "statements",
    [
        ["import secrets"], ["import subprocess"], ["import abc"], ["import zlib"], ["import defusedxml.ElementTree"],
        ["from hashlib import sha256"], ["from markupsafe import escape"], ["import secrets", "import zzz", "import aaa"],
    ],
)  # fmt: skip
def test_sorted_imports_stay_sorted_by_ruffs_own_measure(text, statements):
    command = [
        find_ruff_bin(),
        "check",
        "--isolated",
        "--select",
        "I001",
        "--no-cache",
        "--stdin-filename",
        "x.py",
        "-",
    ]
    done = subprocess.run(command, input=added(text, statements), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_an_import_never_goes_below_the_code_that_needs_it():
    document = Document("untitled:x", "secret()\nimport os\n", "python")
    edit = Imports(module_of(document), Position(0, 0)).insertion("import secrets")
    assert document.edited([edit]).text == "import secrets\n\nsecret()\nimport os\n"
