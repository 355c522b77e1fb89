"""The wheel, installed alone in a clean environment, works without the source tree."""

import json
import os
import subprocess
import sys
import venv
import zipfile
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
# The settings of whoever installs packages count again.
PIP = {name: value for name, value in os.environ.items() if name not in {"XDG_CONFIG_HOME", "XDG_DATA_HOME"}}
IMPORTS_ALL = """
import importlib, importlib.util, pkgutil
import codetune_core, codetune_server

extra = ("torch", "transformers", "bitsandbytes", "peft", "sentence_transformers", "llguidance")
print([name for name in extra if importlib.util.find_spec(name)])
in_the_model_s_process = ("codetune_core.engines.transformers.process.", "codetune_core.models.unpickle")
names = [
    module.name
    for package in (codetune_core, codetune_server)
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    if not module.name.startswith(in_the_model_s_process) and not module.name.endswith("__main__")
]
for name in names:
    importlib.import_module(name)
print(len(names) > 300)
"""
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    target = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", target, ROOT],
        check=True,
        capture_output=True,
        text=True,
        env=PIP,
    )
    (built,) = target.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The folder of programs of an environment that holds the wheel and what it declares to need, and nothing else."""
    folder = tmp_path_factory.mktemp("clean")
    venv.create(folder, with_pip=False, symlinks=True)
    programs = folder / "bin"
    command = [sys.executable, "-m", "pip", "--python", programs / "python", "install", "--no-compile", "--no-deps"]
    subprocess.run([*command, "--quiet", wheel], check=True, capture_output=True, text=True, env=PIP)
    (site,) = folder.glob("lib/python*/site-packages")
    (own,) = site.glob("codetune-*.dist-info")
    for needed in all_needed(Distribution.at(own)):
        link(needed, site)
    return programs


def all_needed(root: Distribution) -> list[Distribution]:
    """What a distribution declares to need, and what that needs: as this environment has it."""
    found: dict[tuple[str, str], Distribution] = {}
    waiting = [(root, "")]
    while waiting:
        asking, extra = waiting.pop()
        for requirement in map(Requirement, asking.requires or ()):
            if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
                continue
            for wanted in ("", *requirement.extras):
                if (requirement.name, wanted) not in found:
                    needed = found[requirement.name, wanted] = distribution(requirement.name)
                    waiting.append((needed, wanted))
    return list({needed.name: needed for needed in found.values()}.values())


def link(needed: Distribution, site: Path) -> None:
    """Install a distribution without a copy."""
    for file in needed.files or ():
        target = Path(os.path.normpath(site / file))
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(file.locate().resolve())


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


def test_without_the_extra_every_module_is_imported_but_those_of_the_model_process(installed, tmp_path):
    command = [installed / "python", "-W", "error", "-c", IMPORTS_ALL]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (run.stdout.split("\n"), run.stderr) == (["[]", "True", ""], "")


def test_without_the_extra_plans_are_made_and_what_is_missing_is_said(installed, tmp_path):
    home = {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path), "PATH": os.environ["PATH"]}

    def run(*arguments):
        command = [installed / "codetune", *arguments]
        return subprocess.run(command, cwd=tmp_path, env=home, capture_output=True, text=True, check=False)

    plans = run("models", "plan", "--gpu", "24GB", "--format", "json")
    assert plans.returncode == 0, plans.stderr
    assert "WhiteRabbitNeo-33B-v1" in plans.stdout
    doctor = run("doctor", "--format", "json")
    assert json.loads(doctor.stdout), doctor.stderr
    assert "Traceback" not in doctor.stderr
    loading = run("models", "load", "all-MiniLM-L6-v2")
    assert loading.returncode != 0
    assert "codetune[local]" in loading.stdout + loading.stderr
    assert "Traceback" not in loading.stderr
