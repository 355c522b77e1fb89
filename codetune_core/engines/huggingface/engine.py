"""The engine ``huggingface``: chat and text generation of Inference Providers and of dedicated Endpoints, streamed."""

import asyncio
import datetime as dt
from collections.abc import AsyncGenerator
from functools import cached_property, partial
from typing import Any, Self

from codetune_core.domain.execution import ModelIdentity, Role, Usage
from codetune_core.engines.huggingface.endpoint import describe
from codetune_core.engines.huggingface.fresh import Fresh
from codetune_core.engines.huggingface.listing import Listed, read_listing
from codetune_core.engines.huggingface.reading import ChatReading, Reading, TextReading
from codetune_core.engines.huggingface.request import chat_parameters, infill_prompt, text_parameters
from codetune_core.engines.huggingface.session import Session
from codetune_core.engines.protocol import Chunk, Done, Generation, InfillingEngine, PricedEngine
from codetune_core.engines.token_bound import token_bound
from codetune_core.errors import EngineLost, EngineRefused, EngineUnusable
from codetune_core.models.catalogue import Catalogue, read_catalogue
from codetune_core.models.choose import wanted
from codetune_core.models.spec import InfillTokens
from codetune_core.sections import EngineSettings, ModelPrice
from codetune_core.settings import Settings

_LIST_SECONDS, _ENDPOINT_SECONDS = 3600, 60
"""After this it is asked again who serves which model."""
_TAIL_SECONDS = 5
"""How long to wait for the usage after an answer that is complete."""
_TOKENS_PER_MESSAGE = 8


class HuggingFaceEngine(PricedEngine, InfillingEngine):
    """Asks Inference Providers through their router, or with ``base_url`` a dedicated Endpoint."""

    def __init__(self, session: Session, settings: Settings) -> None:
        self._session = session
        self._settings = settings
        self._listing = Fresh(partial(read_listing, session), _LIST_SECONDS)
        self._endpoint = Fresh(partial(describe, session), _ENDPOINT_SECONDS)
        self._prices: dict[str, list[ModelPrice]] = {}

    @classmethod
    def from_settings(cls, settings: EngineSettings, everything: Settings) -> Self:
        """Connect to nobody yet; raises SettingsError for settings that cannot be used."""
        return cls(Session(settings), everything)

    async def generate(self, generation: Generation) -> AsyncGenerator[Chunk | Done]:
        name = generation.model.name
        method, parameters, reading = await self._call(generation)
        url = "" if self._session.is_router else self._url(infill=generation.infill is not None)
        written, clock = 0, asyncio.get_running_loop().time
        async with self._session.client(name, url) as client:
            deadline = self._session.first_deadline
            events = await self._session.started(lambda: getattr(client, method)(**parameters), deadline)
            has_begun = False
            while (event := await self._event(events, reading, deadline, has_begun=has_begun)) is not None:
                for chunk in reading.take(event):
                    written += token_bound(chunk.text)
                    yield chunk
                if reading.heard:
                    has_begun, deadline = True, clock() + self._session.asked.gap_seconds
        if reading.finish_reason is None:
            raise EngineLost(f"{self._session.address.base_url} hung up before its answer was complete")
        for chunk in reading.rest():
            yield chunk
        yield Done(reading.usage or Usage(_prompt_bound(generation), written), reading.finish_reason)

    async def model(self, name: str, role: Role = Role.GENERATION) -> ModelIdentity:
        """Describe a model, ``id`` or ``id:provider``; raises EngineRefused where nobody serves it."""
        asked = name or self._session.asked.model
        if not self._session.is_router:
            return (await self._endpoint.get()).identity(asked)
        asked = asked or wanted(role, self._settings)
        if not asked:
            raise EngineUnusable(
                "the engine huggingface needs engine.model: an id such as Qwen/Qwen2.5-Coder-32B-Instruct"
            )
        listed = await self._listed(asked)
        self._note_price(listed)
        return listed.identity

    async def fills_in(self, model: ModelIdentity) -> bool:
        if self._session.is_router or not (await self._endpoint.get()).generates_text:
            return False
        return self._infill_tokens(model.name) is not None

    def prices(self) -> tuple[ModelPrice, ...]:
        return tuple(price for prices in self._prices.values() for price in prices)

    def count_tokens(self, model: ModelIdentity, text: str) -> int:  # noqa: ARG002 - providers offer no tokenizer
        return token_bound(text)

    async def aclose(self) -> None:
        await self._session.aclose()

    async def _call(self, generation: Generation) -> tuple[str, dict[str, Any], Reading]:
        """Return the client's method for a generation, its parameters, and what reads its answer."""
        if generation.infill:
            prompt = await self._infill_prompt(generation)
            return "text_generation", text_parameters(generation, prompt), TextReading(generation.decoding.stop)
        name, constrain = generation.model.name, True
        if self._session.is_router and generation.output_schema:
            able = (await self._listed(name)).constrained_name
            name, constrain = able or name, able is not None
        parameters = chat_parameters(generation, name, constrain=constrain, endpoint=not self._session.is_router)
        return "chat_completion", parameters, ChatReading()

    async def _infill_prompt(self, generation: Generation) -> str:
        instead = "use the engine transformers or openai for completions"
        if self._session.is_router:
            raise EngineUnusable(f"Inference Providers offer chat only, no text to be continued: {instead}")
        if not (await self._endpoint.get()).generates_text:
            raise EngineUnusable(
                f"the Endpoint offers chat only, no text generation: {instead}, it may know the address"
            )
        name = generation.model.name
        prompt = infill_prompt(generation, self._infill_tokens(name))
        if prompt is None:
            raise EngineRefused(f"it is not known how {name} fills in: add its infill tokens to your models.yaml")
        return prompt

    def _infill_tokens(self, name: str) -> InfillTokens | None:
        spec = self._catalogue.named(name.partition(":")[0])
        return spec.infill if spec else None

    async def _event(self, events: Any, reading: Reading, deadline: float, *, has_begun: bool) -> Any:
        """Return the next event, or None at the end; what fails after a complete answer is no failure."""
        if reading.finish_reason:
            deadline = asyncio.get_running_loop().time() + _TAIL_SECONDS
        try:
            return await self._session.within(anext(events, None), deadline, has_begun=has_begun)
        except Exception:
            if reading.finish_reason:
                return None
            raise

    def _note_price(self, listed: Listed) -> None:
        """Keep a price and, where it changes, the one before it, for what was asked on the days before."""
        price, known = listed.price(dt.datetime.now(dt.UTC).date()), self._prices.setdefault(listed.name, [])
        if price and not (known and known[0].model_copy(update={"valid_from": price.valid_from}) == price):
            known.insert(0, price)

    async def _listed(self, name: str) -> Listed:
        spec = self._catalogue.named(name)
        return (await self._listing.get()).find(spec.id if spec else name, self._session.asked.provider)

    def _url(self, *, infill: bool) -> str:
        return self._session.address.root if infill else self._session.address.base_url

    @cached_property
    def _catalogue(self) -> Catalogue:
        return read_catalogue(self._settings.models)


def _prompt_bound(generation: Generation) -> int:
    texts = [message.content for message in generation.messages]
    if generation.infill:
        texts = [generation.infill.prefix, generation.infill.suffix]
    return sum(token_bound(text) + _TOKENS_PER_MESSAGE for text in texts)
