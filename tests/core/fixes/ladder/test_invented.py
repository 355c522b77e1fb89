"""V2: a name, module, package or attribute that is not there is told, and what is there never is."""

import os
import sys
import sysconfig
from pathlib import Path

import pytest
from ladder_cases import document

from codetune_core.domain.check import Check
from codetune_core.fixes.ladder.interpreter import interpreter_of, running, source_roots
from codetune_core.fixes.ladder.invented import missing, resolve_names
from codetune_core.fixes.ladder.modules import Modules
from codetune_core.fixes.ladder.result import Outcome

SOUND = (Check(parses=True), Check(parses=True))


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A workspace with a package, a folder of sources, and an environment with two distributions."""
    root = tmp_path_factory.mktemp("shop")
    site = root / ".venv" / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    files = {
        "basket/__init__.py": "from .prices import total\nfrom . import stock\n",
        "basket/prices.py": "def total(): pass\nRATE = 1\nif RATE:\n    import json as fast\n",
        "basket/stock.py": "from .prices import *\nraise SystemExit('this must never run')\n",
        "basket/open.py": "def __getattr__(name): return 1\n",
        "src/tools/hammer.py": "def hit(): pass\n",
        "server/served/__init__.py": "",
        ".venv/pyvenv.cfg": f"home = {Path(sys.base_prefix) / 'bin'}\nversion = {sys.version.split()[0]}\n",
        site / "paint/__init__.py": "globals()['red'] = 1\n",
        site / "brush.py": "raise SystemExit('this must never run')\nSIZE = 1\n",
        site / "_fast.abi3.so": "",
        site / "linked.pth": "import sys; sys.exit(1)\n# comment\n../../../../elsewhere\n",
        site / "far-1.0.dist-info/top_level.txt": "far_away\n",
        "elsewhere/distant.py": "HERE = 1\n",
        "basket/broken.py": "def (",
    }
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.fixture(scope="module")
def modules(shop):
    return Modules(interpreter_of(shop), source_roots(shop, shop / "basket" / "new.py"))


@pytest.fixture
def told(shop, modules):
    """What is told of a text that stands beside the package's modules, as ``module:name``."""

    def told(text):
        found = missing(document(text, shop / "basket" / "new.py"), modules, shop)
        return sorted(f"{each.module}:{each.name}" for each in found)

    return told


@pytest.mark.parametrize(
    "text",
    [
        "import os.path, xml.etree.ElementTree, asyncio\nos.path.join\nasyncio.run\nxml.etree.ElementTree.parse",
        "import sys, math, hashlib, socket, re, signal\nsys.path\nmath.sin\nhashlib.sha256\nsocket.AF_INET\nre.ASCII",
        "import basket, basket.prices as p, basket.stock\nbasket.total\np.RATE\nbasket.stock.RATE\np.fast.loads",
        "from . import prices, stock\nfrom .prices import total\nprices.total",
        "from .stock import total, RATE",
        "import tools.hammer, served, paint, brush, _fast, distant, far_away.inner\npaint.any\nbrush.SIZE\n_fast.any",
        "from .open import whatever",
        "from .broken import whatever",
        "try:\n    import ujsonish\nexcept ImportError:\n    ujsonish = None",
        "try:\n    import ujsonish\nexcept:\n    pass",
        "import sys, os\nif sys.platform == 'win32':\n    import winregistry\n    os.startfiles",
        "import os\nx = hasattr(os, 'forks') and os.forks()",
        "import os\ndef f(os):\n    return os.jion",
        "import os\nos = object()\nos.jion",
        "import os\nos.mine = 1\nos.mine",
        "import json\njson.__doc__, json.__class__",
        "from json import *",
        "import winreg, msvcrt, __main__",
        "import (",
    ],
)
def test_what_is_there_is_not_told(told, text):
    assert told(text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import reqests", ["reqests"]),
        ("import numpi as np\nnp.array", ["numpi"]),
        ("import os\nos.path.jion('a')", ["posixpath:jion"]),
        ("from os import path\npath.jion", ["posixpath:jion"]),
        ("from os import jion", ["os:jion"]),
        ("import os\nos.jion", ["os:jion"]),
        ("import json as j\nj.lodas", ["json:lodas"]),
        ("import math\nmath.sinn", ["math:sinn"]),
        ("import sys\nsys.pth", ["sys:pth"]),
        ("import xml.etree.ElementTree as ET\nET.prase", ["xml.etree.ElementTree:prase"]),
        ("import xml.etre", ["xml.etre"]),
        ("import basket\nbasket.totl\nbasket.stock.totl", ["basket:totl", "basket.stock:totl"]),
        ("from basket import prices\nprices.fast.lodas", ["json:lodas"]),
        ("from . import price", ["basket:price"]),
        ("from .price import total", ["basket.price"]),
        ("from .prices import totl", ["basket.prices:totl"]),
        ("from ..... import x", ["....."]),
        ("import brush\nbrush.COLOUR", ["brush:COLOUR"]),
        ("import tools.hammer as h\nh.hitt()", ["tools.hammer:hitt"]),
        ("def f():\n    import json\n    return json.lodas('1')", ["json:lodas"]),
        ("try:\n    import ujsonish\nexcept OSError:\n    pass", ["ujsonish"]),
    ],
)
def test_what_is_invented_is_told(told, text, expected):
    expected = sorted(each if ":" in each else f":{each}" for each in expected)
    if sys.platform != "win32":
        assert told(text) == expected


def test_the_standard_library_and_this_project_invent_nothing():
    """A sample of real code, which is a measure of wrong alarms."""
    library, root = Path(sysconfig.get_path("stdlib")), Path(__file__).parents[4]
    modules = Modules(running(), source_roots(root, None))
    sample = [*library.glob("a*.py"), *(root / "codetune_core" / "domain").glob("*.py")]
    alarms = [
        (path.name, each) for path in sample for each in missing(document(path.read_text("utf-8"), path), modules, root)
    ]
    assert len(sample) > 20
    assert alarms == []


def test_nothing_of_the_workspace_is_imported(told):
    before = set(sys.modules)
    told("import brush, basket.stock, paint\nfrom basket.stock import nothing")
    assert {
        name for name in set(sys.modules) - before if name.partition(".")[0] in {"brush", "basket", "paint"}
    } == set()


def step_of(before, after, checks=SOUND, modules=None):
    modules = modules or Modules(running(), ())
    return resolve_names(document(before), document(after), checks, modules, None)


def test_only_what_the_edit_brings_is_judged():
    assert step_of("import reqests", "import reqests\nx = 1").outcome is Outcome.PASSED
    assert step_of("import reqests", "import reqests\nimport reqests").outcome is Outcome.FAILED


@pytest.mark.parametrize(
    ("after", "words"),
    [
        ("import jsonn", "there is no module `jsonn`, neither in this workspace nor installed; did you mean `json`?"),
        ("import os\nos.path.jion", "`os.path` has no `jion`; did you mean `join`?"),
        ("from json import lodas", "`json` has no `lodas`; did you mean `loads`?"),
        ("import zzqqxx", "there is no module `zzqqxx`, neither in this workspace nor installed"),
    ],
)
def test_the_reason_says_what_may_have_been_meant(after, words):
    assert step_of("", after).words == words


def test_a_name_that_the_checker_does_not_know_is_told_once_it_is_new():
    old, new = Check(parses=True, undefined_names=("a",)), Check(parses=True, undefined_names=("a", "b"))
    assert step_of("a", "a, b", (old, new)).words == "the name `b` is not defined"
    assert step_of("a", "a", (old, old)).words == "names"


def test_relative_imports_of_a_text_without_a_place_are_not_judged():
    assert missing(document("from .x import y\ny.z"), Modules(running(), ()), None) == []


def test_other_languages_are_not_judged():
    text = document("require('x')", language="javascript")
    assert resolve_names(text, text, SOUND, Modules(running(), ()), None).outcome is Outcome.NOT_RUN


def test_an_environment_of_another_python_is_read_as_it_says(tmp_path):
    site = tmp_path / "venv" / "lib" / "python3.13" / "site-packages"
    site.mkdir(parents=True)
    (tmp_path / "venv" / "pyvenv.cfg").write_text("home = /nowhere/bin\nversion_info = 3.13.1\n")
    found = interpreter_of(tmp_path)
    assert (found.version, found.stdlib, [*found.sites]) == ((3, 13), (), [site.resolve()])
    modules = Modules(found, ())
    assert modules.exists("json")
    assert modules.has("json", "anything"), "its standard library cannot be read, so nothing of it is told"


def test_without_an_environment_the_running_python_counts(tmp_path):
    assert interpreter_of(tmp_path) == interpreter_of(None) == running()
    assert interpreter_of(None, Path(sys.executable)).program.name.startswith("python")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
@pytest.mark.parametrize("name", ["pyvenv.cfg", "{site}/a.pth", "{site}/a-1.dist-info/top_level.txt"])
@pytest.mark.parametrize("kind", ["pipe", "endless"])
def test_files_of_an_environment_that_never_end_are_not_read(tmp_path, name, kind):
    site = f"lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
    (tmp_path / ".venv" / site / "a-1.dist-info").mkdir(parents=True)
    (tmp_path / ".venv" / "pyvenv.cfg").write_text("home = /nowhere\n")
    place = tmp_path / ".venv" / name.format(site=site)
    place.unlink(missing_ok=True)
    os.mkfifo(place) if kind == "pipe" else place.symlink_to("/dev/zero")
    assert not Modules(interpreter_of(tmp_path), [tmp_path]).exists("no_such_module")
