"""A library with the starter prompts, a script that answers, and the command line over both."""

import asyncio
import json
import os
import pty
import shutil
import subprocess
import sys
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from codetune_core.bootstrap.core import open_core
from codetune_core.prompts.files import read_prompt
from codetune_core.settings import Settings
from codetune_core.storage.url import VARIABLE

SCRIPT = """
models: [{name: tiny, engine: scripted, context_tokens: 8192}]
rules:
  - {contains: LOSE, answers: ["half an answer"], fault: {kind: engine_lost, after_tokens: 1, message: cable is cut}}
  - {contains: STEER, answers: ["safe \\x1b[2J\\x07 end"]}
  - {contains: REFUSE, fault: {kind: refused, message: not this one}}
default: {answers: ["It adds two numbers."]}
"""
PROMPT = """\
---
codetune: 1
name: {name}
description: Says what code does.
category: explanation
tags: [short]
temperature: {temperature}
variables:
  code:
    type: code
  depth:
    type: integer
    default: 2
---

=== user ===

{ask} Depth {{{{ depth }}}}.

{{{{ code }}}}
"""


def prompt_text(name="mine", ask="What does this do?", temperature=0):
    return PROMPT.format(name=name, ask=ask, temperature=temperature)


ASKS = {"one": "What does this do?", "two": "Explain this.", "three": "Explain this in one sentence."}


@asynccontextmanager
async def opened(path):
    async with open_core(Settings.model_validate({"storage": {"database_url": f"sqlite:///{path}"}})) as core:
        yield core


@pytest.fixture(scope="session")
def mine_template(sqlite_starters, tmp_path_factory):
    """A database with a prompt ``mine`` that has the versions 1, in production, and 2, to be copied."""
    path = shutil.copy(sqlite_starters, tmp_path_factory.mktemp("mine") / "codetune.db")

    async def set_up():
        one, two = (read_prompt(prompt_text(ask=ASKS[number]), "file") for number in ("one", "two"))
        async with opened(path) as core:
            await core.prompts.create(one.draft, one.wording, by="ann", notes="first")
            await core.prompts.edit("mine", two.wording, by="ann", notes="second")

    asyncio.run(set_up())
    return path


@pytest.fixture
def library(sqlite_starters, workspace, monkeypatch):
    """The working directory, over a fresh database with the starter prompts."""
    path = workspace.parent / "codetune.db"
    shutil.copy(sqlite_starters, path)
    monkeypatch.setenv(VARIABLE, f"sqlite:///{path}")
    monkeypatch.setenv("XDG_DATA_HOME", str(workspace.parent / "data"))
    (workspace / "answers.yaml").write_text(SCRIPT)
    return workspace


@pytest.fixture
def check(library, run):
    """Run ``codetune prompts``; check how it ends and what it says; return what it printed."""

    def run_and_check(*arguments, code=0, says="", text=None):
        result = run("prompts", *arguments, text=text)
        assert result.exit_code == code, f"{result.output}\n{result.exception!r}"
        assert says in result.output, result.output
        return result.stdout

    return run_and_check


@pytest.fixture
def ask(check):
    """Run ``codetune prompts``, and read the JSON it prints."""
    return lambda *arguments, **expected: json.loads(check(*arguments, "--format", "json", **expected))


@pytest.fixture
def prompt(library):
    """Path of a prompt file by its number in words; each says something else."""

    def write(number):
        path = library / f"{number}.prompt.md"
        path.write_text(prompt_text(ask=ASKS[number]))
        return path

    return write


@pytest.fixture
def mine(library, mine_template):
    """A prompt ``mine`` with the versions 1 (in production) and 2."""
    shutil.copy(mine_template, library.parent / "codetune.db")
    return "mine"


@pytest.fixture
def with_core(library):
    """Run a coroutine over the core that the command line opens."""

    def work(coroutine):
        async def run():
            async with opened(library.parent / "codetune.db") as core:
                return await coroutine(core)

        return asyncio.run(run())

    return work


@pytest.fixture
def editor(library, monkeypatch):
    """Make ``$EDITOR`` a real program that runs some Python on the file it is given; it counts its runs."""

    def use(code: str):
        program = library.parent / "editor.py"
        program.write_text(
            f"import pathlib, sys\npath = pathlib.Path(sys.argv[1])\ntext = path.read_text()\n"
            f"runs = pathlib.Path({str(library.parent / 'runs')!r})\n"
            f"runs.write_text((runs.read_text() if runs.exists() else '') + '.')\n{code}\n"
        )
        monkeypatch.setenv("VISUAL", f"{sys.executable} {program}")
        return library.parent / "runs"

    return use


@pytest.fixture
def start(library):
    """Start ``codetune prompts`` as a process of its own."""
    started = []
    program = Path(sys.executable).parent / "codetune"

    def begin(*arguments):
        child = subprocess.Popen(
            [program, "prompts", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        started.append(child)
        return child

    yield begin
    for child in started:
        child.kill()
        child.wait()
        child.stdout.close()
        child.stderr.close()


@pytest.fixture
def terminal(library):
    """Run ``codetune prompts`` on a real terminal, and answer a question; return what was shown, and the exit code."""

    def run_there(*arguments, answer, expects):
        leader, follower = pty.openpty()
        program = Path(sys.executable).parent / "codetune"
        child = subprocess.Popen(
            [program, "prompts", *arguments], stdin=follower, stdout=follower, stderr=follower, close_fds=True
        )
        os.close(follower)
        shown = ""
        try:
            while expects not in shown:
                shown += os.read(leader, 4096).decode()
            os.write(leader, answer.encode())
            with suppress(OSError):  # the end of a terminal
                while more := os.read(leader, 4096):
                    shown += more.decode()
            return shown, child.wait(60)
        finally:
            child.kill()
            child.wait()
            os.close(leader)

    return run_there
