"""Every command that a page or a message tells people to run is there."""

import re
from pathlib import Path

import click
import pytest

from codetune_core.cli.main import main

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
MODULES = [path for folder in ("codetune_core", "server", "remote") for path in sorted((ROOT / folder).rglob("*.py"))]
# What stands in a line of its own in a block, or between backticks; a message may be cut into two literals.
NAMED = re.compile(r"(?:`|^\$ |^ {4})codetune((?: [a-z][a-z-]+)+)", re.MULTILINE)


def missing(words: list[str]) -> str:
    """The first word that names no command where one must; empty where all is there."""
    command: click.Command = main
    context = click.Context(main)
    for word in words:
        if not isinstance(command, click.Group):
            return ""
        found = command.get_command(context, word)
        if found is None:
            return word
        command, context = found, click.Context(found, parent=context)
    return ""


@pytest.mark.parametrize("path", [*PAGES, ROOT], ids=lambda path: path.name if path != ROOT else "messages")
def test_each_command_that_is_named_is_there(path):
    texts = [path.read_text("utf-8")] if path.is_file() else [module.read_text("utf-8") for module in MODULES]
    named = {match for text in texts for match in NAMED.findall(text)}
    assert {line: wrong for line in sorted(named) if (wrong := missing(line.split()))} == {}
    assert named or path.name != "README.md"
