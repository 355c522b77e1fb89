"""Real Neovim asks a question with the lines of docs/editors.md, and says how it stands."""

import re
from pathlib import Path

import pytest
from driven_editors import drive

PAGE = (Path(__file__).parents[2] / "docs" / "editors.md").read_text("utf-8")
TEXT = "import yaml\n\n\ndef read(text):\n    return yaml.load(text)\n"
SCRIPT = """\
models: [{name: tiny, engine: scripted, context_tokens: 16384}]
rules:
  - contains: "Why so?"
    answers: ['{"answered": true, "answer": "It reads.", "citations": [{"source": "s", "quote": "yaml.load(text)"}]}']
default: {answers: ["{}"]}
"""
pytestmark = [pytest.mark.editor, pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def sqlite_template(sqlite_starters):
    return sqlite_starters


def test_neovim_asks_for_the_question_and_shows_the_answer_where_the_code_is(tmp_path, somebody):
    somebody.scripted(SCRIPT)
    file, snippet = tmp_path / "read.py", tmp_path / "ask.lua"
    file.write_text(TEXT)
    snippet.write_text(next(block for block in re.findall(r"```lua\n(.*?)```", PAGE, re.DOTALL) if "ui.input" in block))
    seen = drive("nvim", "ask.lua", file, CODETUNE_SNIPPET=str(snippet))
    assert (seen["asked"], seen["title"]) == (["Ask about this: "], "Ask about this with tiny")
    assert seen["statuses"][0] == ""
    assert seen["message"] == "Ask about this is here: hover over line 4 of read.py to read it."
    assert "It reads." in seen["hover"]
    assert re.search(r"- \[line 5\]\(<file://\S*read\.py#L5>\)", seen["hover"]), seen["hover"]
