"""Budgets: what may be spent on a UTC day by everybody and by each user, and what happens once it is spent.

What runs counts with the most that it can cost, until it has ended; so no sum of executions passes a limit, however
many begin at once. What has no price cannot be counted: it runs, and a notice says so.
"""

import datetime as dt

from codetune_core.history.protocol import Limit
from codetune_core.sections import BudgetSettings


class Budget:
    """The limits that the settings set."""

    def __init__(self, settings: BudgetSettings) -> None:
        self._settings = settings

    def limits(self, user_id: str, at: dt.datetime) -> list[Limit]:
        """Return the limits for what this user begins ``at``, each from midnight UTC on; empty for none.

        Who has no id is one user, named by the empty text.
        """
        midnight = at.astimezone(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        mine, all_of_us = self._settings.per_user_per_day_usd, self._settings.per_day_usd
        limits = [] if mine is None else [Limit(mine, midnight, user_id)]
        return limits if all_of_us is None else [*limits, Limit(all_of_us, midnight, None)]

    def fallback(self, model: str) -> str | None:
        """Return the model to go on with once the budget is spent; None to stop.

        None too where this model is the one to fall back to: it was refused itself.
        """
        settings = self._settings
        if settings.when_spent == "stop" or settings.fallback_model in {"", model}:
            return None
        return settings.fallback_model


def uncounted(model: str) -> str:
    """Return what to tell of a model without a price where there is a budget."""
    return (
        f"{model} has no known price, so the budget does not count it: "
        "set budget.prices, or budget.gpu_usd_per_hour for your own GPU"
    )


def fell_back(model: str, fallback: str) -> str:
    """Return what to tell where the fallback answers."""
    return f"today's budget is spent: {fallback} answers instead of {model}"
