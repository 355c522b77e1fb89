"""V5: the project's tests that reach the changed symbols pass, on a copy, with limits, and cut off the network."""

import json
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from codetune_core.domain.document import Document
from codetune_core.fixes.ladder import probe
from codetune_core.fixes.ladder.copied import Copy
from codetune_core.fixes.ladder.interpreter import Interpreter
from codetune_core.fixes.ladder.reaching import changed_symbols, importers, is_test_file
from codetune_core.fixes.ladder.result import Rung, Step, failed, not_run, passed
from codetune_core.fixes.ladder.running import Limits, Ran, run_confined

_MOST_FILES = 40
_TOLD = 3
_PROBE = "codetune_probe"


@dataclass(frozen=True, slots=True)
class _Results:
    """How tests ended, by id; what those that failed said; whether the changed file was loaded."""

    ended: dict[str, str] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)
    loaded: bool = False

    def those(self, outcome: str) -> list[str]:
        return [test for test, ended in self.ended.items() if ended == outcome]


async def run_tests(before: Document, after: Document, copy: Copy, interpreter: Interpreter, limits: Limits) -> Step:
    """Run the test files that import the changed module and name what changed in it.

    Tests that already fail on the current text are left out of account. Files whose tests never load the changed
    file, as where they import an installed copy of it, prove nothing, and the rung counts as not run.
    """
    if sys.platform == "win32":
        return not_run(Rung.TESTS, "tests are only run where the system can limit them, which Windows cannot here")
    copy.write(after)
    symbols = changed_symbols(before, after)
    files = [file for file in importers(copy.root, copy.file, symbols) if is_test_file(file)][:_MOST_FILES]
    if not files:
        return not_run(Rung.TESTS, "no test reaches the changed code")
    if not any((site / "pytest").is_dir() for site in interpreter.path):
        return not_run(Rung.TESTS, f"pytest is not installed for {interpreter.program}")
    ran, results = await _run(after, files, copy, interpreter, limits)
    if ran.status is None:
        return failed(Rung.TESTS, f"the tests did not end within {limits.seconds:g} s")
    if not results.ended:
        return not_run(Rung.TESTS, f"pytest ran no test: {ran.output.strip()[-200:]}")
    broken = results.those("failed")
    if broken:
        nothing = (ran, _Results())  # a file that is new had no tests
        _, earlier = await _run(before, files, copy, interpreter, limits) if before.text.strip() else nothing
        broken = [test for test in broken if test not in earlier.those("failed")]
        if broken and not any(test in earlier.ended for test in broken):
            new = "1 new test fails" if len(broken) == 1 else f"{len(broken)} new tests fail"
            return failed(Rung.TESTS, f"{new}: {_told(results, broken)}")
    return _judged(results, broken, ran.network)


async def _run(
    document: Document, files: Sequence[Path], copy: Copy, interpreter: Interpreter, limits: Limits
) -> tuple[Ran, _Results]:
    copy.write(document)
    shutil.copyfile(probe.__file__, copy.home / f"{_PROBE}.py")
    written = copy.home / "tests.json"
    written.unlink(missing_ok=True)
    alone = ["-n0"] if any((site / "xdist").is_dir() for site in interpreter.path) else []
    names = [str(file.relative_to(copy.root)) for file in files]
    options = ["-q", "-p", "no:cacheprovider", "-p", _PROBE, *alone]
    command = [str(interpreter.program), "-m", "pytest", *options, "--", *names]
    roots = (copy.home, copy.root, copy.root / "src", _top(copy))
    variables = {
        "PYTHONPATH": os.pathsep.join(str(root) for root in dict.fromkeys(roots) if root.is_dir()),
        probe.RESULT: str(written),
        probe.CHANGED: str(copy.file),
    }
    ran = await run_confined(command, copy.root, copy.home, limits, **variables)
    return ran, _read(written)


def _top(copy: Copy) -> Path:
    """The folder that the changed file's outermost package is imported from."""
    folder = copy.file.parent
    while (folder / "__init__.py").is_file() and folder != copy.root:
        folder = folder.parent
    return folder


def _read(path: Path) -> _Results:
    try:
        found = json.loads(path.read_text("utf-8"))
        return _Results(dict(found["ended"]), dict(found["said"]), bool(found["loaded"]))
    except (OSError, ValueError, KeyError, TypeError):
        return _Results()


def _judged(results: _Results, broken: Sequence[str], network: str) -> Step:
    if broken:
        told = _told(results, broken)
        return failed(Rung.TESTS, f"{_count(len(broken))} that passed before fail with the edit: {told}")
    number = len(results.those("passed"))
    if not results.loaded:
        return not_run(Rung.TESTS, "the tests did not load the changed file, but another copy of it")
    if not number:
        return not_run(Rung.TESTS, "no test that reaches the changed code passes, with or without the edit")
    return passed(Rung.TESTS, _count(number) if network == "cut" else f"{_count(number)} with network")


def _told(results: _Results, broken: Sequence[str]) -> str:
    return "; ".join(f"{test}: {results.said.get(test, 'failed')}" for test in broken[:_TOLD])


def _count(number: int) -> str:
    return f"{number} test{'' if number == 1 else 's'}"
