"""The list of models that Inference Providers serve: who serves which, with which context, and at which price.

The format is that of ``GET /v1/models`` of the router: ``{"data": [{"id", "providers": [{"provider", "status",
"context_length", "pricing": {"input", "output"}, "supports_structured_output"}]}]}``, prices in US dollars for a
million tokens.
"""

import datetime as dt
import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from codetune_core.domain.execution import ModelIdentity
from codetune_core.engines.huggingface.session import Session
from codetune_core.errors import EngineLost, EngineRefused
from codetune_core.sections import ModelPrice

POLICIES = frozenset({"auto", "fastest", "cheapest", "preferred"})
"""In place of a provider: the router chooses one."""
_CONTEXT_UNKNOWN = 4096


class _Pricing(BaseModel):
    input: Decimal = Field(ge=0)
    output: Decimal = Field(ge=0)


class Offer(BaseModel):
    """What one provider says of a model."""

    provider: str
    status: str = "live"
    context_length: int | None = Field(default=None, gt=0)
    pricing: _Pricing | None = None
    supports_structured_output: bool | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """A model and those of its providers that may answer."""

    id: str
    provider: str
    offers: tuple[Offer, ...]

    @property
    def name(self) -> str:
        """As the router is asked for it."""
        return self.id if self.provider == "auto" else f"{self.id}:{self.provider}"

    @property
    def identity(self) -> ModelIdentity:
        """Its context is the shortest of those who may answer; which revision they run, no provider tells."""
        lengths = [offer.context_length for offer in self.offers if offer.context_length]
        return ModelIdentity(self.name, "huggingface", min(lengths, default=_CONTEXT_UNKNOWN))

    @property
    def constrained_name(self) -> str | None:
        """As one is asked for it who keeps to a schema; None where nobody does."""
        able = [offer for offer in self.offers if offer.supports_structured_output]
        if not able:
            return None
        return self.name if len(able) == len(self.offers) else f"{self.id}:{able[0].provider}"

    def price(self, read_on: dt.date) -> ModelPrice | None:
        """Return the highest of those who may answer; None where one of them does not tell his."""
        known = [offer.pricing for offer in self.offers if offer.pricing]
        if not known or len(known) < len(self.offers):
            return None
        return ModelPrice(
            model=_literally(self.name),
            engine="huggingface",
            prompt=max(price.input for price in known),
            completion=max(price.output for price in known),
            valid_from=read_on,
            source=f"Hugging Face's list of models, {self.provider}",
        )


class Listing:
    """The list as it was read."""

    def __init__(self, answer: Any) -> None:
        """Read the router's answer; raises EngineLost where it is no list."""
        data = answer.get("data") if isinstance(answer, dict) else None
        if not isinstance(data, list):
            raise EngineLost("Hugging Face's list of models cannot be read: see engine.base_url")
        self._models = {entry["id"]: tuple(_offers(entry)) for entry in data if _is_model(entry)}

    def find(self, name: str, provider: str) -> Listed:
        """Return a model with a provider, by ``id`` or ``id:provider``; raises EngineRefused."""
        identifier, _, own = name.partition(":")
        wanted = own or provider
        if identifier not in self._models:
            near = difflib.get_close_matches(identifier, self._models, 3) or sorted(self._models)[:3]
            raise EngineRefused(f"no Inference Provider serves {identifier!r}; some that are: {', '.join(near)}")
        live = tuple(offer for offer in self._models[identifier] if offer.status == "live")
        offers = live if wanted in POLICIES else tuple(offer for offer in live if offer.provider == wanted)
        if not offers:
            others = ", ".join(offer.provider for offer in live) or "nobody now"
            raise EngineRefused(f"{wanted} does not serve {identifier} (engine.provider); who does: {others}")
        return Listed(identifier, wanted, offers)


async def read_listing(session: Session) -> Listing:
    """Read the list anew; raises an ExecutionError."""
    return Listing(await session.json("GET", f"{session.address.root}/v1/models"))


def _is_model(entry: Any) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("id"), str)


def _offers(entry: dict[str, Any]) -> Iterable[Offer]:
    for written in entry.get("providers") or ():
        try:
            yield Offer.model_validate(written)
        except ValidationError:  # a provider with a form of his own does not hide the rest
            continue


def _literally(name: str) -> str:
    """Return the glob that fits this name only."""
    return name.replace("[", "[[]").replace("*", "[*]").replace("?", "[?]")
