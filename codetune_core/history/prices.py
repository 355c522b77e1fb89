"""Prices: what an execution cost, and the most that it can cost, by dated entries that say where they come from."""

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from fnmatch import fnmatchcase
from functools import cache, lru_cache
from importlib import resources

import yaml
from pydantic import TypeAdapter

from codetune_core.domain.execution import ModelIdentity, Usage
from codetune_core.sections import BudgetSettings, ModelPrice

_MILLION = Decimal(1_000_000)
_MILLISECONDS_PER_HOUR = Decimal(3_600_000)
_PLACES = Decimal("1e-9")
"""As in the column; what is finer is rounded up, so that no sum is ever too low."""


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars, to nine places, and what they were computed from: a text with a date, kept on the row."""

    usd: Decimal
    source: str


class Prices:
    """The entries that hold: those of the settings, then what the models' server tells, then those of CodeTune."""

    def __init__(
        self,
        budget: BudgetSettings,
        known: Iterable[ModelPrice] | None = None,
        told: Callable[[], tuple[ModelPrice, ...]] = tuple,
    ) -> None:
        self._own = budget.prices
        self._told = told
        self._known = tuple(shipped() if known is None else known)
        self._gpu = budget.gpu_usd_per_hour
        self._listed = lru_cache(maxsize=256)(self._own_and_known)

    def cost(
        self, model: ModelIdentity, usage: Usage, milliseconds: float, at: dt.datetime, *, from_cache: bool = False
    ) -> Price | None:
        """Return what an execution that began ``at`` cost; None where no price is known.

        By tokens where an entry fits the model, else by the time that it held your own GPU. An answer from the cache
        costs nothing, of a model that has a price.
        """
        own, known = self._listed(model)
        fitting = own or _fitting(self._told(), model) or known
        price = _by_tokens(fitting, usage, at) if fitting else self._by_time(milliseconds, at)
        return Price(Decimal(0), "from the cache") if price and from_cache else price

    def most(self, models: Iterable[ModelIdentity], usage: Usage, seconds: float, at: dt.datetime) -> Price | None:
        """Return the most that an execution can cost, whichever of the models answers, by ``usage`` and ``seconds``."""
        costs = (self.cost(model, usage, seconds * 1000, at) for model in models)
        return max(filter(None, costs), key=lambda price: price.usd, default=None)

    def _own_and_known(self, model: ModelIdentity) -> tuple[list[ModelPrice], list[ModelPrice]]:
        return _fitting(self._own, model), _fitting(self._known, model)

    def _by_time(self, milliseconds: float, at: dt.datetime) -> Price | None:
        if self._gpu is None:
            return None
        hours = Decimal(str(milliseconds)) / _MILLISECONDS_PER_HOUR
        day = at.astimezone(dt.UTC).date()
        return Price(_rounded(self._gpu * hours), f"own GPU at {self._gpu:f} USD an hour, your settings on {day}")


def together(prices: Sequence[Price | None]) -> Price | None:
    """Return the sum of what several generations cost, with the last one's source; None where one is not known."""
    known = [price for price in prices if price]
    if not known or len(known) < len(prices):
        return None
    return Price(sum((price.usd for price in known), Decimal(0)), known[-1].source)


@cache
def shipped() -> tuple[ModelPrice, ...]:
    """Return the entries of ``prices.yaml``."""
    text = (resources.files("codetune_core.history") / "prices.yaml").read_text("utf-8")
    numbers_as_written = yaml.load(text, yaml.BaseLoader)  # noqa: S506 - builds texts, lists and mappings only
    return TypeAdapter(tuple[ModelPrice, ...]).validate_python(numbers_as_written)


def _fitting(entries: Iterable[ModelPrice], model: ModelIdentity) -> list[ModelPrice]:
    return [entry for entry in entries if _fits(entry, model)]


def _fits(entry: ModelPrice, model: ModelIdentity) -> bool:
    return _matches(model.name, entry.model) and _matches(model.engine, entry.engine)


@lru_cache(maxsize=4096)
def _matches(name: str, pattern: str) -> bool:
    return fnmatchcase(name.lower(), pattern.lower())


def _by_tokens(fitting: Sequence[ModelPrice], usage: Usage, at: dt.datetime) -> Price | None:
    day = at.astimezone(dt.UTC).date()
    valid = [
        entry
        for entry in fitting
        if (entry.model, entry.engine) == (fitting[0].model, fitting[0].engine)
        and entry.valid_from <= day
        and (entry.above_prompt_tokens < usage.prompt_tokens or not entry.above_prompt_tokens)
    ]
    entry = max(valid, key=lambda entry: (entry.valid_from, entry.above_prompt_tokens), default=None)
    if entry is None or entry.prompt is None:
        return None
    return Price(_rounded(_sum(entry, usage)), f"{entry.source} (valid from {entry.valid_from})")


def _sum(entry: ModelPrice, usage: Usage) -> Decimal:
    prompt, completion = entry.prompt or Decimal(0), entry.completion or Decimal(0)
    cached = prompt if entry.cached_prompt is None else entry.cached_prompt
    read_anew = usage.prompt_tokens - usage.cached_prompt_tokens
    total = read_anew * prompt + usage.cached_prompt_tokens * cached + usage.completion_tokens * completion
    return total / _MILLION


def _rounded(usd: Decimal) -> Decimal:
    return usd.quantize(_PLACES, rounding=ROUND_CEILING)
