"""The README says what the code does."""

import ast
import asyncio
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

import pytest
from pydantic import BaseModel

from codetune_core.domain.document import Document
from codetune_core.settings import Settings

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
SETTINGS = (ROOT / "docs" / "settings.md").read_text()


def meanings() -> dict[str, dict[str, str]]:
    """Class -> setting -> the sentence written below it."""
    files = [ROOT / "codetune_core" / name for name in ("settings.py", "sections.py", "service_sections.py")]
    classes = [node for file in files for node in ast.parse(file.read_text()).body if isinstance(node, ast.ClassDef)]
    pairs = {node.name: zip(node.body, [*node.body[1:], None], strict=True) for node in classes}
    return {
        owner: {
            line.target.id: below.value.value
            for line, below in lines
            if isinstance(line, ast.AnnAssign) and isinstance(below, ast.Expr)
        }
        for owner, lines in pairs.items()
    }


def settings(section: type[BaseModel], prefix: str = "") -> list[tuple[str, str]]:
    """Dotted names of all settings with their meaning."""
    found = []
    for name, field in section.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            found += settings(kind, f"{prefix}{name}.")
        else:
            said = (meanings().get(owner.__name__, {}).get(name) for owner in section.__mro__)
            found.append((prefix + name, next(filter(None, said), "")))
    return found


@pytest.mark.parametrize(("name", "meaning"), settings(Settings))
def test_the_settings_table_has_every_setting_with_its_meaning(name, meaning):
    row = next((line for line in SETTINGS.splitlines() if line.startswith(f"| `{name}`")), "")
    assert meaning
    assert " ".join(meaning.split()).rstrip(".") in row


def test_the_two_commands_open_the_readme():
    first = README.split("```console\n")[1].split("```")[0]
    assert [line.split("#")[0].strip(" $") for line in first.splitlines()] == ["make review", "make test"]


@pytest.mark.parametrize(
    "page", ["README.md", "CONTRIBUTING.md", *(str(p.relative_to(ROOT)) for p in (ROOT / "docs").glob("*.md"))]
)
def test_links_within_the_repository_lead_somewhere(page):
    path = ROOT / page
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", path.read_text())
    assert [target for target in targets if not (path.parent / target).exists()] == []


def test_the_detector_of_the_documentation_works(tmp_path, monkeypatch):
    code = (ROOT / "docs" / "detectors.md").read_text().split("```python\n")[1].split("```")[0]
    (tmp_path / "documented_detector.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    detector = import_module("documented_detector").DebuggerDetector(Settings())
    document = Document("file:///a.py", "def f():\n    breakpoint()\n", "python")
    detection = asyncio.run(detector.detect(document))
    assert [document.slice(finding.range) for finding in detection.findings] == ["breakpoint()"]


def test_the_sample_is_what_a_review_prints():
    command = [sys.executable, "-m", "codetune_core.cli.main", "review", "examples/shop"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    sample = README.split("$ codetune review examples/shop\n...\n")[1].split("...\n```")[0]
    blocks = [block for block in sample.strip("\n").split("\n\n") if block]
    assert len(blocks) == 2
    assert [block for block in blocks if block.strip("\n") not in run.stdout] == []


@pytest.fixture
def home(tmp_path):
    """Run ``codetune`` as a new user does, in a folder with the file that the README names."""
    (tmp_path / "app.py").write_text("def add(a, b): return a + b\n")
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}

    def run(line: str) -> subprocess.CompletedProcess[str]:
        command = line.partition("#")[0].replace("codetune ", f"{sys.executable} -m codetune_core.cli.main ")
        return subprocess.run(
            command, shell=True, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )

    return run


def test_an_execution_goes_as_the_readme_shows_it(home):
    sample = README.split("```text\n$ echo")[1].split("```")[0]
    commands = [line.removeprefix("$ ") for line in f"$ echo{sample}".splitlines() if line.startswith("$ ")]
    made, asked = home(commands[0]), home(commands[1])
    assert (made.returncode, asked.stdout) == (0, "It adds two numbers.\n"), asked.stderr
    identifier = re.search(r"execution (\S+):", asked.stderr)[1]
    assert re.search(r": (.*), ", asked.stderr)[1] in sample
    assert home(re.sub(r"rate \S+", f"rate {identifier}", commands[2])).returncode == 0
    figures = [line.split() for line in home(commands[3]).stdout.splitlines()]
    shown = [line.split() for line in sample.splitlines()[-2:]]
    assert figures[0] == shown[0]
    assert [cell for number, cell in enumerate(figures[1]) if number != 4] == [
        cell for number, cell in enumerate(shown[1]) if number != 4
    ]


def test_prompts_are_edited_deployed_and_rolled_back_as_the_readme_shows_it(home):
    block = README.split("## Prompts, history and cost")[1].split("```console\n")[1].split("```")[0]
    edit = "codetune prompts edit"
    lines = [line.removeprefix("$ ") for line in block.splitlines()]
    commands = [line.replace(edit, f"EDITOR='sed -i s/You/We/' {edit}") for line in lines]
    assert [(command, ended.stderr) for command in commands if (ended := home(command)).returncode] == []
    assert json.loads(home("codetune prompts show explain-code --format json").stdout)["labels"] == {"production": 1}
    starters = json.loads(home("codetune prompts list --format json").stdout)["prompts"]
    assert f"prompts: {len(starters)} come with CodeTune" in README


TEAM = README.split("## One daemon, or one service for a team")[1].split("\n## ")[0]
ADDRESS = "127.0.0.1:8765"
NOTE = """\
---
codetune: 1
name: team-note
category: explanation
variables:
  code:
    type: code
---

=== user ===

{{ code }}
"""


class Person:
    """Somebody with folders of their own and ``codetune`` on the PATH."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "run").mkdir(mode=0o700, parents=True)
        (folder / "app.py").write_text("def add(a, b): return a + b\n")
        own = {name: str(folder / name[4:8]) for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")}
        path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
        self.environment = {"PATH": path, "HOME": str(folder), "LANG": "C.UTF-8", **own}
        self.environment["XDG_RUNTIME_DIR"] = str(folder / "run")

    def writes(self, settings: str) -> None:
        file = Path(self.environment["XDG_CONFIG_HOME"]) / "codetune" / "codetune.toml"
        file.parent.mkdir(parents=True)
        file.write_text(settings)

    def does(self, line: str) -> str:
        """Run a line of a shell; return what it prints."""
        done = subprocess.run(
            line, shell=True, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, (line, done.stdout, done.stderr)
        return done.stdout

    @contextmanager
    def serving(self, line: str):
        """Run a line that listens until the block ends."""
        child = subprocess.Popen(
            f"exec {line}",
            shell=True,
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        with child:
            try:
                assert "listens on" in child.stdout.readline()
                yield
            finally:
                child.send_signal(signal.SIGTERM)
                assert child.wait(60) == 0


@pytest.fixture
def person():
    """Make somebody; their daemon ends with the test."""
    folder = Path(tempfile.mkdtemp(prefix="ct"))  # a short path, for sockets
    made = []

    def make(name: str) -> Person:
        made.append(Person(folder / name))
        return made[-1]

    yield make
    for each in made:
        each.does("codetune daemon stop --now")
    shutil.rmtree(folder)


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="the daemon listens on a Unix socket")
def test_the_daemon_and_the_service_of_a_team_go_as_the_readme_shows_them(person):
    here = TEAM.replace(ADDRESS, f"127.0.0.1:{free_port()}")
    alone, serving, asking = (
        [line.removeprefix("$ ").partition("  #")[0].strip() for line in block.split("```")[0].splitlines()]
        for block in here.split("```console\n")[1:]
    )
    team, ada = person("team"), person("ada")
    (team.folder / "answers.yaml").write_text("default: {answers: [It adds two numbers.]}")
    team.writes(f'[engine]\nname = "scripted"\nscript = "{team.folder / "answers.yaml"}"\n')
    ada.writes(here.split("```toml\n")[1].split("```")[0])

    answer, state = map(team.does, alone)
    assert answer == "It adds two numbers.\n"
    assert "runs CodeTune" in state
    (team.folder / "team-note.prompt.md").write_text(NOTE)
    team.does("codetune prompts new team-note --file team-note.prompt.md")
    key = team.does(serving[0]).split()[-1]
    with team.serving(serving[1]):
        assert asking[0].startswith("export CODETUNE_REMOTE_KEY=")
        ada.environment["CODETUNE_REMOTE_KEY"] = key
        assert ada.does(asking[1]) == "It adds two numbers.\n"
        assert ada.does("codetune prompts run team-note --var code=@app.py") == "It adds two numbers.\n"
        ada.does(asking[2])
        assert "event: finished" in ada.does(asking[3])
