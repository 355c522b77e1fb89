"""A plugin of pytest that writes down how each test ended, and whether the changed file was loaded at all.

It runs by itself in the workspace's Python, of version 3.9 or later, and therefore imports nothing of CodeTune.
"""

import json
import os
import sys
from typing import Any

RESULT, CHANGED = "CODETUNE_PROBE_RESULT", "CODETUNE_PROBE_CHANGED"
"""Variables: the file to write, and the file that was changed."""
_ended: dict[str, str] = {}
_said: dict[str, str] = {}


def pytest_runtest_logreport(report: Any) -> None:
    """Take down one phase of a test: one that fails makes the test fail."""
    if report.failed:
        _fail(report)
    elif report.when == "call" or report.skipped:
        _ended.setdefault(report.nodeid, report.outcome)


def pytest_collectreport(report: Any) -> None:
    """Take down a file that cannot be collected."""
    if report.failed:
        _fail(report)


def pytest_sessionfinish() -> None:
    """Write it all."""
    with open(os.environ[RESULT], "w", encoding="utf-8") as file:  # noqa: PTH123 - as light as can be
        json.dump({"ended": _ended, "said": _said, "loaded": _is_loaded(os.environ[CHANGED])}, file)


def _fail(report: Any) -> None:
    _ended[report.nodeid] = "failed"
    crash = getattr(report.longrepr, "reprcrash", None)
    text = crash.message if crash else str(report.longrepr).strip().rpartition("\n")[2]
    _said[report.nodeid] = text.partition("\n")[0][:200]


def _is_loaded(changed: str) -> bool:
    files = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
    return any(file and os.path.realpath(file) == os.path.realpath(changed) for file in files)
