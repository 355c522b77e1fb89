"""The README says what the code does."""

import ast
import asyncio
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from pydantic import BaseModel

from codetune_core.domain.document import Document
from codetune_core.settings import Settings

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def meanings() -> dict[str, dict[str, str]]:
    """Class -> setting -> the sentence written below it."""
    files = [ROOT / "codetune_core" / name for name in ("settings.py", "sections.py")]
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
            found.append((prefix + name, meanings()[section.__name__].get(name, "")))
    return found


@pytest.mark.parametrize(("name", "meaning"), settings(Settings))
def test_the_settings_table_has_every_setting_with_its_meaning(name, meaning):
    row = next((line for line in README.splitlines() if line.startswith(f"| `{name}`")), "")
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
