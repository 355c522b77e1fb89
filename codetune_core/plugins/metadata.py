"""What is known of a plugin before its code runs."""

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

INTERFACE = (1, 0)
"""Version of this module and `codetune_core.plugins.api`.

The first number is raised where plugins written for an older one cannot run, the second where something is added.
"""

Capability = Literal["model", "network", "files", "processes"]
"""What a plugin uses: models of the host, the network, files other than its own, programs that it starts."""


class Kind(StrEnum):
    """What a plugin gives."""

    TOOL = "tool"
    LLM = "llm"
    CODEGEN = "codegen"
    EMBEDDING = "embedding"
    DETECTOR = "detector"
    """Installed under the entry point group ``codetune.detectors``: it answers reviews, not runs."""


class ToolMetadata(BaseModel):
    """What is known of a plugin before its code runs: write it with literals, for it is read and not executed.

    Attributes:
        name: what users call it.
        description: one sentence on what it is for.
        version: its own.
        author: who to ask.
        tags: words to find it by.
        tasks: what it can be run for.
        capabilities: what it uses; what is not declared is refused.
        model: the model that it asks for unless told otherwise; empty for the one that is set.
        interface: version of this interface that it was written for.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.+-]*$", max_length=64)
    description: str = Field(default="", max_length=1000)
    version: str = Field(default="0", max_length=64)
    author: str = Field(default="", max_length=200)
    tags: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    capabilities: tuple[Capability, ...] = ()
    model: str = ""
    interface: str = Field(default="1.0", pattern=r"^[0-9]+[.][0-9]+$")

    @property
    def fits(self) -> bool:
        """Whether this CodeTune has the interface that the plugin needs."""
        major, minor = (int(part) for part in self.interface.split("."))
        return major == INTERFACE[0] and minor <= INTERFACE[1]
