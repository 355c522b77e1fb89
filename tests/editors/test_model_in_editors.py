"""Real editors and a model whose answers are written down: findings, verdicts, its fix, and the file on the disk."""

import asyncio
import json

import daemons
import pytest
import taught_lessons
from driven_editors import drive, snippet
from taught_lessons import FLAWED, LOADER, NOTES, SAFE, SHOP

from codetune_server.errors import CHANGED

pytestmark = [pytest.mark.editor, pytest.mark.slow, pytest.mark.timeout(180)]
WORDS = " ".join(f"word{number}" for number in range(600))
MENDED = (SHOP + NOTES).replace(FLAWED, SAFE)
LINE = SHOP[: SHOP.index(FLAWED)].count("\n")


@pytest.fixture(scope="module")
def sqlite_template(sqlite_starters):
    return sqlite_starters


@pytest.fixture
def file(somebody, tmp_path):
    """A flawed file of a user whose model answers what is written down."""
    somebody.scripted(taught_lessons.script())
    path = tmp_path / "shop.py"
    path.write_text(SHOP)
    return path


def slowly(somebody):
    """Let the model take a minute for its fix."""
    long = {"edits": [{"quote": "yaml.load(text)", "replacement": "yaml.safe_load(text)"}], "explanation": WORDS}
    slow = {"contains": "Mend this finding", "token_delay_ms": 30, "answers": [json.dumps(long)]}
    models = [{"name": "tiny", "engine": "scripted", "context_tokens": 16384}]
    somebody.scripted(json.dumps({"models": models, "rules": [slow], "default": {"answers": ["?"]}}))


def driven(editor, script, file):
    typed = NOTES.removesuffix("\n")
    return drive(editor, script, file, CODETUNE_TYPED=typed, CODETUNE_LINE=str(LINE))


def verdicts(messages):
    """What the model makes of each finding: the words at the end of its message."""
    return [message[message.rindex("(") :] for message in messages]


SAID = [
    "(confirmed by tiny: The name becomes SQL.)",
    "(doubted by tiny: The command is a constant.)",
    "(found by tiny)",
]


def test_neovim_shows_findings_at_once_then_verdicts_in_place_and_applies_the_models_fix(file):
    seen = driven("nvim", "model.lua", file)
    assert seen["fewest"] == 2
    assert verdicts(finding[2] for finding in seen["judged"]) == SAID
    assert seen["title"] == "Fix with tiny: SQL built from strings"
    assert seen["verified"] == "verified: parses, names, rescan"
    assert seen["buffer"] + "\n" == seen["file"] == MENDED


def test_emacs_shows_verdicts_in_place_and_applies_the_models_fix(file):
    seen = driven("emacs", "model.el", file)
    assert verdicts(seen["judged"]) == SAID
    assert seen["title"] == "Fix with tiny: SQL built from strings"
    assert seen["buffer"] == seen["file"] == MENDED


def both_cancelled(somebody):
    """Whether that became of the two fixes; what the save has reviewed may stand behind them."""
    return [kind for kind, *_ in somebody.recorded()[:2]] == ["cancelled"] * 2


async def test_typing_in_neovim_while_the_model_works_stops_it_and_so_does_cancelling(somebody, file):
    slowly(somebody)
    file.write_text(LOADER)
    seen = drive("nvim", "interrupted.lua", file)
    assert [each["message"] for each in seen["said"]] == [CHANGED]
    assert seen["file"] == f"# typed\n{LOADER}"
    await daemons.until(lambda: both_cancelled(somebody), "the model goes on")


async def test_typing_in_emacs_while_the_model_works_stops_it_and_so_does_cancelling(somebody, file):
    slowly(somebody)
    file.write_text(LOADER)
    lines = file.with_name("snippet.el")
    lines.write_text(snippet("elisp", "codetune-stop"))
    driving = asyncio.create_task(
        asyncio.to_thread(drive, "emacs", "interrupted.el", file, CODETUNE_SNIPPET=str(lines))
    )
    for number in (1, 2):
        await daemons.until(lambda number=number: len(somebody.recorded()) >= number, "no model works")
        file.with_name(f"works.{number}").touch()
    seen = await driving
    assert seen["said"] == [CHANGED, "The request was cancelled."]
    assert seen["file"] == f"# typed\n{LOADER}"
    await daemons.until(lambda: both_cancelled(somebody), "the model goes on")
