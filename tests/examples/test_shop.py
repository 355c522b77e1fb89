"""The bundled example is reviewed as its manifest says: every seeded flaw, no look-alike, nothing else."""

import json
import os
import shutil
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


def review(cwd: Path, settings: Path, *arguments: str) -> dict[str, Any]:
    """What ``codetune review --format json`` prints, by nobody's own settings."""
    command = [sys.executable, "-m", "codetune_core.cli.main", "review", "--format", "json", *arguments]
    environment = {**os.environ, "XDG_CONFIG_HOME": str(settings)}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode in (0, 1), done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


@pytest.fixture(scope="session")
def findings(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What is reported on the shop."""
    found: list[dict[str, Any]] = review(ROOT, tmp_path_factory.mktemp("settings"), str(SHOP))["findings"]
    return found


def file_of(finding: dict[str, Any]) -> str:
    """The path of a finding, relative to the shop."""
    return Path(ROOT, finding["path"]).relative_to(SHOP).as_posix()


def reported_at(findings: list[dict[str, Any]], flaw: dict[str, Any]) -> dict[str, Any]:
    """The one finding that starts on a flaw's line."""
    place = (flaw["file"], lines_of(flaw)[0])
    here = [finding for finding in findings if (file_of(finding), finding["start_line"]) == place]
    assert len(here) == 1, [finding["rule"] for finding in here]
    return here[0]


@pytest.mark.parametrize("flaw", FLAWS, ids=_name)
def test_a_seeded_flaw_is_reported_once_on_its_line(findings: list[dict[str, Any]], flaw: dict[str, Any]) -> None:
    finding = reported_at(findings, flaw)
    assert finding["rule"] == flaw["rule"]
    assert flaw["cwe"] in finding["cwe"]
    assert set(finding["detectors"]) == set(flaw["detectors"])


@pytest.mark.parametrize("flaw", FLAWS, ids=_name)
def test_the_fix_on_offer_is_as_free_as_expected(findings: list[dict[str, Any]], flaw: dict[str, Any]) -> None:
    fix = reported_at(findings, flaw)["fix"]
    assert (fix and fix["applicability"]) == flaw.get("fix")


@pytest.mark.parametrize("flaw", [flaw for flaw in FLAWS if flaw.get("fix") in ("safe", "unsafe")], ids=_name)
def test_a_fix_with_edits_was_verified(findings: list[dict[str, Any]], flaw: dict[str, Any]) -> None:
    assert reported_at(findings, flaw)["fix"]["verified"] is True


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


@pytest.fixture(scope="session")
def mended(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A copy of the shop with every fix applied that has edits, and what is still reported on it."""
    folder, settings = tmp_path_factory.mktemp("mended") / "shop", tmp_path_factory.mktemp("settings")
    shutil.copytree(SHOP, folder, ignore=shutil.ignore_patterns(".*", "__pycache__", "instance"))
    return folder, review(folder, settings, "--fix", "--unsafe-fixes", ".")


def test_fixing_the_shop_leaves_only_what_no_edit_can_mend(mended: tuple[Path, dict[str, Any]]) -> None:
    left = sorted((finding["path"], finding["rule"]) for finding in mended[1]["findings"])
    assert left == sorted((flaw["file"], flaw["rule"]) for flaw in FLAWS if flaw.get("fix") in (None, "display-only"))


def test_the_mended_shop_still_passes_its_own_tests(mended: tuple[Path, dict[str, Any]]) -> None:
    for module in ("flask", "sqlalchemy", "requests", "yaml", "jwt", "defusedxml"):
        pytest.importorskip(module, reason="install examples/shop/requirements.txt to run the shop")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    environment = {**os.environ, "SMTP_PASSWORD": "from outside", "CARRIER_API_KEY": "from outside"}
    done = subprocess.run(
        command, cwd=mended[0], env=environment, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stdout
