"""A history of many executions, as a team would have made it in a year: written in bulk, then derived from."""

import datetime as dt
import json
import random
import sqlite3
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from codetune_core.storage.database import Database
from codetune_core.storage.migrate import upgrade
from codetune_core.storage.tables.prompts import PromptRow, PromptVersionRow
from codetune_core.storage.url import DatabaseUrl

BEGAN = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
SPAN = dt.timedelta(days=365)
USERS = [f"user{number:02}" for number in range(24)]
PROMPTS = 16
VERSIONS = 4
MODELS = ["whiterabbitneo-13b", "whiterabbitneo-33b", "qwen-coder-7b"]
TASKS = ["review", "explain", "fix", "generate", "complete", "tests", "docstring", "optimize", "summarize", "ask"]
COLUMNS = (
    "id", "prompt_id", "version_id", "executed_at", "user_id", "session_id", "workspace", "task", "keep",
    "input_data", "rendered_prompt", "output_data", "execution_time_ms", "prompt_tokens", "completion_tokens",
    "tokens_used", "model_used", "model_revision", "engine", "from_cache", "success", "error_kind", "user_feedback",
    "outcome", "estimated_cost_usd", "price_source", "experiment_id", "experiment_arm", "cache_key",
)  # fmt: skip
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def prompt_id(number: int) -> UUID:
    return UUID(int=(0x01900000_0000_7000 << 64) | (1 << 63) | number)


def version_id(prompt: int, version: int) -> UUID:
    return UUID(int=(0x01900001_0000_7000 << 64) | (1 << 63) | (prompt * 100 + version))


def lines(chance: random.Random) -> list[str]:
    """Lines of made-up code, whose words are as unevenly frequent as words are."""
    words = ["".join(chance.choices(_LETTERS, k=chance.randint(3, 9))) for _ in range(4000)]
    weights = [1 / (place + 3) for place in range(len(words))]
    return [" ".join(chance.choices(words, weights, k=9)) for _ in range(20000)]


def rows(count: int) -> Iterator[tuple[object, ...]]:
    """Executions by time; one in a hundred thousand says ``zebra``, one in three ``return``, one in five ``value``."""
    chance = random.Random(1)
    pool = lines(chance)
    for number in range(count):
        at = BEGAN + SPAN * (number / count)
        milliseconds = int(at.timestamp() * 1000)
        key = UUID(int=(milliseconds << 80) | (7 << 76) | (2 << 62) | number)
        who = chance.randrange(len(USERS))
        prompt = (who + min(int(chance.expovariate(0.7)), 4)) % PROMPTS  # everybody has habits
        version = number * VERSIONS // count
        failed, cached = chance.random() < 0.03, chance.random() < 0.2
        code = chance.choice(pool)
        answer = chance.choice(pool) + " return" * (chance.random() < 0.33) + " value" * (chance.random() < 0.2)
        answer += f" ticket{number}" + " zebra" * (number % 100_000 == 77)
        yield (
            key, prompt_id(prompt), version_id(prompt, version), at, USERS[who], f"s{number % 500}",
            f"/home/dev/project{chance.randrange(12)}", TASKS[prompt % len(TASKS)], "full", {"code": code},
            f"Do this to the following code: {code}", None if failed else answer,
            None if cached else chance.uniform(200, 9000), 120, 80, 200, MODELS[who % len(MODELS)], "r1", "scripted",
            cached, not failed, "timeout" if failed else None, chance.choice([None, None, None, 2, 4, 5]),
            chance.choice([None, "shown", "accepted", "accepted", "rejected"]), 0.0021, "list", "", "", {},
        )  # fmt: skip


async def fill(url: DatabaseUrl, count: int) -> None:
    """Make the tables and write the history.

    Rows go in before the triggers that sum them: the revision that brings those derives the sums from what is there.
    """
    async with Database(url) as database:
        await upgrade(database, "0004")
        async with database.write() as session:
            await _prompts(session)
    if url.dialect == "sqlite":
        _fill_sqlite(url, count)
    else:
        await _fill_postgresql(url, count)
    async with Database(url) as database:
        await upgrade(database, confirmed=True)
        async with database.engine.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            await connection.execute(
                text("VACUUM ANALYZE" if url.dialect == "postgresql" else "PRAGMA optimize=0x10002")
            )


async def _prompts(session: AsyncSession) -> None:
    for number in range(PROMPTS):
        session.add(PromptRow(id=prompt_id(number), name=f"prompt {number}", category="other", created_at=BEGAN))
        await session.flush()
        for version in range(VERSIONS):
            session.add(
                PromptVersionRow(
                    id=version_id(number, version), prompt_id=prompt_id(number), version_number=version + 1,
                    system_prompt="", user_prompt_template="x", few_shot_examples=[], variables=[], temperature=0.7,
                    max_tokens=100, decoding={}, created_at=BEGAN, content_hash=str(version),
                )
            )  # fmt: skip


def _fill_sqlite(url: DatabaseUrl, count: int) -> None:
    connection = sqlite3.connect(url.path, isolation_level=None)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA cache_size = -400000")
    aside = connection.execute(
        "SELECT type, name, sql FROM sqlite_master WHERE tbl_name = 'execution_history' AND sql IS NOT NULL"
        " AND type IN ('index', 'trigger')"
    ).fetchall()
    for kind, name, _ in aside:
        connection.execute(f"DROP {kind} {name}")
    connection.execute("BEGIN")
    connection.executemany(
        f"INSERT INTO execution_history ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})",
        (tuple(_sqlite_value(value) for value in row) for row in rows(count)),
    )
    connection.execute("INSERT INTO execution_search (rowid, words) SELECT sequence, words FROM execution_text")
    for _, _, statement in aside:
        connection.execute(statement)
    connection.execute("COMMIT")
    connection.close()


def _sqlite_value(value: object) -> object:
    match value:
        case UUID():
            return value.hex
        case dt.datetime():
            return f"{value:%Y-%m-%d %H:%M:%S.%f}"
        case dict():
            return json.dumps(value)
    return value


async def _fill_postgresql(url: DatabaseUrl, count: int) -> None:
    async with Database(url) as database, database.engine.connect() as pooled:
        raw = await pooled.get_raw_connection()
        connection: Any = raw.driver_connection
        await connection.execute("ALTER TABLE execution_history DISABLE TRIGGER USER")
        indexes = await connection.fetch(
            "SELECT indexname, indexdef FROM pg_indexes WHERE indexname LIKE 'ix_execution_history%'"
            " OR indexname = 'execution_search_words'"
        )
        for row in indexes:
            await connection.execute(f"DROP INDEX {row['indexname']}")
        await connection.copy_records_to_table(
            "execution_history", columns=COLUMNS, records=(tuple(map(_postgresql_value, row)) for row in rows(count))
        )
        await connection.execute(
            "INSERT INTO execution_search SELECT sequence, execution_vector(output_data, rendered_prompt, input_data)"
            " FROM execution_history ORDER BY sequence",
        )  # fmt: skip
        for row in indexes:
            await connection.execute(row["indexdef"])
        await connection.execute("ALTER TABLE execution_history ENABLE TRIGGER USER")


def _postgresql_value(value: object) -> object:
    return json.dumps(value) if isinstance(value, dict) else value
