"""The prompt-writing guide says what the code does."""

import re
import shlex
from pathlib import Path

import click
import pytest

from codetune_core.cli.prompts.group import prompts
from codetune_core.domain.prompt import Decoding, Variable, VariableType
from codetune_core.prompts.answer import parse_answer
from codetune_core.prompts.check import check_wording
from codetune_core.prompts.files import read_prompt, write_prompt
from codetune_core.prompts.fit import RenderTarget
from codetune_core.prompts.render import render
from codetune_core.prompts.schemas.registry import SCHEMAS
from codetune_core.prompts.starter import shipped_files
from codetune_core.prompts.sync_state import FOLDER

GUIDE = (Path(__file__).parents[2] / "docs" / "prompts.md").read_text()
COMMANDS = [
    line
    for block in re.findall(r"```console\n(.*?)```", GUIDE, re.DOTALL)
    for line in block.splitlines()
    if line.strip()
]
FILE = GUIDE.split("```markdown\n")[1].split("\n```\n")[0] + "\n"


def rows(heading: str) -> list[list[str]]:
    """Cells of the table below a heading, without its head."""
    section = GUIDE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_whole_prompt_is_read_and_is_canonical_and_renders():
    file = read_prompt(FILE, "regex-review.prompt.md")
    assert write_prompt(file.draft, file.wording) == FILE
    assert check_wording(file.wording) == ()
    values = {"code": 're.match("a|b$", x)', "intent": "a or b"}
    messages = render(file.wording, values, RenderTarget(4_096, lambda text: len(text) // 3)).messages
    assert [message.role for message in messages] == ["system", "user", "assistant", "user"]
    assert messages[-1].content.endswith('Review the expression:\n\n```python\nre.match("a|b$", x)\n```')
    (example,) = file.wording.few_shot_examples
    assert parse_answer(example.output, "findings").output
    assert 're.match(r"\\d+.\\d+", text)' in example.variables["code"]


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_of_the_guide_is_understood(line, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "prompts").mkdir()
    (tmp_path / ".github" / "prompts").mkdir(parents=True)
    for path in ("app.py", "explain-code.prompt.md", ".github/prompts/form.prompt.md"):
        (tmp_path / path).write_text("x = 1\n")
    program, group, *words = shlex.split(line)
    assert (program, group) == ("codetune", "prompts")
    command: click.Command = prompts
    context = click.Context(prompts)
    while isinstance(command, click.Group):
        name, found, words = command.resolve_command(context, words)
        command = found
        if not isinstance(command, click.Group):
            command.make_context(name, words, parent=context)
        else:
            context = click.Context(command, parent=context)


def test_the_tables_name_all_types_fields_and_schemas():
    types = " ".join(row[0] for row in rows("Variables"))
    assert set(re.findall(r"`(\w+)`", types)) == set(VariableType)
    assert [row[0].strip("`") for row in rows("Answers that are parsed")] == list(SCHEMAS)
    variables = GUIDE.split("## Variables")[1].split("\n## ")[0]
    assert all(
        f"`{field}`" in variables for field in Variable.model_fields if field not in ("name", "type", "description")
    )
    assert all(f"`{field}`" in GUIDE for field in Decoding.model_fields if field != "output_schema")


def test_the_table_of_what_ships_is_what_ships():
    files = [read_prompt(text, name) for name, text in shipped_files().items()]
    shipped = {
        file.draft.name: [f"{file.draft.description.rstrip('.')}", f"{file.wording.temperature:g}", schema_of(file)]
        for file in files
    }
    assert {row[0].strip("`"): row[1:] for row in rows("What ships")} == shipped


def schema_of(file) -> str:
    name = file.wording.decoding.output_schema
    return f"`{name}`" if name else "free text"


def test_the_memory_of_a_sync_is_named():
    assert f"`{FOLDER}`" in GUIDE
