"""V4 and V5: the project's own tools and tests run on a copy, with limits and, where the system allows, no network."""

import os
import select
import socket
import sys
from pathlib import Path

import pytest
from ladder_cases import Marks, document, edit, finding, request

from codetune_core.fixes.ladder.climb import Ladder, Means, climb
from codetune_core.fixes.ladder.copied import TooLarge, copied
from codetune_core.fixes.ladder.interpreter import Interpreter, running
from codetune_core.fixes.ladder.result import Outcome, Rung
from codetune_core.fixes.ladder.running import Limits, run, run_confined
from codetune_core.fixes.ladder.tools import TOOLS, configured

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="programs are limited by POSIX means")

PRICES = "def price(text: str) -> int:\n    return eval(text)\n\n\ndef other() -> str:\n    return 1\n"
MYPY_AND_RUFF = "[tool.mypy]\nstrict = true\n[tool.ruff.lint]\nselect = ['F', 'SIM']\n"
TESTS = """import os
from shop.prices import price

def test_price():
    assert price("1") == 1

def test_again():
    assert price("2") == 2

def test_that_failed_before():
    assert price("1") == 5

def test_may_write():
    with open("written.txt", "w") as file:
        file.write(os.environ.get("SECRET_TOKEN", "none"))
    assert "SECRET_TOKEN" not in os.environ
"""
BODY = "return eval(text)"
UNUSED = ("schemathesis", "hypothesispytest", "pytest_cov", "anyio", "asyncio", "pytest-lsp")
QUICK = f"[pytest]\naddopts = {' '.join(f'-p no:{name}' for name in UNUSED)}\n"
"""Plugins that no test here uses are not loaded, which halves its time."""


@pytest.fixture
def shop(tmp_path):
    """Make a workspace of these files and give its changed file's document."""

    def make(**files):
        for name, text in {"shop/__init__.py": "", "shop/prices.py": PRICES, "pytest.ini": QUICK, **files}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return document(PRICES, tmp_path / "shop" / "prices.py")

    return make


async def ended(root, of, new, *, with_tests=True, interpreter=None, seconds=100):
    marks = Marks()
    means = Means(marks, marks, interpreter or running(), trusted=True, with_tests=with_tests, limits=Limits(seconds))
    ladder = await Ladder.at(request(of, BODY, about=finding(of), root=root), means)
    return await ladder.climb([edit(of, BODY, new)])


async def test_an_edit_that_holds_all_the_way_says_so_and_the_workspace_stays(shop, tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "ctk")
    of = shop(**{"pyproject.toml": MYPY_AND_RUFF, "tests/test_prices.py": TESTS})
    before = sorted(tmp_path.rglob("*"))
    end = await ended(tmp_path, of, "return int(text)")
    assert end.describe().startswith("verified: parses, names, rescan, ruff, mypy, 3 tests"), end.explain()
    assert end.is_preferred
    assert sorted(tmp_path.rglob("*")) == before
    assert of.path.read_text() == PRICES


async def test_a_type_error_that_the_edit_brings_fails_it_and_those_before_do_not(shop, tmp_path):
    of = shop(**{"mypy.ini": "[mypy]\nstrict = true\n", "shop/till.py": "from shop.prices import price\n"})
    end = await ended(tmp_path, of, "return str(text)", with_tests=False)
    assert end.failure.rung is Rung.TOOLS
    assert "mypy says: Incompatible return value type" in end.reason
    assert end.reason.count("Incompatible") == 1, "what was wrong before is not the edit's"


async def test_what_the_linter_newly_says_fails_it(shop, tmp_path):
    of = shop(**{"ruff.toml": "[lint]\nselect = ['F']\n"})
    end = await ended(tmp_path, of, "unused = 1\n    return int(text)", with_tests=False)
    assert end.reason == "ruff says: F841 Local variable `unused` is assigned to but never used"


async def test_tests_that_fail_with_the_edit_alone_fail_it_with_their_words(shop, tmp_path):
    end = await ended(tmp_path, shop(**{"tests/test_prices.py": TESTS}), "return int(text) + 1")
    assert end.failure.rung is Rung.TESTS
    assert "2 tests that passed before fail with the edit: tests/test_prices.py::test_price: " in end.reason
    assert "assert 2 == 1" in end.reason
    assert "test_that_failed_before" not in end.reason


async def test_a_test_that_does_not_end_is_stopped(shop, tmp_path):
    slow = "import time\nfrom shop.prices import price\ndef test_slow():\n    time.sleep(1000)\n"
    end = await ended(tmp_path, shop(**{"test_slow.py": slow}), "return int(text)", seconds=1)
    assert end.reason == "the tests did not end within 1 s"


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({}, "no test reaches the changed code"),
        ({"test_a.py": "# from shop.prices import price\n"}, "no test reaches the changed code"),
    ],
)
async def test_without_a_test_that_reaches_the_symbol_none_is_counted(shop, tmp_path, files, why):
    end = await ended(tmp_path, shop(**files), "return int(text)")
    assert end.steps[4].outcome is Outcome.NOT_RUN
    assert why in end.steps[4].words
    assert end.describe() == "verified: parses, names, rescan"


async def test_tests_of_another_copy_of_the_module_prove_nothing(shop, tmp_path):
    elsewhere = tmp_path / "installed"
    first = f"import sys; sys.path.insert(0, {str(elsewhere)!r})\n"
    of = shop(**{"test_a.py": first + "from shop.prices import price\ndef test_it(): price('1')\n"})
    (elsewhere / "shop").mkdir(parents=True)
    (elsewhere / "shop" / "__init__.py").touch()
    (elsewhere / "shop" / "prices.py").write_text(PRICES)
    end = await ended(tmp_path, of, "return 1")
    assert end.steps[4].words == "the tests did not load the changed file, but another copy of it"


async def test_a_python_without_pytest_is_said(shop, tmp_path):
    bare = Interpreter(Path(sys.executable), (3, 11), (), ())
    end = await ended(tmp_path, shop(**{"test_a.py": TESTS}), "return int(text)", interpreter=bare)
    assert "pytest is not installed for" in end.steps[4].words


async def test_an_untrusted_workspace_s_programs_are_never_started(shop, tmp_path, monkeypatch):
    async def never(*_, **__):
        raise AssertionError

    monkeypatch.setattr("asyncio.create_subprocess_exec", never)
    of, marks = shop(**{"pyproject.toml": MYPY_AND_RUFF, "tests/test_prices.py": TESTS}), Marks()
    means = Means(marks, marks, running(), trusted=False, with_tests=True)

    async def ask(number, rejected):
        return [edit(of, BODY, "return int(text)")]

    end = await climb(request(of, BODY, about=finding(of), root=tmp_path), ask, means)
    assert end.best.describe() == "verified: parses, names, rescan"


@pytest.mark.parametrize(
    ("files", "names"),
    [
        ({"pyproject.toml": MYPY_AND_RUFF}, ["ruff", "mypy"]),
        ({"setup.cfg": "[mypy]\n"}, ["mypy"]),
        ({"setup.cfg": "[mypy-x]\n"}, []),
        ({"mypy.ini": ""}, ["mypy"]),
        ({".ruff.toml": ""}, ["ruff"]),
        ({"pyrightconfig.json": "{}"}, ["pyright"]),
        ({"pyproject.toml": "[tool.pyright]\n"}, ["pyright"]),
        ({"pyproject.toml": "[tool"}, []),
        ({"pyproject.toml": "tool = 1"}, []),
        ({"setup.cfg": "["}, []),
        ({}, []),
    ],
)
def test_only_tools_that_the_project_configures_are_run(tmp_path, files, names):
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert [tool.name for tool in configured(tmp_path)] == names


async def test_a_configured_tool_that_is_missing_or_broken_is_no_fault_of_the_edit(shop, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    end = await ended(tmp_path, shop(**{"pyrightconfig.json": "{}", "ruff.toml": "nonsense = ["}), "return int(text)")
    assert end.steps[3].outcome is Outcome.NOT_RUN
    assert "ruff could not check the copy" in end.steps[3].words
    assert "pyright is configured, but not installed" in end.steps[3].words


def test_what_pyright_writes_is_read():
    wrote = """warning first
    {"generalDiagnostics": [
      {"file": "/a/b.py", "severity": "error", "message": "no", "rule": "reportX"},
      {"file": "/a/b.py", "severity": "warning", "message": "maybe"}]}"""
    pyright = next(tool for tool in TOOLS if tool.name == "pyright")
    assert list(pyright.read(wrote)) == [("b.py", "no [reportX]")]
    assert "--outputjson" in pyright.arguments(["b.py"], Path(), running())


LIMITED = """
import resource, socket, sys
listening = socket.create_server(("127.0.0.1", 0))
socket.create_connection(listening.getsockname(), 5).close()
try:
    socket.create_connection(("127.0.0.1", int(sys.argv[1])), 5)
    print("connected")
except OSError:
    print("refused")
try:
    bytearray(1 << 30)
    print("large")
except MemoryError:
    print("bounded")
"""


async def test_limits_hold_and_the_network_is_cut_where_it_is_said_to_be(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as outside:
        command = [sys.executable, "-c", LIMITED, str(outside.getsockname()[1])]
        ran = await run_confined(command, tmp_path, tmp_path, Limits(60, 512 * 1024 * 1024))
    assert ran.status == 0, ran.output
    assert ran.output.split()[0] == ("refused" if ran.network == "cut" else "connected")
    if sys.platform == "linux":
        assert ran.output.split()[1] == "bounded"


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux whether a process has ended")
async def test_what_a_program_leaves_running_is_ended(tmp_path):
    code = (
        "import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(1000)']).pid)"
    )
    ran = await run([sys.executable, "-c", code], tmp_path, tmp_path, Limits(60))
    assert _has_ended(int(ran.output))


def _has_ended(pid):
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([process], [], [], 60)[0])
    finally:
        os.close(process)


async def test_a_copy_has_what_git_does_not_ignore_and_no_links(shop, tmp_path):
    of = shop(**{".gitignore": "*.log\n", "a.log": "", ".git/config": "", ".venv/pyvenv.cfg": "", "data.json": "{}"})
    (tmp_path / "link").symlink_to("/")
    async with copied(tmp_path, of.path) as copy:
        present = {path.relative_to(copy.root).as_posix() for path in copy.root.rglob("*") if path.is_file()}
        folder = copy.root.parent
    assert present == {".gitignore", "data.json", "pytest.ini", "shop/__init__.py", "shop/prices.py"}
    assert not folder.exists()


async def test_a_text_is_written_in_its_file_s_own_encoding(shop, tmp_path):
    path, text = tmp_path / "old.py", "# coding: latin-1\nname = 'caf\u00e9'\n"
    path.write_bytes(text.encode("latin-1"))
    async with copied(tmp_path, path) as copy:
        copy.write(document(text.replace("name", "word"), path))
        assert copy.file.read_bytes() == text.replace("name", "word").encode("latin-1")
        copy.write(document("name = '\u4e2d'\n", path))
        assert copy.file.read_text("utf-8") == "name = '\u4e2d'\n"


async def test_a_workspace_too_large_to_copy_leaves_its_rungs_open(shop, tmp_path, monkeypatch):
    monkeypatch.setattr("codetune_core.fixes.ladder.copied._MOST_FILES", 1)
    of = shop()
    with pytest.raises(TooLarge):
        async with copied(tmp_path, of.path):
            pass
    end = await ended(tmp_path, of, "return int(text)")
    assert all("too large" in step.words for step in end.steps[3:])
    assert end.is_preferred
