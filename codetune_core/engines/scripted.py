"""The engine ``scripted``: replays given answers, with given timing and faults, in place of a model."""

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from typing import Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from codetune_core.domain.execution import ErrorKind, FinishReason, ModelIdentity, Role, Usage
from codetune_core.engines.protocol import Chunk, Done, Generation, HomeEngine, InfillingEngine
from codetune_core.errors import EngineRefused, ExecutionError, SettingsError
from codetune_core.sections import EngineSettings
from codetune_core.settings import Settings

_TOKEN = re.compile(r"\s*\S+|\s+\Z")
_CHARS_PER_TOKEN = 2
"""No tokenizer in use needs more tokens than this for source code; the count must never be too low."""
_MOST_ASKED = 1000
"""Generations are remembered, so that a service may run on a script for long."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Fault(_Part):
    """What goes wrong, and when."""

    kind: ErrorKind
    """``internal`` raises what no engine should."""
    after_tokens: int = Field(default=0, ge=0)
    message: str = "the script says so"


class Reply(_Part):
    """What is answered; several answers are for several samples."""

    answers: tuple[str | tuple[str, ...], ...] = ("",)
    """Texts, or lists of tokens; a text is split before its white space."""
    delay_ms: float = Field(default=0, ge=0)
    """Before the first token."""
    token_delay_ms: float = Field(default=0, ge=0)
    """Before each later one."""
    fault: Fault | None = None
    usage: Usage | None = None
    """Unset for the lengths counted."""
    finish_reason: FinishReason = "stop"


class Rule(Reply):
    """A reply for the prompts that match; with both, both must."""

    contains: str = ""
    pattern: str = ""
    """A regular expression, searched over all messages."""

    def matches(self, prompt: str) -> bool:
        """Whether this rule is about a prompt."""
        return self.contains in prompt and re.search(self.pattern, prompt) is not None


class Script(_Part):
    """All that the engine knows: its models, the first being its default, and what they answer."""

    models: tuple[ModelIdentity, ...] = (ModelIdentity("scripted", "scripted", 32_768),)
    infill: bool = False
    """Whether its models fill in; rules are then about the prefix and the suffix, one after the other."""
    rules: tuple[Rule, ...] = ()
    """The first that matches holds."""
    default: Reply | None = None
    """Where no rule matches; unset to refuse."""


class ScriptedEngine(HomeEngine, InfillingEngine):
    """Answers from a script, the same each time.

    Where a reply has several answers, sample n gets the n-th; what is drawn at a temperature above 0 without a seed
    goes one further each time it is drawn.

    Attributes:
        started, finished, failed, cancelled: how many generations did.
        asked: the last generations, in order.
        gate: awaited before each token with its index from 0, and once after the last; holds the engine where a test
            wants it.
    """

    def __init__(self, script: Script, gate: Callable[[int], Awaitable[object]] | None = None) -> None:
        self._script = script
        self.gate = gate
        self.started = self.finished = self.failed = self.cancelled = 0
        self.asked: list[Generation] = []
        self._drawn: dict[int, int] = {}

    @classmethod
    def from_settings(cls, settings: EngineSettings, everything: Settings) -> Self:  # noqa: ARG003 - the script is all
        """Read the script that the settings name; raises SettingsError."""
        if settings.script is None:
            raise SettingsError("the engine scripted needs engine.script: the path of its YAML file")
        return cls(read_script(settings.script))

    async def generate(self, generation: Generation) -> AsyncGenerator[Chunk | Done]:
        self.started += 1
        self.asked.append(generation)
        del self.asked[:-_MOST_ASKED]
        try:
            async for item in self._play(generation):
                yield item
        except (GeneratorExit, asyncio.CancelledError):
            self.cancelled += 1
            raise
        except BaseException:
            self.failed += 1
            raise
        self.finished += 1

    async def _play(self, generation: Generation) -> AsyncGenerator[Chunk | Done]:
        prompt = _prompt(generation)
        reply = self._reply(prompt)
        tokens = self._tokens(reply, generation)
        for index, token in enumerate(tokens[: generation.max_tokens]):
            await self._wait(reply, index)
            yield Chunk(token)
        await self._wait(reply, min(len(tokens), generation.max_tokens))
        usage = Usage(self.count_tokens(generation.model, prompt), min(len(tokens), generation.max_tokens))
        cut = len(tokens) > generation.max_tokens
        yield Done(reply.usage or usage, "length" if cut else reply.finish_reason)

    def _reply(self, prompt: str) -> Reply:
        reply = next((rule for rule in self._script.rules if rule.matches(prompt)), self._script.default)
        if reply is None:
            raise EngineRefused("the script has no rule for this prompt, and no default")
        return reply

    def _tokens(self, reply: Reply, generation: Generation) -> list[str]:
        number = generation.sample_index
        if generation.temperature > 0 and generation.decoding.seed is None:
            number += self._drawn.get(id(reply), 0)
            self._drawn[id(reply)] = self._drawn.get(id(reply), 0) + 1
        answer = reply.answers[number % len(reply.answers)]
        return _TOKEN.findall(answer) if isinstance(answer, str) else list(answer)

    async def _wait(self, reply: Reply, index: int) -> None:
        if reply.fault and reply.fault.after_tokens == index:
            raise _error(reply.fault)
        if self.gate:
            await self.gate(index)
        await asyncio.sleep((reply.token_delay_ms if index else reply.delay_ms) / 1000)

    async def model(self, name: str, role: Role = Role.GENERATION) -> ModelIdentity:  # noqa: ARG002 - has one for all
        known = {model.name: model for model in reversed(self._script.models)}
        try:
            return known[name] if name else self._script.models[0]
        except KeyError:
            raise EngineRefused(f"the script has no model {name!r}; it has {', '.join(known)}") from None

    async def fills_in(self, model: ModelIdentity) -> bool:  # noqa: ARG002 - all or none
        return self._script.infill

    def count_tokens(self, model: ModelIdentity, text: str) -> int:  # noqa: ARG002 - the protocol's
        return -(-len(text.encode("utf-8", "surrogatepass")) // _CHARS_PER_TOKEN)

    async def aclose(self) -> None:
        """Nothing runs that outlives its generator."""


def read_script(path: Path) -> Script:
    """Read a script from YAML; raises SettingsError."""
    try:
        return Script.model_validate(yaml.safe_load(path.read_text("utf-8")) or {})
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SettingsError(f"engine.script: {path} cannot be read: {error}") from error
    except ValidationError as error:
        raise SettingsError(f"engine.script: {path} is no script: {error}") from error


def _prompt(generation: Generation) -> str:
    if infill := generation.infill:
        return infill.prefix + infill.suffix
    return "\n".join(message.content for message in generation.messages)


def _error(fault: Fault) -> Exception:
    kinds: dict[str, type[Exception]] = {error.kind: error for error in ExecutionError.__subclasses__()}
    return kinds.get(fault.kind, RuntimeError)(fault.message)
