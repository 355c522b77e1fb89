"""Real editors ask a question with the lines of docs/editors.md, and show the answer."""

import re

import pytest
from driven_editors import drive, snippet

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


@pytest.fixture
def ask(tmp_path, somebody):
    """Let an editor run its script with the lines that the page gives it; what it saw."""

    def asked(editor, script, language, mark):
        somebody.scripted(SCRIPT)
        file, lines = tmp_path / "read.py", tmp_path / f"snippet.{language}"
        file.write_text(TEXT)
        lines.write_text(snippet(language, mark))
        return drive(editor, script, file, CODETUNE_SNIPPET=str(lines))

    return asked


def test_neovim_asks_for_the_question_and_shows_the_answer_where_the_code_is(ask):
    seen = ask("nvim", "ask.lua", "lua", "ui.input")
    assert (seen["asked"], seen["title"]) == (["Ask about this: "], "Ask about this with tiny")
    assert seen["statuses"][0] == ""
    assert seen["message"] == "Ask about this is here: hover over line 4 of read.py to read it."
    check(seen["hover"])


def test_emacs_asks_about_the_buffer_and_shows_the_answer_in_its_hover(ask):
    seen = ask("emacs", "ask.el", "elisp", "codetune-ask")
    assert seen["message"] == "Ask about this is here: hover over line 1 of read.py to read it."
    check(seen["hover"])


def check(hover):
    assert "It reads." in hover
    assert re.search(r"line 5\b.*<file://\S*read\.py#L5>", hover), hover
