"""The engine ``openai``: chat, completions and infill of any server with OpenAI's interface, streamed."""

import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial
from typing import Self

from codetune_core.domain.execution import ModelIdentity, Role, Usage
from codetune_core.engines.openai.answer import Reading
from codetune_core.engines.openai.connect import connect
from codetune_core.engines.openai.constraint import Constraints
from codetune_core.engines.openai.infill import Call, infill_call
from codetune_core.engines.openai.models import Models
from codetune_core.engines.openai.request import Body, chat_body
from codetune_core.engines.protocol import Chunk, Done, Generation, InfillingEngine
from codetune_core.engines.refused_fields import RefusedFields
from codetune_core.engines.streaming import pieces
from codetune_core.engines.token_bound import token_bound
from codetune_core.http.refusals import BadStatus
from codetune_core.http.server import HttpServer
from codetune_core.sections import EngineSettings
from codetune_core.settings import Settings

_CHAT = "chat/completions"
_OWN_INFILL = "/infill"
_ABOUT_SCHEMA = re.compile(r"schema|response_format|grammar|json|guided|structured", re.IGNORECASE)
_REFUSED = {400, 422, 501}


class OpenAIEngine(InfillingEngine):
    """Answers from one server.

    What its server turns out not to take is left out from then on: a field (said once in the log), a schema, the infill
    of llama.cpp. ``completion_tokens`` and ``prompt_tokens`` are the server's, or upper bounds where it does not count.
    """

    def __init__(self, http: HttpServer, models: Models) -> None:
        self._http = http
        self._models = models
        self._constraints = Constraints()
        self._fields = RefusedFields()
        self._without_infill: set[str] = set()

    @classmethod
    def from_settings(cls, settings: EngineSettings, everything: Settings) -> Self:
        """Connect to nobody yet; raises SettingsError for an address or a certificate that cannot be used."""
        http = connect(settings)
        return cls(http, Models(http, settings, everything))

    async def generate(self, generation: Generation) -> AsyncGenerator[Chunk | Done]:
        try:
            async with aclosing(self._until_taken(generation)) as items:
                async for item in items:
                    yield item
        except BadStatus as refusal:
            raise await self._models.meaning(generation.model.name, refusal) from refusal

    async def model(self, name: str, role: Role = Role.GENERATION) -> ModelIdentity:
        return await self._models.identity(name, role)

    async def fills_in(self, model: ModelIdentity) -> bool:
        with self._http.in_words():
            return await self._models.fills_in(model.name, has_own=model.name not in self._without_infill)

    def count_tokens(self, model: ModelIdentity, text: str) -> int:  # noqa: ARG002 - the bound holds for each
        return token_bound(text)

    async def aclose(self) -> None:
        await self._http.aclose()

    async def _until_taken(self, generation: Generation) -> AsyncGenerator[Chunk | Done]:
        """Ask again, without it, where the server refuses a part of the request that can be left out."""
        while True:
            call = await self._call(generation)
            body = self._fields.without(generation.model.name, call.body)
            reading, written = Reading(), list[str]()
            try:
                async with aclosing(self._chunks(call.path, body, reading)) as chunks:
                    async for chunk in chunks:
                        written.append(chunk.text)
                        yield chunk
            except BadStatus as refusal:
                if written or not self._learns(generation, Call(call.path, body), refusal):
                    raise
                continue
            yield _done(generation, reading, "".join(written))
            return

    async def _call(self, generation: Generation) -> Call:
        kind, name = await self._models.kind(), generation.model.name
        if infill := generation.infill:
            spec, has_own = await self._models.spec(name), name not in self._without_infill
            return infill_call(generation, infill, kind, spec.infill if spec else None, has_own=has_own)
        body = chat_body(generation, kind)
        if schema := generation.output_schema:
            body |= await self._constraints.fields(name, kind, schema, partial(self._chunks, _CHAT))
        return Call(_CHAT, body)

    def _chunks(self, path: str, body: Body, reading: Reading) -> AsyncGenerator[Chunk]:
        address = self._http.address
        url = address.root + path if path.startswith("/") else f"{address.base_url}/{path}"
        return pieces(self._http, url, body, reading)

    def _learns(self, generation: Generation, call: Call, refusal: BadStatus) -> bool:
        """Note what a refusal is about; return whether the generation can be asked for without it."""
        name, said = generation.model.name, f"{refusal.code} {refusal.param} {refusal.message}"
        if refusal.is_too_long:
            return False
        if self._fields.learn(name, call.body, refusal):
            return True
        if call.path == _OWN_INFILL and (refusal.status in {404, 501} or "infill" in said):
            self._without_infill.add(name)
            return True
        if generation.output_schema and refusal.status in _REFUSED and _ABOUT_SCHEMA.search(said):
            return self._constraints.refuse(name, generation.output_schema)
        return False


def _done(generation: Generation, reading: Reading, text: str) -> Done:
    prompt = [message.content for message in generation.messages]
    if generation.infill:
        prompt = [generation.infill.prefix, generation.infill.suffix]
    counted = Usage(sum(map(token_bound, prompt)), token_bound(text))
    return Done(reading.usage or counted, reading.finish_reason or "stop")
