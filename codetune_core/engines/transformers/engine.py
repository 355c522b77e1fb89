"""The engine ``transformers``: models of this machine, each in a process of its own."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from functools import partial
from typing import Self

from codetune_core.domain.execution import ModelIdentity, Role, Usage
from codetune_core.domain.text import encodable
from codetune_core.engines.protocol import Chunk, Done, Generation, HomeEngine, InfillingEngine
from codetune_core.engines.transformers.connection import OnProgress
from codetune_core.engines.transformers.hosts import Hosts
from codetune_core.engines.transformers.patience import Patience
from codetune_core.engines.transformers.tokens import count_tokens, load_tokenizer
from codetune_core.engines.transformers.wire import PROTOCOL, Finished, Generate, Ready, Status, Turn
from codetune_core.errors import EngineRefused
from codetune_core.models.adapters import split_adapter
from codetune_core.models.choose import load_plan, wanted
from codetune_core.models.hardware import detect, device
from codetune_core.models.load_plan import LoadPlan
from codetune_core.runtime.folder import runtime_folder
from codetune_core.sections import EngineSettings, ModelSettings
from codetune_core.settings import Settings

NAME = "transformers"
PlanFor = Callable[[str, Role], LoadPlan]
"""Says how a model is to be loaded: that of the role, where it has no name; raises SettingsError or EngineRefused."""


class TransformersEngine(HomeEngine, InfillingEngine):
    """Runs models of this machine; torch is never imported here, but in the model processes."""

    def __init__(self, plan_for: PlanFor, hosts: Hosts, wanted: Callable[[Role], str] = lambda _: "") -> None:
        """``wanted`` says the name that the settings give the model of a role, empty for none."""
        self._plan_for, self._hosts, self._wanted = plan_for, hosts, wanted
        self._plans: dict[ModelIdentity, LoadPlan] = {}

    @classmethod
    def from_settings(cls, settings: EngineSettings, everything: Settings) -> Self:
        """Prepare to load models; raises SettingsError where this system cannot."""
        hosts = hosts_from_settings(settings, everything)
        return cls(partial(load_plan, settings=everything), hosts, partial(wanted, settings=everything))

    async def model(self, name: str, role: Role = Role.GENERATION) -> ModelIdentity:
        _, adapter = split_adapter(name or self._wanted(role))
        plan = await asyncio.to_thread(self._plan_for, name, role)
        await asyncio.to_thread(load_tokenizer, plan.folder)
        identity = _identity(plan, adapter)
        self._plans[identity] = plan
        return identity

    async def generate(self, generation: Generation) -> AsyncGenerator[Chunk | Done]:
        plan = await self._plan(generation.model)
        async with aclosing(self._hosts.generate(plan, _request(generation))) as answers:
            async for answer in answers:
                yield _done(answer) if isinstance(answer, Finished) else Chunk(answer.text, answer.logprob)

    async def fills_in(self, model: ModelIdentity) -> bool:
        return (await self._plan(model)).spec.infill is not None

    def count_tokens(self, model: ModelIdentity, text: str) -> int:
        return count_tokens(self._plans[model].folder, text)

    async def load(self, name: str, role: Role = Role.GENERATION, on_progress: OnProgress | None = None) -> Ready:
        """Load a model, and say what it took; raises what ``generate`` raises."""
        plan = await self._plan(await self.model(name, role))
        return await (await self._hosts.connect(plan, on_progress)).ready()

    async def unload(self, name: str) -> int:
        """End every process of a model, also where requests run; return how many there were."""
        return await self._hosts.unload(name)

    async def loaded(self) -> list[Status]:
        """Return what every model process of this user says of itself."""
        return list((await self._hosts.loaded()).values())

    async def aclose(self) -> None:
        await self._hosts.aclose()

    async def _plan(self, model: ModelIdentity) -> LoadPlan:
        if model not in self._plans:
            await self.model(f"{model.name}+{model.adapter}" if model.adapter else model.name)
        try:
            return self._plans[model]
        except KeyError:
            raise EngineRefused(f"{model.name} is no longer what it was when it was asked for; ask again") from None


def hosts_from_settings(engine: EngineSettings, settings: Settings) -> Hosts:
    """Return the model processes of this user; raises SettingsError where this system can have none."""
    patience = Patience(engine.first_token_seconds, engine.gap_seconds)
    return Hosts(runtime_folder(f"codetune-{PROTOCOL}"), partial(_capacity, settings.models), patience)


def _capacity(settings: ModelSettings, name: str) -> int:
    """Memory of a device that models may take together, in bytes."""
    hardware = detect()
    if name == "cpu":
        settings = settings.model_copy(update={"device": "cpu"})
    return device(hardware, settings).budget


def _identity(plan: LoadPlan, adapter: str) -> ModelIdentity:
    return ModelIdentity(
        name=plan.spec.name,
        engine=NAME,
        context_tokens=plan.context_tokens,
        revision=plan.spec.revision,
        quantization=plan.quantization,
        adapter=adapter,
        source=plan.source,
    )


def _request(generation: Generation) -> Generate:
    decoding, infill = generation.decoding, generation.infill
    return Generate(
        id=0,  # the connection's to give
        messages=tuple(Turn(role=message.role, content=encodable(message.content)) for message in generation.messages),
        prefix=encodable(infill.prefix) if infill else None,
        suffix=encodable(infill.suffix) if infill else "",
        temperature=generation.temperature,
        max_tokens=generation.max_tokens,
        top_p=decoding.top_p,
        top_k=decoding.top_k,
        min_p=decoding.min_p,
        repetition_penalty=decoding.repetition_penalty,
        seed=None if decoding.seed is None else decoding.seed + generation.sample_index,
        stop=tuple(map(encodable, decoding.stop)),
        output_schema=None if generation.output_schema is None else dict(generation.output_schema),
        logprobs=generation.logprobs,
        adapter=generation.model.adapter,
        priority=generation.priority,
    )


def _done(answer: Finished) -> Done:
    usage = Usage(answer.prompt_tokens, answer.completion_tokens, answer.cached_prompt_tokens)
    return Done(usage, answer.finish_reason)
