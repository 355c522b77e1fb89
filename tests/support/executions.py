"""Executions for tests: one with every field set, and what varies."""

import datetime as dt
from dataclasses import replace
from decimal import Decimal

from codetune_core.domain.execution import Execution, Task
from codetune_core.domain.identifiers import new_id

NOW = dt.datetime(2026, 3, 4, 12, 0, tzinfo=dt.UTC)


def begun(**changes) -> Execution:
    """A running execution with content."""
    running = Execution(
        id=new_id(),
        executed_at=NOW,
        task=Task.EXPLAIN,
        user_id="ada",
        session_id="window 1",
        workspace="/home/ada/shop",
        input_data={"code": "def pay(amount):\n    return amount", "lines": ["1", {"deep": "ä"}], "n": 3},
        rendered_prompt="Explain def pay(amount): return amount",
        model_used="whiterabbitneo",
        model_revision="r1",
        engine="scripted",
        estimated_cost_usd=Decimal("0.010000001"),
        price_source="list of 2026-01-01",
        experiment_id="e1",
        experiment_arm="control",
        cache_key={"prompt_hash": "0" * 64, "parameters": {"temperature": 0.5}},
    )
    return replace(running, **changes)


def ended(execution: Execution | None = None, **changes) -> Execution:
    """The same at its end, successful."""
    finished = replace(
        execution or begun(),
        success=True,
        output_data="It returns the amount.",
        execution_time_ms=12.5,
        time_to_first_token_ms=2.25,
        prompt_tokens=30,
        completion_tokens=6,
        tokens_used=36,
        finish_reason="stop",
        estimated_cost_usd=Decimal("0.004"),
    )
    return replace(finished, **changes)
