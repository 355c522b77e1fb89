"""Vectors and scores by models of this machine, each in a process of its own."""

import asyncio
import base64
from collections.abc import Callable, Coroutine, Iterator, Sequence
from functools import partial
from typing import Any, Self, TypeVar

import numpy as np

from codetune_core.domain.execution import ModelIdentity, Priority, Role
from codetune_core.domain.text import encodable
from codetune_core.engines.embedding import Vectors
from codetune_core.engines.transformers.engine import NAME, PlanFor, hosts_from_settings
from codetune_core.engines.transformers.hosts import Hosts
from codetune_core.engines.transformers.wire import Embed, Score
from codetune_core.errors import EngineRefused
from codetune_core.models.choose import load_plan, wanted
from codetune_core.models.load_plan import LoadPlan
from codetune_core.sections import EngineSettings
from codetune_core.settings import Settings

_MOST_TEXTS, _MOST_CHARS = 256, 1_000_000
"""Of one frame."""
_Told = TypeVar("_Told")


class _Local:
    """Finds out how a model is loaded."""

    def __init__(self, plan_for: PlanFor, hosts: Hosts, wanted: Callable[[Role], str] = lambda _: "") -> None:
        """``wanted`` says the name that the settings give the model of a role, empty for none."""
        self._plan_for, self._hosts, self._wanted = plan_for, hosts, wanted
        self._plans: dict[ModelIdentity, LoadPlan] = {}

    @classmethod
    def from_settings(cls, settings: EngineSettings, everything: Settings) -> Self:
        """Prepare to load models; raises SettingsError where this installation or system cannot."""
        hosts = hosts_from_settings(settings, everything)
        return cls(partial(load_plan, settings=everything), hosts, partial(wanted, settings=everything))

    async def aclose(self) -> None:
        """Hang up."""
        await self._hosts.aclose()

    async def _described(self, name: str, role: Role) -> ModelIdentity:
        plan = await asyncio.to_thread(self._plan_for, name or self._wanted(role), role)
        spec = plan.spec
        identity = ModelIdentity(
            spec.name, NAME, plan.context_tokens, spec.revision, plan.quantization, source=plan.source
        )
        self._plans[identity] = plan
        return identity

    async def _plan(self, model: ModelIdentity, role: Role) -> LoadPlan:
        if model not in self._plans:
            await self._described(model.name, role)
        if model not in self._plans:
            raise EngineRefused(f"{model.name} is no longer what it was when it was asked for; ask again")
        return self._plans[model]


class LocalEmbedder(_Local):
    """Texts to vectors; what is longer than the model takes is cut at its end."""

    async def model(self, name: str, role: Role = Role.EMBEDDING) -> ModelIdentity:
        return await self._described(name, role)

    async def embed(self, model: ModelIdentity, texts: Sequence[str], priority: Priority) -> Vectors:
        if not texts:
            return np.zeros((0, 0), np.float32)
        plan = await self._plan(model, Role.EMBEDDING)
        requests = [Embed(id=0, texts=part, priority=priority) for part in _parts(texts)]
        parts = await _together([self._hosts.embed(plan, request) for request in requests])
        vectors = [np.frombuffer(base64.b64decode(part.data), "<f4").reshape(-1, part.dimensions) for part in parts]
        return np.concatenate(vectors).astype(np.float32, copy=False)


class LocalReranker(_Local):
    """How well texts answer a query, by a cross-encoder; what is longer than the model takes is cut at its end."""

    async def model(self, name: str, role: Role = Role.RERANK) -> ModelIdentity:
        return await self._described(name, role)

    async def score(self, model: ModelIdentity, query: str, texts: Sequence[str], priority: Priority) -> list[float]:
        if not texts:
            return []
        plan = await self._plan(model, Role.RERANK)
        asked = encodable(query)
        requests = [Score(id=0, query=asked, texts=part, priority=priority) for part in _parts(texts)]
        parts = await _together([self._hosts.score(plan, request) for request in requests])
        return [score for part in parts for score in part.scores]


async def _together(asked: Sequence[Coroutine[Any, Any, _Told]]) -> list[_Told]:
    """Return all answers in order; the first failure cancels the rest."""
    tasks = [asyncio.create_task(each) for each in asked]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


def _parts(texts: Sequence[str]) -> Iterator[tuple[str, ...]]:
    part: list[str] = []
    room = _MOST_CHARS
    for text in map(encodable, texts):
        if part and (len(part) == _MOST_TEXTS or len(text) > room):
            yield tuple(part)
            part, room = [], _MOST_CHARS
        part.append(text)
        room -= len(text)
    yield tuple(part)
