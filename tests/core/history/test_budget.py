"""What may be spent on a UTC day, and what happens then."""

import datetime as dt
from decimal import Decimal

import pytest

from codetune_core.history.budget import Budget, fell_back, uncounted
from codetune_core.history.protocol import Limit
from codetune_core.sections import BudgetSettings

NOON = dt.datetime(2026, 11, 1, 12, 30, 15, 99, tzinfo=dt.UTC)
MIDNIGHT = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)


def budget(**settings):
    return Budget(BudgetSettings(**settings))


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, []),
        ({"per_day_usd": "1.5"}, [Limit(Decimal("1.5"), MIDNIGHT, None)]),
        ({"per_user_per_day_usd": 0}, [Limit(Decimal(0), MIDNIGHT, "ann")]),
        (
            {"per_day_usd": 2, "per_user_per_day_usd": 1},
            [Limit(Decimal(1), MIDNIGHT, "ann"), Limit(Decimal(2), MIDNIGHT, None)],
        ),
    ],
)
def test_limits_are_those_of_the_settings_from_midnight_on(settings, expected):
    assert budget(**settings).limits("ann", NOON) == expected


@pytest.mark.parametrize(
    ("at", "since"),
    [
        (MIDNIGHT, MIDNIGHT),
        (MIDNIGHT - dt.timedelta(microseconds=1), MIDNIGHT - dt.timedelta(days=1)),
        (dt.datetime(2026, 11, 2, 1, tzinfo=dt.timezone(dt.timedelta(hours=2))), MIDNIGHT),
        (dt.datetime(2026, 10, 31, 23, tzinfo=dt.timezone(dt.timedelta(hours=-1))), MIDNIGHT),
    ],
)
def test_the_day_is_the_utc_day_wherever_the_clock_stands(at, since):
    assert [limit.since for limit in budget(per_day_usd=1, per_user_per_day_usd=1).limits("", at)] == [since, since]


def test_who_has_no_id_shares_one_budget():
    assert budget(per_user_per_day_usd=1).limits("", NOON)[0].user_id == ""


@pytest.mark.parametrize(
    ("settings", "model", "expected"),
    [
        ({}, "big", None),
        ({"fallback_model": "small"}, "big", None),
        ({"when_spent": "fallback"}, "big", None),
        ({"when_spent": "fallback", "fallback_model": "small"}, "big", "small"),
        ({"when_spent": "fallback", "fallback_model": "small"}, "", "small"),
        ({"when_spent": "fallback", "fallback_model": "small"}, "small", None),
    ],
)
def test_a_spent_budget_stops_or_falls_back_once(settings, model, expected):
    assert budget(**settings).fallback(model) == expected


def test_falling_back_is_said_with_both_models():
    assert fell_back("big", "small") == "today's budget is spent: small answers instead of big"


def test_a_budget_that_cannot_count_a_model_says_so():
    text = uncounted("mine")
    assert "mine has no known price" in text
    assert "budget.prices" in text
