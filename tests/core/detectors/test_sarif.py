import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from codetune_core.detectors.sarif import SarifDetector
from codetune_core.domain.document import Document
from codetune_core.domain.finding import Confidence, Finding, Severity
from codetune_core.domain.text import Range
from codetune_core.errors import DetectorError, DetectorMissing, DetectorTimeout
from codetune_core.sections import SarifTool

SHOP = """import hashlib, subprocess


def find(database, name, command):
    note = "😀 ü"; database.execute("select * from t where n = '%s'" % name)
    subprocess.run(command, shell=True)
    return hashlib.md5(name).hexdigest()
"""


@pytest.fixture(autouse=True)
def own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing is left of what was laid out for a tool."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield
    assert list(folder.iterdir()) == []


def document(text: str = SHOP, uri: str = "file:///shop/shop.py", language: str = "python") -> Document:
    return Document(uri, text, language)


def tool(*command: str, seconds: float = 30) -> SarifDetector:
    return SarifDetector("tool", SarifTool(command=command, timeout_seconds=seconds))


def script(tmp_path: Path, code: str, *arguments: str, seconds: float = 30) -> SarifDetector:
    """A detector whose command is a Python program."""
    path = tmp_path / "program.py"
    path.write_text(code)
    return tool(sys.executable, str(path), *arguments, seconds=seconds)


def program(name: str) -> str:
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    assert found, f"{name} is not installed, though it is among the packages for development"
    return found


def flagged(findings: tuple[Finding, ...], text: str = SHOP) -> dict[str, str]:
    return {finding.rule.id: document(text).slice(finding.range) for finding in findings}


async def test_bandit_s_findings_become_ours_with_weakness_severity_and_ruff_s_name() -> None:
    detection = await tool(program("bandit"), "-f", "sarif", "-q", "{file}").detect(document())
    assert flagged(detection.findings) == {
        "B404": "import hashlib, subprocess",
        "B608": "\"select * from t where n = '%s'\"",
        "B602": "subprocess.run(command, shell=True)",
        "B324": "hashlib.md5(name)",
    }
    found = {finding.rule.id: finding for finding in detection.findings}
    assert found["B608"].rule.cwe == (89,)
    assert found["B608"].rule.aliases == ("S608",)
    assert "S608" in found["B608"].names
    assert (found["B602"].severity, found["B602"].confidence) == (Severity.HIGH, Confidence.HIGH)
    assert (found["B608"].severity, found["B608"].confidence) == (Severity.MEDIUM, Confidence.MEDIUM)
    assert found["B404"].severity is Severity.LOW
    assert found["B608"].rule.title == "Hardcoded sql expressions"
    assert found["B608"].rule.references[0].startswith("https://")
    assert found["B608"].detectors == ("tool",)
    assert detection.notices == ()


async def test_bandit_may_write_to_a_file_and_the_path_may_be_left_out() -> None:
    detection = await tool(program("bandit"), "-f", "sarif", "-q", "-o", "{output}").detect(document())
    assert set(flagged(detection.findings)) == {"B404", "B608", "B602", "B324"}


async def test_a_clean_text_has_no_findings_and_a_broken_one_a_notice() -> None:
    bandit = tool(program("bandit"), "-f", "sarif", "-q", "{file}")
    assert (await bandit.detect(document("x = 1\n"))).findings == ()
    broken = await bandit.detect(document("def f(:\n"))
    assert [notice.key for notice in broken.notices] == ["troubled:tool"]


async def test_ruff_s_columns_count_code_points() -> None:
    ruff = tool(program("ruff"), "check", "--isolated", "--select", "S", "--output-format", "sarif", "{file}")
    found = flagged((await ruff.detect(document())).findings)
    assert found["S608"] == "\"select * from t where n = '%s'\" % name"
    assert found["S324"] == "hashlib.md5"


ECHO = """
import json, os, pathlib, sys
path = pathlib.Path(sys.argv[1])
said = {"name": path.name, "bytes": list(path.read_bytes()), "cwd": os.getcwd(), "stdin": sys.stdin.read(),
        "beside": [str(p) for p in path.parent.iterdir()], "mode": path.parent.parent.stat().st_mode & 0o777}
region = {"startLine": 1}
location = {"physicalLocation": {"artifactLocation": {"uri": path.as_uri()}, "region": region}}
result = {"ruleId": "echo", "message": {"text": json.dumps(said)[:990]}, "locations": [location]}
print(json.dumps({"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "echo"}}, "results": [result]}]}))
sys.exit(int(sys.argv[2]) if len(sys.argv) > 2 else 0)
"""


@pytest.mark.parametrize(
    ("uri", "language", "name"),
    [
        ("file:///shop/app.py", "python", "app.py"),
        ("file:///shop/test_app.py", "python", "test_app.py"),
        ("file:///shop/a%20%C3%BC.py", "python", "a ü.py"),
        ("untitled:Untitled-1", "python", "Untitled-1.py"),
        ("file:///shop/json.py", "python", "json.py"),
        ("file:///shop/..", "python", "document.py"),
        ("file:///shop/a%3Bb%24(c).py", "python", "a_b__c_.py"),
        ("untitled:", "plaintext", "document"),
    ],
)
async def test_the_tool_sees_a_private_copy_of_the_current_text_under_its_own_name(
    tmp_path: Path, uri: str, language: str, name: str
) -> None:
    text = "x = 'ü'\r\ny = 2"
    detection = await script(tmp_path, ECHO, "{file}").detect(document(text, uri, language))
    said = json.loads(detection.findings[0].message)
    assert said["name"] == name
    assert bytes(said["bytes"]) == text.encode()
    assert said["stdin"] == ""
    assert said["mode"] == 0o700
    assert len(said["beside"]) == 1
    assert said["cwd"] not in (str(Path.cwd()), str(Path(said["beside"][0]).parent))


@pytest.mark.parametrize("code", [0, 1, 2, 127])
async def test_any_exit_code_is_accepted_with_sarif(tmp_path: Path, code: int) -> None:
    assert len((await script(tmp_path, ECHO, "{file}", str(code)).detect(document())).findings) == 1


async def test_a_document_cannot_pass_for_a_module_of_the_tool(tmp_path: Path) -> None:
    """`python -m` looks for modules in the folder it runs in."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "stand_in.py").write_text("import json; print(json.dumps({'version': '2.1.0', 'runs': []}))")
    command = [
        shutil.which("env") or "env",
        f"PYTHONPATH={tmp_path / 'lib'}",
        sys.executable,
        "-m",
        "stand_in",
        "{file}",
    ]
    mine = document("raise SystemExit('the document was run')", "file:///w/json.py")
    assert (await tool(*command).detect(mine)).findings == ()


FAILURES = [
    ("print('no json')", "did not write JSON"),
    ("print('')", "did not write JSON"),
    ("pass", "did not write JSON"),
    ("print('[' * 100000)", "did not write JSON"),
    ("print('[1, 2]')", "not SARIF"),
    ("print('{}')", "not SARIF"),
    ('print(\'{"version": "2.1.0", "runs": null}\')', "not SARIF"),
    ('print(\'{"version": "1.0.0", "runs": []}\')', "version 1.0.0"),
    ("print('{\"runs\": []}')", "version None"),
    ("import sys; sys.stdout.buffer.write(b'\\xff\\xfe{')", "did not write JSON"),
    ("import sys; print('first', file=sys.stderr); sys.exit('no rules found')", "code 1 and said: no rules found"),
    ("import os; os.abort()", "code -6"),
    ("raise RuntimeError('it broke')", "said: RuntimeError: it broke"),
]


@pytest.mark.parametrize(("code", "said"), FAILURES, ids=lambda value: value[:30])
async def test_a_tool_that_fails_is_an_error_with_its_last_words(tmp_path: Path, code: str, said: str) -> None:
    with pytest.raises(DetectorError, match="tool: ") as caught:
        await script(tmp_path, code, "{file}").detect(document())
    assert said in str(caught.value)
    assert "terminal" in str(caught.value)


async def test_an_error_never_holds_text_of_the_document(tmp_path: Path) -> None:
    code = "import sys; sys.stderr.write(open(sys.argv[1]).read()); sys.exit(3)"
    with pytest.raises(DetectorError) as caught:
        await script(tmp_path, code, "{file}").detect(document("x = 'very private'"))
    assert "private" not in str(caught.value)


async def test_a_tool_that_writes_no_output_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DetectorError, match="no file"):
        await script(tmp_path, "print('{}')", "{output}").detect(document())


@pytest.mark.parametrize("command", ["no-such-program-4711", "/no/such/program"])
async def test_a_program_that_is_missing_is_said_with_what_to_do(command: str) -> None:
    with pytest.raises(DetectorMissing, match=r"install it, or correct `detectors\.sarif\.tool\.command`"):
        await tool(command, "{file}").detect(document())
    with pytest.raises(DetectorMissing):
        tool(command).describe()


async def test_a_file_that_cannot_be_executed_is_missing_too(tmp_path: Path) -> None:
    path = tmp_path / "broken"
    path.write_bytes(b"\x7fnot a program")
    path.chmod(0o755)
    with pytest.raises(DetectorMissing, match="cannot be run"):
        await tool(str(path), "{file}").detect(document())


async def test_what_the_doctor_says_and_which_languages_are_handled() -> None:
    detector = SarifDetector("mine", SarifTool(command=(sys.executable, "{file}"), languages=("go", "python")))
    assert sys.executable in detector.describe()
    assert detector.handles(document(language="go"))
    assert not detector.handles(document(language="ruby"))
    await detector.aclose()


async def test_huge_output_is_stopped(tmp_path: Path) -> None:
    endless = "import sys\nwhile True: sys.stdout.write('x' * 1000000)"
    with pytest.raises(DetectorError, match="more than 32 MB"):
        await script(tmp_path, endless, "{file}").detect(document())


async def test_much_talk_on_the_error_stream_does_not_block_the_tool(tmp_path: Path) -> None:
    talk = "import sys\nfor n in range(20000): sys.stderr.write('progress %d\\n' % n)\n" + ECHO
    assert len((await script(tmp_path, talk, "{file}").detect(document())).findings) == 1


GRANDCHILD = """
import subprocess, sys, time, os, pathlib
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
target = pathlib.Path({pids!r})
target.with_suffix(".part").write_text(f"{{os.getpid()}} {{child.pid}}")
target.with_suffix(".part").rename(target)
{then}
"""


async def _gone(pids: list[int]) -> bool:
    for _ in range(200):
        if not any(_alive(pid) for pid in pids):
            return True
        await asyncio.sleep(0.01)
    return False


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        if Path("/proc/self/stat").exists():
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, 0)
            return True
        return False
    return state != "Z"


async def _pids(path: Path) -> list[int]:
    while not path.exists():
        await asyncio.sleep(0.01)
    return [int(pid) for pid in path.read_text().split()]


@pytest.mark.skipif(sys.platform == "win32", reason="sessions are POSIX's")
async def test_cancellation_kills_the_tool_and_what_it_started(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    code = GRANDCHILD.format(pids=str(pids), then="time.sleep(600)")
    task = asyncio.create_task(script(tmp_path, code, "{file}").detect(document()))
    running = await _pids(pids)
    assert all(_alive(pid) for pid in running)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await _gone(running)


@pytest.mark.skipif(sys.platform == "win32", reason="sessions are POSIX's")
@pytest.mark.parametrize(
    "then",
    ["time.sleep(600)", "sys.exit(0)", "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"],
)
async def test_the_time_limit_kills_the_tool_and_what_it_started(tmp_path: Path, then: str) -> None:
    pids = tmp_path / "pids"
    detector = script(tmp_path, GRANDCHILD.format(pids=str(pids), then=then), "{file}", seconds=1.5)
    with pytest.raises(DetectorTimeout, match=r"within 1\.5 seconds.*timeout_seconds"):
        await detector.detect(document())
    assert await _gone(await _pids(pids))


@pytest.mark.skipif(sys.platform == "win32", reason="sessions are POSIX's")
async def test_a_helper_left_behind_by_a_tool_that_answered_is_killed(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    quiet = GRANDCHILD.format(pids=str(pids), then="").replace('(600)"])', '(600)"], stdout=-3, stderr=-3)')
    assert len((await script(tmp_path, quiet + ECHO, "{file}").detect(document())).findings) == 1
    assert await _gone(await _pids(pids))


async def test_two_documents_are_looked_at_side_by_side(tmp_path: Path) -> None:
    detector = script(tmp_path, ECHO, "{file}")
    both = await asyncio.gather(*(detector.detect(document("x = 1", f"file:///w/{name}.py")) for name in "ab"))
    assert [json.loads(each.findings[0].message)["name"] for each in both] == ["a.py", "b.py"]


async def test_a_tool_killed_from_outside_is_an_error(tmp_path: Path) -> None:
    code = f"import os; os.kill(os.getpid(), {int(signal.SIGTERM)})"
    with pytest.raises(DetectorError, match=f"code -{int(signal.SIGTERM)}"):
        await script(tmp_path, code, "{file}").detect(document())


async def test_a_text_with_lone_surrogates_and_no_newline_is_copied(tmp_path: Path) -> None:
    detection = await script(tmp_path, ECHO, "{file}").detect(document("s = '\udc80'"))
    assert detection.findings[0].range == Range.of(0, 0, 0, 7)
