"""The Engine protocol: a rendered prompt in, a stream of text out."""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Protocol

from pydantic import JsonValue

from codetune_core.domain.execution import FinishReason, Message, ModelIdentity, Priority, Role, Usage
from codetune_core.domain.prompt import Decoding
from codetune_core.sections import ModelPrice


@dataclass(frozen=True, slots=True)
class Infill:
    """Text to be continued after ``prefix``; with a ``suffix``, what stands between the two."""

    prefix: str
    suffix: str = ""


@dataclass(frozen=True, slots=True)
class Generation:
    """What an engine is asked for; nothing else may change its answer.

    Attributes:
        model: who shall answer.
        messages: the prompt; empty where there is an ``infill``.
        temperature: 0 takes the likeliest token each time.
        max_tokens: of the answer.
        decoding: how tokens are chosen beyond that.
        sample_index: 0, 1, ... for several answers to one question.
        infill: code to be continued or filled in, instead of messages.
        output_schema: JSON Schema that the answer must fill, all of it: reasoning outside of it is not wanted.
        logprobs: whether chunks tell how likely they were.
        priority: who goes first; never changes the answer.
    """

    model: ModelIdentity
    messages: tuple[Message, ...]
    temperature: float
    max_tokens: int
    decoding: Decoding
    sample_index: int = 0
    infill: Infill | None = None
    output_schema: Mapping[str, JsonValue] | None = None
    logprobs: bool = False
    priority: Priority = Priority.EXPLICIT


@dataclass(frozen=True, slots=True)
class Chunk:
    """The next piece of the answer; ``logprob`` is the natural logarithm of its probability, where it was asked for."""

    text: str
    logprob: float | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """The end of an answer; the last thing an engine yields.

    ``model`` is who answered, and ``reason`` why, where it is not the one that was asked.
    """

    usage: Usage
    finish_reason: FinishReason
    model: ModelIdentity | None = None
    reason: str = ""


class Engine(Protocol):
    """Runs models.

    ``generate`` yields Chunks and then one Done; closing the generator stops the generation. It raises an
    ExecutionError (`codetune_core.errors`) where the engine fails.
    """

    def generate(self, generation: Generation) -> AsyncGenerator[Chunk | Done]:
        """Stream an answer."""
        ...

    async def model(self, name: str, role: Role = Role.GENERATION) -> ModelIdentity:
        """Describe the model that the engine runs under this name; empty for the one that it uses for the role."""
        ...

    def count_tokens(self, model: ModelIdentity, text: str) -> int:
        """Length of a text in tokens, never too low."""
        ...

    async def aclose(self) -> None:
        """Stop what runs."""
        ...


class HomeEngine:
    """Base of an engine that asks nobody but processes of this machine."""


class ReplacingEngine(ABC):
    """An engine whose answer another model than the one that is asked may give."""

    @abstractmethod
    def may_answer(self, model: ModelIdentity) -> tuple[ModelIdentity, ...]:
        """Return this model, and all known ones that may answer in its place."""


def may_answer(engine: Engine, model: ModelIdentity) -> tuple[ModelIdentity, ...]:
    """Return all models that may answer where this one is asked, it being the first."""
    return engine.may_answer(model) if isinstance(engine, ReplacingEngine) else (model,)


class InfillingEngine(ABC):
    """An engine of which some models fill in code, by an ``infill`` of the Generation."""

    @abstractmethod
    async def fills_in(self, model: ModelIdentity) -> bool:
        """Say whether a model does, as far as can be known without asking it; raises what ``Engine.model`` raises."""


async def fills_in(engine: Engine, model: ModelIdentity) -> bool:
    """Say whether a model of an engine takes an ``infill``, instead of messages."""
    return isinstance(engine, InfillingEngine) and await engine.fills_in(model)


class PricedEngine(ABC):
    """An engine whose server tells what its models cost."""

    @abstractmethod
    def prices(self) -> tuple[ModelPrice, ...]:
        """Return the prices of the models that it was asked for, the newest first."""


def prices_of(engine: Engine) -> tuple[ModelPrice, ...]:
    """Return what an engine's server tells of prices; nothing where it tells nothing."""
    return engine.prices() if isinstance(engine, PricedEngine) else ()
