"""The bundled example is reviewed as its manifest says: every seeded flaw, no look-alike, nothing else."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SHOP = ROOT / "examples" / "shop"
MANIFEST = tomllib.loads((SHOP / "expected.toml").read_text("utf-8"))
FLAWS: list[dict[str, Any]] = MANIFEST["flaw"]
LOOKALIKES: list[dict[str, Any]] = MANIFEST["lookalike"]


def _name(entry: dict[str, Any]) -> str:
    return f"{entry['file']}:{entry.get('rule') or 'not ' + entry['unlike']}:{entry['code'].strip()[:40]}"


def lines_of(entry: dict[str, Any]) -> range:
    """The lines, counted from 1, on which an entry's code stands."""
    text, code = (SHOP / entry["file"]).read_text("utf-8"), entry["code"]
    assert text.count(code) == 1, f"{code!r} stands {text.count(code)} times in {entry['file']}"
    first = text[: text.index(code)].count("\n") + 1
    return range(first, first + code.count("\n") + 1)


@pytest.fixture(scope="session")
def findings(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What ``codetune review`` reports on the shop, by nobody's own settings."""
    command = [sys.executable, "-m", "codetune_core.cli.main", "review", str(SHOP), "--format", "json"]
    environment = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path_factory.mktemp("settings"))}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 1, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)["findings"]
    return found


def file_of(finding: dict[str, Any]) -> str:
    """The path of a finding, relative to the shop."""
    return (ROOT / finding["path"]).relative_to(SHOP).as_posix()


@pytest.mark.parametrize("flaw", FLAWS, ids=_name)
def test_a_seeded_flaw_is_reported_once_on_its_line(findings: list[dict[str, Any]], flaw: dict[str, Any]) -> None:
    line = lines_of(flaw)[0]
    here = [finding for finding in findings if (file_of(finding), finding["start_line"]) == (flaw["file"], line)]
    assert [finding["rule"] for finding in here] == [flaw["rule"]]
    assert flaw["cwe"] in here[0]["cwe"]
    assert set(here[0]["detectors"]) == set(flaw["detectors"])


@pytest.mark.parametrize("lookalike", LOOKALIKES, ids=_name)
def test_nothing_is_reported_on_a_safe_lookalike(findings: list[dict[str, Any]], lookalike: dict[str, Any]) -> None:
    lines = lines_of(lookalike)
    touching = [
        finding["rule"]
        for finding in findings
        if file_of(finding) == lookalike["file"]
        and finding["start_line"] <= lines[-1]
        and lines[0] <= finding["end_line"]
    ]
    assert touching == []


def test_nothing_is_reported_that_was_not_seeded(findings: list[dict[str, Any]]) -> None:
    seeded = {(flaw["file"], lines_of(flaw)[0], flaw["rule"]) for flaw in FLAWS}
    reported = {(file_of(finding), finding["start_line"], finding["rule"]) for finding in findings}
    assert reported - seeded == set()


def test_every_lookalike_resembles_a_flaw_that_is_found() -> None:
    assert {lookalike["unlike"] for lookalike in LOOKALIKES} <= {flaw["rule"] for flaw in FLAWS}


def test_every_flaw_has_a_lookalike() -> None:
    assert {flaw["rule"] for flaw in FLAWS} - {lookalike["unlike"] for lookalike in LOOKALIKES} == set()


def test_the_readme_lists_every_flaw() -> None:
    rows = [line for line in (SHOP / "README.md").read_text("utf-8").splitlines() if line.startswith("| `")]
    listed = sorted((row.split("|")[1].strip(" `"), row.split("|")[3].strip(" `")) for row in rows)
    assert listed == sorted((flaw["file"], flaw["rule"]) for flaw in FLAWS)
