"""Engines, embedders and rerankers behind the outbound gate: what they send elsewhere leaves by it."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING

from codetune_core.domain.execution import ModelIdentity, Priority, Role
from codetune_core.engines.protocol import (
    Chunk,
    Done,
    Engine,
    Generation,
    HomeEngine,
    InfillingEngine,
    PricedEngine,
    ReplacingEngine,
    fills_in,
    may_answer,
    prices_of,
)
from codetune_core.errors import CodeTuneError
from codetune_core.http.passage import steps, through
from codetune_core.outbound.gate import Gate
from codetune_core.outbound.origin import Origin, origin
from codetune_core.sections import ModelPrice

if TYPE_CHECKING:
    from codetune_core.engines.embedding import Embedder, Reranker, Vectors


class GuardedEngine(PricedEngine, ReplacingEngine, InfillingEngine):
    """An engine, or a chain of them, of which any may ask another machine.

    What stays on this machine is left as it is; what leaves has placeholders for its secrets, which are restored in the
    answer. Tokens are counted, and prices taken, of what was asked.
    """

    def __init__(self, engine: Engine, gate: Gate) -> None:
        self._engine = engine
        self._gate = gate

    async def generate(self, generation: Generation) -> AsyncGenerator[Chunk | Done]:
        passage = self._gate.passage(origin())
        restorer = None
        try:
            async with aclosing(steps(self._engine.generate(generation), passage)) as items:
                async for item in items:
                    # Made with the first piece: by then all that this answer answers was sent.
                    restorer = restorer or passage.restorer(as_json=generation.output_schema is not None)
                    if isinstance(item, Chunk):
                        if (text := restorer.feed(item.text)) == item.text:
                            yield item
                        elif text:
                            yield Chunk(text)
                        continue
                    if held := restorer.end():
                        yield Chunk(held)
                    yield replace(item, reason=restorer.text(item.reason))
        except CodeTuneError as error:
            passage.restored(error)
            raise

    async def model(self, name: str, role: Role = Role.GENERATION) -> ModelIdentity:
        with through(self._gate.passage(origin())):
            return await self._engine.model(name, role)

    async def fills_in(self, model: ModelIdentity) -> bool:
        with through(self._gate.passage(origin())):
            return await fills_in(self._engine, model)

    def count_tokens(self, model: ModelIdentity, text: str) -> int:
        return self._engine.count_tokens(model, text)

    def may_answer(self, model: ModelIdentity) -> tuple[ModelIdentity, ...]:
        return may_answer(self._engine, model)

    def prices(self) -> tuple[ModelPrice, ...]:
        return prices_of(self._engine)

    async def aclose(self) -> None:
        await self._engine.aclose()


def guarded(engine: Engine, gate: Gate) -> Engine:
    """Return the engine behind the gate; as it is where it asks nobody but processes of this machine."""
    return engine if isinstance(engine, HomeEngine) else GuardedEngine(engine, gate)


class GuardedEmbedder:
    """An embedder that may ask another machine."""

    def __init__(self, embedder: "Embedder", gate: Gate) -> None:
        self._embedder = embedder
        self._gate = gate

    async def model(self, name: str, role: Role = Role.EMBEDDING) -> ModelIdentity:
        with through(self._gate.passage(_to("embed"))):
            return await self._embedder.model(name, role)

    async def embed(self, model: ModelIdentity, texts: Sequence[str], priority: Priority) -> "Vectors":
        passage = self._gate.passage(_to("embed"))
        try:
            with through(passage):
                return await self._embedder.embed(model, texts, priority)
        except CodeTuneError as error:
            passage.restored(error)
            raise

    async def aclose(self) -> None:
        await self._embedder.aclose()


class GuardedReranker:
    """A reranker that may ask another machine."""

    def __init__(self, reranker: "Reranker", gate: Gate) -> None:
        self._reranker = reranker
        self._gate = gate

    async def model(self, name: str, role: Role = Role.RERANK) -> ModelIdentity:
        with through(self._gate.passage(_to("rerank"))):
            return await self._reranker.model(name, role)

    async def score(self, model: ModelIdentity, query: str, texts: Sequence[str], priority: Priority) -> list[float]:
        passage = self._gate.passage(_to("rerank"))
        try:
            with through(passage):
                return await self._reranker.score(model, query, texts, priority)
        except CodeTuneError as error:
            passage.restored(error)
            raise

    async def aclose(self) -> None:
        await self._reranker.aclose()


def _to(purpose: str) -> Origin:
    known = origin()
    return known if known.purpose else replace(known, purpose=purpose)
