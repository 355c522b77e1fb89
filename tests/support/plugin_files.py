"""Plugins that are single files, and a host of them that lends a model which answers from memory."""

import textwrap
from pathlib import Path

from codetune_core.domain.execution import Usage
from codetune_core.plugins.discover import discover
from codetune_core.plugins.host import PluginHost
from codetune_core.plugins.process import Limits
from codetune_core.plugins.protocol import Answered, Question
from codetune_core.settings import Settings

HEAD = """
from codetune_core.plugins.api import AgentTool, Answer, EmbeddingPlugin, LLMPlugin, Request
from codetune_core.plugins.metadata import ToolMetadata
"""


def tool(name: str, body: str, *, top: str = "", base: str = "AgentTool", **metadata: object) -> str:
    """Source of a plugin whose method ``run``, or whatever stands in the body, is given."""
    said = {"name": name, "tasks": ("do",), **metadata}
    literals = ", ".join(f"{key}={value!r}" for key, value in said.items())
    inside = textwrap.indent(textwrap.dedent(body).strip(), "    ")
    return (
        f"{HEAD}\n{textwrap.dedent(top)}\n\nclass Tool({base}):\n    METADATA = ToolMetadata({literals})\n\n{inside}\n"
    )


def returns(name: str, expression: str, **metadata: object) -> str:
    """Source of a plugin that answers with the value of an expression."""
    return tool(name, f"def run(self, request):\n    return {expression}", **metadata)


class Memory:
    """An Ask that gives the same pieces to each question, and remembers the questions."""

    def __init__(self, *pieces: str) -> None:
        self.pieces = pieces
        self.asked: list[Question] = []

    async def __call__(self, question, push) -> Answered:
        self.asked.append(question)
        for piece in self.pieces:
            push(piece)
        return Answered(Usage(3, len(self.pieces), 1), "tiny", "stop")


def settings(folder: Path, **values: object) -> Settings:
    return Settings.model_validate({"plugins": {"folder": folder, **values}})


def host_of(folder: Path, ask=None, seconds: float = 60, megabytes: int = 1024) -> PluginHost:
    limits = Limits(seconds, megabytes * 1_000_000)
    return PluginHost(lambda: discover(settings(folder)), limits, ask or Memory("a", "b"))
