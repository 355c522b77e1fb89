"""Where the history keeps less than all, nothing of what was asked, answered or said is anywhere."""

import logging
from dataclasses import replace

import pytest
from running import Rule, request, running, script
from sqlalchemy import inspect, text

from codetune_core.domain.execution import Feedback
from codetune_core.engines.scripted import Fault

CANARY = "canary_7f3a"
LOST = Fault(kind="engine_lost", after_tokens=1, message=f"cut at {CANARY}")
RULES = (
    Rule(contains="LOSE", answers=(f"{CANARY} and more",), fault=LOST),
    Rule(contains="SCHEMA", answers=(f"{CANARY} is no JSON",)),
)
PRICE = {"model": "tiny", "prompt": "1", "completion": "1", "source": "a list"}
ASKED = [
    request(code=CANARY),
    request(code=f"{CANARY} LOSE"),
    request(prompt="schemed", code=f"{CANARY} SCHEMA"),
    replace(request(), variables={"code": {"not": CANARY}}),
    replace(request(), variables={"code": "x", f"{CANARY}_name": 1}),
    request(prompt=f"no {CANARY}"),
]


async def held(database):
    """All that is in any table, and for SQLite in any byte of its files; SQLite's index of words is tables too."""
    async with database.connection() as connection:
        names = await connection.run_sync(lambda plain: inspect(plain).get_table_names())
        tables = [(await connection.execute(text(f"SELECT * FROM {name}"))).all() for name in names]
    path = database.url.path
    files = [file.read_bytes() for file in path.parent.glob(f"{path.name}*")] if path else []
    return f"{tables} {files}".lower()


async def answered(core):
    await core.add("schemed", output_schema="summary")
    for each in ASKED:
        await core.run(each)
    for row in await core.recorded():
        await core.history.rate(row.id, Feedback(rating=2, text=f"not {CANARY}"))
    return [row.error_kind for row in await core.recorded()]


@pytest.mark.parametrize(("keep", "recorded"), [("metadata", len(ASKED)), ("nothing", 0)])
async def test_what_may_not_be_kept_is_nowhere(database, caplog, keep, recorded):
    caplog.set_level(logging.DEBUG)
    budget = {"prices": [PRICE], "per_day_usd": 1000}
    async with running(database, script(f"{CANARY}!", *RULES), history={"keep": keep}, budget=budget) as core:
        assert len(await answered(core)) == recorded
    assert CANARY not in await held(database)
    assert CANARY not in caplog.text


async def test_what_may_be_kept_is_found_by_the_same_search_but_in_no_log(database, caplog):
    caplog.set_level(logging.DEBUG)
    async with running(database, script(f"{CANARY}!", *RULES)) as core:
        assert len(await answered(core)) == len(ASKED)
    assert CANARY in await held(database)
    assert CANARY not in caplog.text
