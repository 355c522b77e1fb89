"""The page on plugins says what the code does."""

import re
import shlex
from pathlib import Path

import click
import pytest
from plugin_files import Memory, host_of

from codetune_core.cli.plugins.group import plugins
from codetune_core.errors import InvalidInput
from codetune_core.plugins import api
from codetune_core.plugins.api import Request
from codetune_core.plugins.metadata import INTERFACE, ToolMetadata

PAGE = (Path(__file__).parents[2] / "docs" / "plugins.md").read_text()
EXAMPLE = PAGE.split("```python\n")[1].split("```")[0]
COMMANDS = [line.removeprefix("$ ") for line in PAGE.split("```console\n")[1].split("```")[0].splitlines()]


def column(heading: str) -> list[str]:
    """First cells of the table below a heading, without its head."""
    lines = [line for line in PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0].splitlines() if line.startswith("|")]
    return [line.split("|")[1].strip(" `") for line in lines[2:]]


async def test_the_plugin_of_the_page_works(tmp_path):
    (tmp_path / "namer.py").write_text(EXAMPLE)
    memory, shown = Memory("x: ", "count"), []
    host = host_of(tmp_path, ask=memory)
    try:
        assert host.state("namer").metadata.author == "Ada"
        outcome = await host.run("namer", Request("names", "x = 1", {"most": "5"}), shown.append)
        with pytest.raises(InvalidInput, match="needs a text"):
            await host.run("namer", Request("names"))
    finally:
        await host.aclose()
    assert (outcome.value["text"], shown) == ("x: count", ["x: ", "count"])
    (question,) = memory.asked
    assert question.messages[0].content.startswith("Name the 5 worst identifiers")
    assert question.max_tokens == 200


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_of_the_page_is_understood(line):
    program, group, name, *words = shlex.split(line)
    assert (program, group) == ("codetune", "plugins")
    plugins.commands[name].make_context(name, words, parent=click.Context(plugins))


def test_the_tables_name_every_kind_and_every_field():
    kinds = [name for name, value in vars(api).items() if isinstance(value, type) and issubclass(value, api.AgentTool)]
    assert sorted(column("Kinds")) == sorted(kinds)
    assert column("Metadata") == list(ToolMetadata.model_fields)
    assert re.search(r"now (\d+)\.(\d+)", PAGE).groups() == tuple(str(number) for number in INTERFACE)
