"""The Engine protocol: a rendered prompt in, a stream of text out."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Protocol

from codetune_core.domain.execution import FinishReason, Message, ModelIdentity, Usage
from codetune_core.domain.prompt import Decoding


@dataclass(frozen=True, slots=True)
class Generation:
    """What an engine is asked for; nothing else may change its answer."""

    model: ModelIdentity
    messages: tuple[Message, ...]
    temperature: float
    max_tokens: int
    decoding: Decoding
    sample_index: int = 0


@dataclass(frozen=True, slots=True)
class Chunk:
    """The next piece of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Done:
    """The end of an answer; the last thing an engine yields."""

    usage: Usage
    finish_reason: FinishReason


class Engine(Protocol):
    """Runs models.

    ``generate`` yields Chunks and then one Done; closing the generator stops the generation. It raises an
    ExecutionError (`codetune_core.errors`) where the engine fails.
    """

    def generate(self, generation: Generation) -> AsyncGenerator[Chunk | Done]:
        """Stream an answer."""
        ...

    async def model(self, name: str) -> ModelIdentity:
        """Describe the model that the engine runs under this name; empty for its default."""
        ...

    def count_tokens(self, model: ModelIdentity, text: str) -> int:
        """Length of a text in tokens, never too low."""
        ...

    async def aclose(self) -> None:
        """Stop what runs."""
        ...
