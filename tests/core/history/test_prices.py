"""What an execution cost: by dated entries, by the time of one's own GPU, or not known."""

import datetime as dt
from decimal import Decimal
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from codetune_core.domain.execution import ModelIdentity, Usage
from codetune_core.history.prices import Price, Prices, shipped
from codetune_core.sections import BudgetSettings, ModelPrice

NOON = dt.datetime(2026, 11, 1, 12, tzinfo=dt.UTC)
MILLION = 1_000_000
OLD = ModelPrice(model="m", prompt=1, completion=2, valid_from="2026-01-01", source="page A")
NEW = ModelPrice(model="m", prompt=3, completion=4, valid_from="2026-06-01", source="page B")


def usd(model="m", engine="e", *, known=(), at=NOON, ms=0, usage=None, from_cache=False, **budget):
    prices = Prices(BudgetSettings(**budget), known)
    usage = usage or Usage(MILLION, MILLION)
    price = prices.cost(ModelIdentity(model, engine, 4096), usage, ms, at, from_cache=from_cache)
    return price.usd if price else None


@pytest.mark.parametrize(
    ("model", "engine", "usage", "at", "expected"),
    [
        ("claude-sonnet-4-5-20250929", "anthropic", Usage(1000, 100), NOON, "0.0045"),
        ("claude-sonnet-4-5-20250929", "anthropic", Usage(1000, 100, 900), NOON, "0.00207"),
        ("claude-opus-4-1-20250805", "anthropic", Usage(1000, 100), NOON, "0.0225"),
        ("claude-opus-4-5-20251101", "anthropic", Usage(1000, 100), NOON, "0.0075"),
        ("claude-sonnet-5-5", "anthropic", Usage(1000, 0, 1000), dt.datetime(2026, 10, 6, tzinfo=dt.UTC), "0.0002"),
        ("claude-sonnet-5-5", "anthropic", Usage(1000, 0, 1000), dt.datetime(2026, 10, 7, tzinfo=dt.UTC), "0.0001"),
        ("claude-haiku-5-5", "anthropic", Usage(100_000, 0), NOON, "0.01"),
        ("claude-haiku-5-5", "anthropic", Usage(100_001, 0), NOON, "0.0500005"),
        ("gpt-4o-mini-2024-07-18", "openai", Usage(MILLION, MILLION), NOON, "0.75"),
        ("gpt-4o", "openai", Usage(MILLION, MILLION), NOON, "12.5"),
        ("gpt-4.1-nano", "openai", Usage(0, 1), NOON, "0.0000004"),
    ],
)
def test_shipped_prices_give_what_the_provider_bills(model, engine, usage, at, expected):
    assert usd(model, engine, usage=usage, at=at, known=shipped()) == Decimal(expected)


@pytest.mark.parametrize("model", ["WhiteRabbitNeo-V3-7B", "gpt-oss-20b", "", "claude"])
@pytest.mark.parametrize("engine", ["transformers", "scripted", "openai"])
def test_a_model_of_ones_own_without_a_gpu_price_is_unpriced_and_not_free(model, engine):
    assert usd(model, engine, known=shipped()) is None


@pytest.mark.parametrize(
    ("model", "engine"),
    [("claude-9", "anthropic"), ("gpt-9", "openai"), ("gpt-4", "openai"), ("any/model", "huggingface")],
)
def test_a_model_that_somebody_charges_for_is_not_priced_as_ones_own_gpu(model, engine):
    assert usd(model, engine, known=shipped(), ms=3_600_000, gpu_usd_per_hour=2) is None


@pytest.mark.parametrize(
    ("ms", "expected"), [(3_600_000, "2"), (1800, "0.001"), (0, "0"), (1, "0.000000556"), (0.001, "0.000000001")]
)
def test_ones_own_gpu_costs_by_the_measured_time(ms, expected):
    assert usd("own", "transformers", ms=ms, gpu_usd_per_hour=2, known=shipped()) == Decimal(expected)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (dt.datetime(2025, 12, 31, 23, 59, 59, tzinfo=dt.UTC), None),
        (dt.datetime(2026, 1, 1, tzinfo=dt.UTC), 3),
        (dt.datetime(2026, 5, 31, 23, 59, 59, tzinfo=dt.UTC), 3),
        (dt.datetime(2026, 6, 1, tzinfo=dt.UTC), 7),
        (dt.datetime(2026, 6, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=2))), 3),
        (dt.datetime(2026, 5, 31, 23, tzinfo=dt.timezone(dt.timedelta(hours=-2))), 7),
    ],
)
@pytest.mark.parametrize("known", [(OLD, NEW), (NEW, OLD)])
def test_the_price_is_the_one_of_the_utc_day(at, expected, known):
    assert usd(at=at, known=known) == expected


def test_before_its_first_price_a_listed_model_is_unpriced_even_with_a_gpu_price():
    assert usd(at=dt.datetime(2025, 1, 1, tzinfo=dt.UTC), known=(OLD,), ms=1000, gpu_usd_per_hour=1) is None


@pytest.mark.parametrize(
    ("model", "expected"), [("m-large", 1), ("M-LARGE", 1), ("m-small", 10), ("m", 10), ("other", None)]
)
def test_the_first_pattern_that_fits_decides(model, expected):
    known = (
        ModelPrice(model="m-large*", prompt=1, completion=0, valid_from="2026-01-01"),
        ModelPrice(model="m*", prompt=10, completion=0, valid_from="2026-06-01"),
    )
    assert usd(model, known=known) == expected


def test_a_pattern_may_name_the_engine():
    known = (ModelPrice(model="m", engine="a", prompt=1, completion=0), ModelPrice(model="m", prompt=2, completion=0))
    assert (usd(engine="a", known=known), usd(engine="b", known=known)) == (1, 2)


def test_a_price_in_the_settings_goes_before_a_newer_one_for_the_same_pattern():
    assert usd(known=(NEW,), prices=[{"model": "m", "prompt": "0.5", "completion": 1}]) == Decimal("1.5")


def test_settings_may_say_that_a_model_has_no_known_price():
    assert usd(known=(NEW,), prices=[{"model": "m"}]) is None


@pytest.mark.parametrize("wrong", [{"prompt": 1}, {"completion": 1}, {"prompt": -1, "completion": 1}, {"model": ""}])
def test_a_price_that_says_half_is_refused(wrong):
    with pytest.raises(ValidationError):
        ModelPrice(**({"model": "m"} | wrong))


def test_without_a_price_for_cached_tokens_they_cost_as_the_rest():
    assert usd(known=(OLD,), usage=Usage(MILLION, 0, MILLION)) == 1


@pytest.mark.parametrize(("own", "told", "cost"), [(True, True, 1), (False, True, 2), (False, False, 3)])
def test_your_own_price_goes_before_the_servers_and_that_before_the_shipped_one(own, told, cost):
    def entry(usd):
        return ModelPrice(model="m", prompt=usd, completion=usd)

    told_now = []
    prices = Prices(BudgetSettings(prices=[entry(1)] if own else []), [entry(3)], lambda: tuple(told_now))
    told_now += [entry(2)] if told else []
    assert prices.cost(ModelIdentity("m", "e", 1), Usage(MILLION), 1, NOON).usd == cost


def test_an_answer_from_the_cache_costs_nothing_where_a_price_is_known():
    assert usd(known=(OLD,), from_cache=True) == 0
    assert usd("own", from_cache=True, ms=5, gpu_usd_per_hour=1) == 0
    assert usd("own", from_cache=True) is None


@pytest.mark.parametrize(
    ("known", "budget", "source"),
    [
        ((NEW,), {}, "page B (valid from 2026-06-01)"),
        ((), {"gpu_usd_per_hour": "1.50"}, "own GPU at 1.50 USD an hour, your settings on 2026-11-01"),
        ((), {"prices": [{"model": "*", "prompt": 0, "completion": 0}]}, "your settings (valid from 1970-01-01)"),
    ],
)
def test_the_source_says_where_the_price_comes_from_and_when(known, budget, source):
    price = Prices(BudgetSettings(**budget), known).cost(ModelIdentity("m", "e", 1), Usage(1, 1), 1, NOON)
    assert price == Price(price.usd, source)


@pytest.mark.parametrize("entry", shipped(), ids=lambda entry: f"{entry.model} {entry.valid_from}")
def test_every_shipped_price_names_its_source_and_its_day(entry):
    assert len(entry.source) > 10
    assert dt.date(2024, 1, 1) <= entry.valid_from <= dt.date(2026, 11, 21)
    if entry.prompt is not None:
        assert entry.cached_prompt < entry.prompt < entry.completion
        assert any(character.isdigit() for character in entry.source)


@pytest.mark.parametrize("entry", shipped(), ids=lambda entry: f"{entry.model} {entry.valid_from}")
def test_every_shipped_price_can_be_reached_behind_the_patterns_before_it(entry):
    name = entry.model.replace("[678]", "6").replace("[1-9]", "9").replace("*", "-x")
    fitting = [other for other in shipped() if fnmatchcase(name, other.model) and other.engine == entry.engine]
    assert fitting[0].model == entry.model


@given(
    tokens=st.tuples(st.integers(0, 10**6), st.integers(1, 10**5)),
    shares=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    seconds=st.floats(0, 600),
    entry=st.sampled_from([entry for entry in shipped() if entry.prompt is not None]),
    gpu=st.decimals(0, 100, places=3),
)
def test_nothing_costs_more_than_what_was_reserved_for_it(tokens, shares, seconds, entry, gpu):
    (prompt, limit), (written, cached) = tokens, shares
    prices = Prices(BudgetSettings(gpu_usd_per_hour=gpu))
    name = entry.model.replace("*", "").replace("[678]", "6")
    for model in (ModelIdentity(name, entry.engine, 1), ModelIdentity("own", "transformers", 1)):
        most = prices.most([model], Usage(prompt, limit), 600, NOON)
        used = Usage(prompt, int(limit * written), int(prompt * cached))
        assert prices.cost(model, used, seconds * 1000, NOON).usd <= most.usd


@given(tokens=st.lists(st.integers(0, 10**5), max_size=20))
def test_token_prices_add_up_without_a_rounding_error(tokens):
    prices = Prices(BudgetSettings(), [ModelPrice(model="*", prompt="0.10", completion="0.3")])
    model = ModelIdentity("m", "e", 1)
    each = sum(prices.cost(model, Usage(count, count), 0, NOON).usd for count in tokens)
    assert each == prices.cost(model, Usage(sum(tokens), sum(tokens)), 0, NOON).usd
