"""Which model ``codetune prompts run`` asks where no engine is named: the one that serves what the prompt is for."""

from pathlib import Path

import pytest

TINY = Path(__file__).parents[3] / "fixtures" / "tiny-code-model"


@pytest.fixture
def reviews(library, run):
    """A workspace where a model reviews and explains, and none writes."""
    (library / "pyproject.toml").write_text(f"[tool.codetune.models]\nreview = '{TINY}'\ngeneration = './nowhere'\n")
    run("trust")


@pytest.mark.usefixtures("reviews")
def test_the_model_for_what_a_prompt_does_is_asked(check):
    check("run", "explain-code", "--var", "code=1", "--dry-run", says="for tiny-code-model: at most ")
    check("run", "explain-code", "--var", "code=1", "--task", "generate", "--dry-run", says="without a model: about ")
    check("run", "explain-code", "--var", "code=1", "--task", "generate", code=2, says="./nowhere is no folder")
