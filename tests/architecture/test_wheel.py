"""The wheel, installed alone in a clean environment, works without the source tree."""

import json
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    target = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", target, ROOT], check=True, capture_output=True, text=True
    )
    (built,) = target.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The folder of programs of an environment that holds the wheel and its dependencies, and nothing else."""
    folder = tmp_path_factory.mktemp("clean")
    venv.create(folder, with_pip=True, symlinks=True)
    programs = folder / "bin"
    command = [programs / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run(
        [*command, "--constraint", ROOT / "constraints.txt", wheel], check=True, capture_output=True, text=True
    )
    return programs


def test_the_wheel_carries_the_packages_the_rules_and_the_licence(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert "codetune_core/detectors/rules/ruff.yaml" in names
    assert "codetune_core/prompts/library_files/review.prompt.md" in names
    assert "codetune_core/models/catalogue.yaml" in names
    assert "codetune_server/app.py" in names
    assert "codetune_core/storage/migrations/env.py" in names
    assert any(name.endswith("LICENSE") for name in names)
    assert not [name for name in names if name.startswith(("tests", "examples", "server/"))]


def test_an_installed_codetune_reviews_and_offers_fixes(installed, tmp_path):
    (tmp_path / "a.py").write_text("import yaml\n\n\ndef read(text):\n    return yaml.load(text)\n")
    run = subprocess.run(
        [installed / "codetune", "review", "--format", "json", "a.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1, run.stderr
    (finding,) = json.loads(run.stdout)["findings"]
    assert (finding["rule"], finding["start_line"], finding["fix"]["verified"]) == ("S506", 5, True)


def test_an_installed_language_server_answers(installed, tmp_path):
    body = json.dumps(
        {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "initialize",
            "params": {"processId": None, "rootUri": None, "capabilities": {}},
        }
    )
    message = f"Content-Length: {len(body)}\r\n\r\n{body}"
    run = subprocess.run(
        [installed / "codetune", "lsp"],
        cwd=tmp_path,
        input=message.encode(),
        capture_output=True,
        check=False,
        timeout=30,
    )
    assert b'"capabilities"' in run.stdout
    assert b'"name":"codetune"' in run.stdout.replace(b": ", b":")


def test_an_installed_codetune_makes_and_checks_its_database(installed, tmp_path):
    home = {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data"), "XDG_CONFIG_HOME": str(tmp_path)}
    for command in ("upgrade", "check"):
        run = subprocess.run(
            [installed / "codetune", "db", command], cwd=tmp_path, env=home, capture_output=True, text=True, check=False
        )
        assert run.returncode == 0, run.stderr
    assert (tmp_path / "data" / "codetune" / "codetune.db").is_file()
