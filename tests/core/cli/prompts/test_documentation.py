"""docs/cli.md says what ``codetune prompts`` writes."""

import re
import tomllib
from pathlib import Path

from codetune_core.cli.prompts.group import _COMMANDS
from codetune_core.settings import Options, resolve

PAGE = (Path(__file__).parents[4] / "docs" / "cli.md").read_text("utf-8")
SECTION = PAGE.split("\n## Prompts\n")[1].split("\n## ")[0]


def keys(name):
    """Keys that the page gives an object, without what stands in brackets behind them."""
    row = next(line for line in SECTION.splitlines() if line.startswith(f"| {name} |"))
    cell = row.split("|")[2]
    while (plain := re.sub(r"\([^()]*\)", "", cell)) != cell:
        cell = plain
    return set(re.findall(r"`(\w+)`", re.sub(r": [^;]*$", "", cell)))


def test_every_command_is_on_the_page():
    assert [name for name in _COMMANDS if f"`{name}" not in SECTION] == []


def test_the_objects_have_the_keys_of_the_page(ask, mine):
    shown = ask("show", mine)
    assert set(ask("list")["prompts"][0]) == keys("prompt")
    assert set(shown) == keys("prompt") | {"labels", "shown", "versions"}
    assert set(shown["versions"][0]) == keys("version") - {"wording"}
    assert set(shown["shown"]) == keys("version")
    assert set(ask("log", mine)["entries"][0]) == keys("deployment")


def test_an_execution_has_the_keys_of_the_page(ask, mine):
    content = ask("run", mine, "--var", "code=1", "--engine", "scripted", "--script", "answers.yaml")
    assert set(content) == keys("execution")


def test_a_verdict_has_the_keys_of_the_page(ask, mine):
    ask("experiment", "start", mine, "1", "2")
    assert set(ask("compare", "mine@1", "mine@2")) == keys("verdict")


def test_the_settings_of_the_page_hold():
    text = next(block for block in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL) if "budget.prices" in block)
    written = tomllib.loads(text)
    resolved = resolve([Options("page", written)])
    assert resolved.notices == ()
    assert resolved.settings.budget.prices[0].model == "my-model*"
    assert resolved.settings.budget.fallback_model == "small"
