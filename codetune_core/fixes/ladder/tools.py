"""V4: the project's own type checker and linter, where it configures them, say nothing new of the edited copy."""

import json
import os
import re
import shutil
import sys
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from configparser import ConfigParser, Error
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from codetune_core.domain.document import Document
from codetune_core.fixes.ladder.copied import Copy
from codetune_core.fixes.ladder.interpreter import Interpreter
from codetune_core.fixes.ladder.reaching import importers
from codetune_core.fixes.ladder.result import Rung, Step, failed, not_run, passed
from codetune_core.fixes.ladder.running import Limits, run

_MOST_IMPORTERS = 20
"""How many files that import the changed module are type-checked with it."""
_TOLD = 4
_MYPY = re.compile(r"^(?P<file>.+?):\d+(?::\d+)?: error: (?P<said>.*)$", re.MULTILINE)

Said = tuple[str, str]
"""Name of a file, and what a tool says of it, without the line: edits above move it."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A type checker or linter.

    Attributes:
        name: of its program, and of its table in ``pyproject.toml``.
        files: names of files that configure it.
        arguments: from the files to look at, a folder for its cache and the Python of the workspace.
        read: from what it writes to what it says; raises ValueError where that is not its format.
        checks_importers: whether the files that import the changed module are looked at too.
    """

    name: str
    files: tuple[str, ...]
    arguments: Callable[[Sequence[str], Path, Interpreter], list[str]]
    read: Callable[[str], Iterable[Said]]
    checks_importers: bool = True


def configured(root: Path) -> list[Tool]:
    """The tools that a project configures."""
    tables = _tables(root)
    return [tool for tool in TOOLS if tool.name in tables or any((root / name).is_file() for name in tool.files)]


async def check_with_tools(
    texts: tuple[Document, Document], copy: Copy, interpreter: Interpreter, limits: Limits
) -> Step:
    """Run each tool on the current text and on the edited one, which it leaves in the copy."""
    tools = configured(copy.root)
    if not tools:
        return not_run(Rung.TOOLS, "the project configures no ruff, mypy or pyright")
    ran, problems = [], []
    for tool in tools:
        try:
            new = await _new(tool, texts, copy, interpreter, limits)
        except (OSError, ValueError) as error:
            problems.append(str(error))
            continue
        if new:
            return failed(Rung.TOOLS, f"{tool.name} says: {'; '.join(said for _, said in list(new)[:_TOLD])}")
        ran.append(tool.name)
    copy.write(texts[1])
    return passed(Rung.TOOLS, ", ".join(ran)) if ran else not_run(Rung.TOOLS, "; ".join(problems))


async def _new(
    tool: Tool, texts: tuple[Document, Document], copy: Copy, interpreter: Interpreter, limits: Limits
) -> Counter[Said]:
    """What a tool says of the edited text and not of the current one; raises ValueError where it cannot say."""
    program = _program(tool.name, interpreter)
    others = importers(copy.root, copy.file)[:_MOST_IMPORTERS] if tool.checks_importers else []
    files = [str(path.relative_to(copy.root)) for path in dict.fromkeys((copy.file, *others))]
    command = [program, *tool.arguments(files, copy.home, interpreter)]
    said = []
    for document in texts:
        copy.write(document)
        ran = await run(command, copy.root, copy.home, limits)
        if ran.status is None:
            raise ValueError(f"{tool.name} did not end within {limits.seconds:g} s")
        if ran.status not in {0, 1}:
            raise ValueError(f"{tool.name} could not check the copy: {ran.output.strip()[-200:]}")
        said.append(Counter(tool.read(ran.output)))
    return said[1] - said[0]


def _program(name: str, interpreter: Interpreter) -> str:
    """The workspace's own program, that beside this Python, or the one on the path; raises ValueError without any."""
    folders = (interpreter.program.parent, Path(sys.executable).parent)
    found = shutil.which(name, path=os.pathsep.join(map(str, folders))) or shutil.which(name)
    if not found:
        raise ValueError(f"{name} is configured, but not installed")
    return found


def _tables(root: Path) -> set[str]:
    """Names of tools with a table in ``pyproject.toml`` or ``setup.cfg``."""
    found: set[str] = set()
    with suppress(OSError, ValueError):
        tables = tomllib.loads((root / "pyproject.toml").read_text("utf-8")).get("tool", {})
        found |= set(tables) if isinstance(tables, dict) else set()
    parser = ConfigParser(interpolation=None)
    with suppress(OSError, ValueError, Error):
        parser.read(root / "setup.cfg", "utf-8")
        found |= {section for section in parser.sections() if section == "mypy"}
    return found


def _ask_ruff(files: Sequence[str], _home: Path, _interpreter: Interpreter) -> list[str]:
    return ["check", "--no-cache", "--no-fix", "--force-exclude", "--output-format=json", "--quiet", "--", *files]


def _read_ruff(output: str) -> Iterable[Said]:
    return [
        (Path(said["filename"]).name, f"{said['code'] or 'syntax'} {said['message']}") for said in json.loads(output)
    ]


def _ask_mypy(files: Sequence[str], home: Path, interpreter: Interpreter) -> list[str]:
    plain = ["--no-error-summary", "--no-pretty", "--no-color-output", "--hide-error-context", "--show-error-codes"]
    cache = f"--cache-dir={home / 'mypy'}"
    return [*plain, cache, f"--python-executable={interpreter.program}", "--", *files]


def _read_mypy(output: str) -> Iterable[Said]:
    return [(Path(match["file"]).name, match["said"]) for match in _MYPY.finditer(output)]


def _ask_pyright(files: Sequence[str], _home: Path, interpreter: Interpreter) -> list[str]:
    return ["--outputjson", f"--pythonpath={interpreter.program}", *files]


def _read_pyright(output: str) -> Iterable[Said]:
    said = json.loads(output[output.index("{") :])["generalDiagnostics"]
    return [
        (Path(each["file"]).name, f"{each['message']} [{each.get('rule', '')}]")
        for each in said
        if each["severity"] == "error"
    ]


TOOLS = (
    Tool("ruff", ("ruff.toml", ".ruff.toml"), _ask_ruff, _read_ruff, checks_importers=False),
    Tool("mypy", ("mypy.ini", ".mypy.ini"), _ask_mypy, _read_mypy),
    Tool("pyright", ("pyrightconfig.json",), _ask_pyright, _read_pyright),
)
