"""What an OpenAI-compatible server is, and which models it has, as far as it tells."""

import asyncio
import re
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from codetune_core.domain.execution import Role
from codetune_core.errors import EngineLost, EngineTimeout
from codetune_core.http.refusals import BadStatus
from codetune_core.http.server import HttpServer

_ASIDE_SECONDS = 5
"""For what only some servers answer."""
_CONTEXT_FIELDS = ("max_model_len", "loaded_context_length", "context_length", "context_window", "max_context_length")
_OLLAMA_CONTEXT = 4096
"""What Ollama loads a model with unless its Modelfile or OLLAMA_CONTEXT_LENGTH says otherwise: it cuts longer prompts
off in silence, so a guess must not be too high."""
_NO_CHAT = ("embed", "rerank", "bge-", "minilm", "whisper", "tts-", "dall-e", "moderation")
_ROLE_PARTS = {Role.EMBEDDING: ("embed", "bge-", "minilm", "gte-", "e5-"), Role.RERANK: ("rerank", "cross-encoder")}


class Kind(StrEnum):
    """Which program or service answers, where that is known; it decides what it is sent beyond OpenAI's own fields."""

    OPENAI = "OpenAI"
    ROUTER = "Hugging Face"
    VLLM = "vLLM"
    SGLANG = "SGLang"
    LLAMA_CPP = "llama.cpp"
    OLLAMA = "Ollama"
    LM_STUDIO = "LM Studio"
    OTHER = "other"


_OWNERS = {
    "vllm": Kind.VLLM,
    "sglang": Kind.SGLANG,
    "llamacpp": Kind.LLAMA_CPP,
    "library": Kind.OLLAMA,
    "organization_owner": Kind.LM_STUDIO,
}
"""What ``/v1/models`` names as the owner of a model -> who writes that there."""


@dataclass(frozen=True, slots=True)
class ServerModel:
    """A model of a server; ``context_tokens`` is None where the server does not tell, ``revision`` empty."""

    name: str
    context_tokens: int | None = None
    revision: str = ""
    is_loaded: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """A server's kind and its models, in its order; none where it does not list them."""

    kind: Kind
    models: tuple[ServerModel, ...]

    def find(self, name: str) -> ServerModel | None:
        """Return the model of a name: exactly, or as the only one that differs in capitals, owner or tag."""
        for model in self.models:
            if model.name == name:
                return model
        near = [model for model in self.models if _plain(model.name) == _plain(name)]
        return near[0] if len(near) == 1 else None

    def first(self, role: Role) -> ServerModel | None:
        """Return the model to be used for a role where none is named: one that is loaded before one that is not."""
        parts = _ROLE_PARTS.get(role)
        fitting = [
            model
            for model in self.models
            if any(part in model.name.lower() for part in parts or _NO_CHAT) == bool(parts)
        ]
        if parts and not fitting and len(self.models) == 1:
            return self.models[0]
        return next((model for model in fitting if model.is_loaded), fitting[0] if fitting else None)

    def names(self) -> str:
        """Return the models' names for a message."""
        most = 20
        shown = ", ".join(model.name for model in self.models[:most])
        more = len(self.models) - most
        return f"it has {shown}{f' and {more:,} more' if more > 0 else ''}" if shown else "it lists no models"


def _plain(name: str) -> str:
    return name.rpartition("/")[2].removesuffix(":latest").lower()


async def look(http: HttpServer) -> Listing:
    """Ask a server for its models; raises BadStatus where it wants another key, and an ExecutionError where it is lost.

    A server that does not list its models is of the kind ``other``.
    """
    try:
        answered = await http.get(f"{http.address.base_url}/models")
    except BadStatus as refusal:
        if refusal.status in {401, 403, 429, 503}:
            raise
        answered = {}
    cards = [card for card in _list(answered, "data") if isinstance(card.get("id"), str)]
    kind = await _kind(http, cards)
    models = tuple(ServerModel(card["id"], _context(card)) for card in cards)
    return await _detailed(http, Listing(kind, models))


async def _kind(http: HttpServer, cards: list[dict[str, Any]]) -> Kind:
    host = http.address.host
    if host == "api.openai.com" or host.endswith(".openai.azure.com"):
        return Kind.OPENAI
    if host == "router.huggingface.co":
        return Kind.ROUTER
    for card in cards:
        if kind := _OWNERS.get(str(card.get("owned_by"))):
            return kind
    told = await _aside(http.get(f"{http.address.root}/api/version", _ASIDE_SECONDS))
    return Kind.OLLAMA if "version" in told else Kind.OTHER


def _context(card: Mapping[str, Any]) -> int | None:
    """Read the context of a model's card; of several providers, the shortest."""
    found = [card.get(name) for name in _CONTEXT_FIELDS]
    found += [provider.get("context_length") for provider in _list(card, "providers")]
    lengths = [length for length in found if isinstance(length, int) and length > 0]
    return min(lengths) if lengths else None


async def _detailed(http: HttpServer, listing: Listing) -> Listing:
    """Add what a server tells in its own interface."""
    match listing.kind:
        case Kind.LLAMA_CPP:
            return _each(listing, context_tokens=await _llama_cpp_context(http))
        case Kind.LM_STUDIO:
            told = await _aside(http.get(f"{http.address.root}/api/v0/models", _ASIDE_SECONDS))
            cards = {card.get("id"): card for card in _list(told, "data")}
            models = (_of_lm_studio(model, cards.get(model.name, {})) for model in listing.models)
            return replace(listing, models=tuple(models))
        case Kind.OLLAMA:
            return await _of_ollama(http, listing)
    return listing


def _each(listing: Listing, *, context_tokens: int | None) -> Listing:
    models = (replace(model, context_tokens=context_tokens or model.context_tokens) for model in listing.models)
    return replace(listing, models=tuple(models))


async def _llama_cpp_context(http: HttpServer) -> int | None:
    told = await _aside(http.get(f"{http.address.root}/props", _ASIDE_SECONDS))
    defaults = told.get("default_generation_settings")
    context = defaults.get("n_ctx") if isinstance(defaults, dict) else None
    return context if isinstance(context, int) and context > 0 else None


def _of_lm_studio(model: ServerModel, card: Mapping[str, Any]) -> ServerModel:
    return replace(
        model, context_tokens=_context(card) or model.context_tokens, is_loaded=card.get("state") == "loaded"
    )


async def _of_ollama(http: HttpServer, listing: Listing) -> Listing:
    root = http.address.root
    tags, running = await asyncio.gather(
        _aside(http.get(f"{root}/api/tags", _ASIDE_SECONDS)), _aside(http.get(f"{root}/api/ps", _ASIDE_SECONDS))
    )
    digests = {card.get("name"): str(card.get("digest", ""))[:12] for card in _list(tags, "models")}
    loaded = {card.get("name"): card.get("context_length") for card in _list(running, "models")}
    models = []
    for model in listing.models:
        context = loaded.get(model.name)
        models.append(
            replace(
                model,
                revision=digests.get(model.name, ""),
                is_loaded=model.name in loaded,
                context_tokens=context if isinstance(context, int) and context > 0 else None,
            )
        )
    return replace(listing, models=tuple(models))


async def ollama_context(http: HttpServer, name: str) -> int:
    """Return the context that Ollama will load a model with, in tokens."""
    told = await _aside(http.post(f"{http.address.root}/api/show", {"model": name}, _ASIDE_SECONDS))
    asked = re.search(r"^num_ctx\s+(\d+)", str(told.get("parameters", "")), re.MULTILINE)
    facts = told.get("model_info")
    most = [
        length
        for field, length in (facts.items() if isinstance(facts, dict) else ())
        if field.endswith(".context_length") and isinstance(length, int)
    ]
    return min([int(asked[1]) if asked else _OLLAMA_CONTEXT, *most])


async def ollama_inserts(http: HttpServer, name: str) -> bool:
    """Say whether Ollama fills in with a model: its template knows a suffix."""
    told = await _aside(http.post(f"{http.address.root}/api/show", {"model": name}, _ASIDE_SECONDS))
    able = told.get("capabilities")
    return isinstance(able, list) and "insert" in able


async def _aside(question: Awaitable[Any]) -> Mapping[str, Any]:
    """Return the answer to what need not be answered, or nothing."""
    try:
        answered = await question
    except (BadStatus, EngineLost, EngineTimeout):
        return {}
    return answered if isinstance(answered, dict) else {}


def _list(content: Any, name: str) -> list[dict[str, Any]]:
    found = content.get(name) if isinstance(content, dict) else content
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []
