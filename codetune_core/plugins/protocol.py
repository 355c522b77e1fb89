"""How a plugin's questions reach a model: the seam between the plugins and whatever answers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from codetune_core.domain.execution import FinishReason, Message, Usage


@dataclass(frozen=True, slots=True)
class Question:
    """What a plugin asks a model.

    Attributes:
        plugin: who asks.
        task: what it was run for.
        messages: the prompt; empty where a text is to be continued.
        prefix: the text to be continued, None where there are messages.
        suffix: what follows the continuation.
        model: who shall answer; empty for the one that is set.
        max_tokens: of the answer.
        temperature: 0 takes the likeliest token each time.
        stop: texts that end the answer.
        seed: None for any.
    """

    plugin: str
    task: str
    messages: tuple[Message, ...] = ()
    prefix: str | None = None
    suffix: str = ""
    model: str = ""
    max_tokens: int = 1024
    temperature: float = 0
    stop: tuple[str, ...] = ()
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """How an answer ended, and who gave it."""

    usage: Usage
    model: str
    finish_reason: FinishReason


class Ask(Protocol):
    """Asks a model.

    Raises an ExecutionError where it fails, and another CodeTuneError where nobody can be asked.
    """

    async def __call__(self, question: Question, push: Callable[[str], None]) -> Answered:
        """Hand each piece of the answer to ``push``; cancelling stops the generation."""
        ...
