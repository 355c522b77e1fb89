"""Make ``execution_daily``, and the triggers that derive it and the library's statistics from the history."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

KEY = ("kind", "key", "day")
RAN = (
    "NOT {row}.from_cache AND {row}.execution_time_ms IS NOT NULL "
    "AND coalesce({row}.error_kind, '') NOT IN ('cancelled', 'invalid_input', 'budget_spent')"
)
"""Ended on an engine, after a time that was measured."""
COUNTED = "{row}.success IS NOT NULL AND {row}.keep <> 'nothing'"
"""Ended; what is kept of it only for the day's budget is not counted."""
JUDGED = "coalesce({row}.outcome, '') IN ('accepted', 'edited', 'kept', 'rejected', 'reverted')"
ACCEPTED = "coalesce({row}.outcome, '') IN ('accepted', 'edited', 'kept')"
FIGURES = {
    "executions": "1",
    "succeeded": "CASE WHEN {row}.success THEN 1 ELSE 0 END",
    "from_cache": "CASE WHEN {row}.from_cache THEN 1 ELSE 0 END",
    "generated": f"CASE WHEN {RAN} THEN 1 ELSE 0 END",
    "execution_time_ms": f"CASE WHEN {RAN} THEN {{time}} ELSE 0 END",
    "tokens": "coalesce({row}.tokens_used, 0)",
    "cost_usd": "coalesce({row}.estimated_cost_usd, 0)",
    "unpriced": "CASE WHEN {row}.estimated_cost_usd IS NULL THEN 1 ELSE 0 END",
    "rated": "CASE WHEN {row}.user_feedback IS NULL THEN 0 ELSE 1 END",
    "rating_sum": "coalesce({row}.user_feedback, 0)",
    "judged": f"CASE WHEN {JUDGED} THEN 1 ELSE 0 END",
    "accepted": f"CASE WHEN {ACCEPTED} THEN 1 ELSE 0 END",
}
WATCHED = (
    *("executed_at", "prompt_id", "version_id", "model_used", "user_id", "success", "from_cache", "execution_time_ms"),
    *("error_kind", "tokens_used", "estimated_cost_usd", "user_feedback", "outcome"),
)
STATISTICS = {
    "total_executions": f"CASE WHEN {RAN} THEN 1 ELSE 0 END",
    "successful_executions": f"CASE WHEN {RAN} AND {{row}}.success THEN 1 ELSE 0 END",
    "total_execution_time": f"CASE WHEN {RAN} THEN {{time}} ELSE 0 END",
}
COLUMNS = ", ".join((*KEY, *FIGURES))


def rounded(expression: str) -> str:
    """Money on SQLite is a float: nine places make each sum exact."""
    return f"round({expression}, 9)"


def of(template: str, row: str, *, postgresql: bool) -> str:
    """Write a figure of one row; times are taken to 1/1024 ms, whose sums are exact in binary."""
    time = f"round({row}.execution_time_ms * 1024) / 1024"
    return template.format(row=row, time=time if postgresql else f"{time}.0")


def keys_of(row: str, *, postgresql: bool) -> dict[str, str]:
    """Write by kind whose figures a row counts for; a missing prompt or version is the nil UUID."""
    nil = "'00000000-0000-0000-0000-000000000000'" if postgresql else f"'{'0' * 32}'"
    text = "::text" if postgresql else ""
    return {
        "prompt": f"coalesce({row}.prompt_id{text}, {nil})",
        "version": f"coalesce({row}.version_id{text}, {nil})",
        "model": f"{row}.model_used",
        "user": f"{row}.user_id",
    }


def day_of(row: str, *, postgresql: bool) -> str:
    """Write the UTC day of a row."""
    return f"({row}.executed_at AT TIME ZONE 'UTC')::date" if postgresql else f"date({row}.executed_at)"


def sums(figures: dict[str, str], row: str, *, postgresql: bool, sign: str = "") -> str:
    """Write the sums of figures over rows."""
    exprs = {name: f"sum({sign}({of(figure, row, postgresql=postgresql)}))" for name, figure in figures.items()}
    if not postgresql and "cost_usd" in exprs:
        exprs["cost_usd"] = rounded(exprs["cost_usd"])
    return ", ".join(exprs.values())


def backfill(*, postgresql: bool) -> list[str]:
    """Write the statements that derive everything from the history as it is."""
    day, counted = day_of("h", postgresql=postgresql), COUNTED.format(row="h")
    figures = sums(FIGURES, "h", postgresql=postgresql)
    statistics = ", ".join(
        f"{name} = coalesce((SELECT sum({of(figure, 'h', postgresql=postgresql)}) FROM execution_history AS h "
        f"WHERE h.prompt_id = prompt_library.id AND {counted}), 0)"
        for name, figure in STATISTICS.items()
    )
    return [
        f"INSERT INTO execution_daily ({COLUMNS}) SELECT '{kind}', {key}, {day}, {figures} "
        f"FROM execution_history AS h WHERE {counted} GROUP BY 2, 3"
        for kind, key in keys_of("h", postgresql=postgresql).items()
    ] + [f"UPDATE prompt_library SET {statistics}"]


def sqlite_change(row: str, sign: str) -> str:
    """Write what a trigger does for one row that appears or goes."""
    keys, day, counted = keys_of(row, postgresql=False), day_of(row, postgresql=False), COUNTED.format(row=row)
    each = " UNION ALL ".join(f"SELECT '{kind}' AS kind, {key} AS key" for kind, key in keys.items())
    values = ", ".join(f"{sign}({of(figure, row, postgresql=False)})" for figure in FIGURES.values())
    added = ", ".join(f"{name} = {name} + excluded.{name}" for name in FIGURES if name != "cost_usd")
    here = " OR ".join(f"(kind = '{kind}' AND key = {key} AND day = {day})" for kind, key in keys.items())
    statistics = ", ".join(
        f"{name} = {name} {sign or '+'} ({of(figure, row, postgresql=False)})" for name, figure in STATISTICS.items()
    )
    return f"""
        INSERT INTO execution_daily ({COLUMNS}) SELECT kind, key, {day}, {values} FROM ({each}) WHERE {counted}
        ON CONFLICT ({", ".join(KEY)}) DO UPDATE SET
            {added}, cost_usd = {rounded("cost_usd + excluded.cost_usd")};
        DELETE FROM execution_daily WHERE executions = 0 AND ({here});
        UPDATE prompt_library SET {statistics} WHERE id = {row}.prompt_id AND {counted};
    """


def sqlite_triggers() -> tuple[str, ...]:
    """Write the triggers, which follow each row."""
    add, remove = sqlite_change("NEW", ""), sqlite_change("OLD", "-")
    changed = " OR ".join(f"OLD.{name} IS NOT NEW.{name}" for name in WATCHED)
    stubbed = "(OLD.keep = 'nothing') <> (NEW.keep = 'nothing')"
    return (
        f"CREATE TRIGGER execution_daily_insert AFTER INSERT ON execution_history BEGIN {add} END",
        f"CREATE TRIGGER execution_daily_delete AFTER DELETE ON execution_history BEGIN {remove} END",
        f"""
        CREATE TRIGGER execution_daily_update AFTER UPDATE OF {", ".join(WATCHED)}, keep ON execution_history
        WHEN {changed} OR {stubbed} BEGIN {remove} {add} END
        """,
    )


def postgresql_function(event: str, changed: str) -> str:
    """Write what a trigger does with all rows that one statement changed.

    Rows are locked in the order of their keys, so that two statements never wait for each other.
    """
    keys, day, counted = keys_of("c", postgresql=True), day_of("c", postgresql=True), COUNTED.format(row="c")
    each = ", ".join(f"('{kind}', {key})" for kind, key in keys.items())
    signed = {name: f"sum(c.sign * ({of(figure, 'c', postgresql=True)}))" for name, figure in FIGURES.items()}
    statistics = {name: f"sum(c.sign * ({of(figure, 'c', postgresql=True)}))" for name, figure in STATISTICS.items()}
    differ = " OR ".join(f"{figure} <> 0" for figure in signed.values())
    moved = " OR ".join(f"{figure} <> 0" for figure in statistics.values())
    return f"""
    CREATE FUNCTION derive_after_{event}() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO execution_daily AS d ({COLUMNS})
        SELECT e.kind, e.key, {day}, {", ".join(signed.values())}
        FROM ({changed}) AS c CROSS JOIN LATERAL (VALUES {each}) AS e (kind, key)
        WHERE {counted} GROUP BY 1, 2, 3 HAVING {differ} ORDER BY 1, 2, 3
        ON CONFLICT ({", ".join(KEY)}) DO UPDATE SET
            {", ".join(f"{name} = d.{name} + excluded.{name}" for name in FIGURES)};
        DELETE FROM execution_daily AS d
        USING (
            SELECT DISTINCT e.kind, e.key, {day} AS day
            FROM ({changed}) AS c CROSS JOIN LATERAL (VALUES {each}) AS e (kind, key) WHERE c.sign < 0
        ) AS gone
        WHERE d.executions = 0 AND (d.kind, d.key, d.day) = (gone.kind, gone.key, gone.day);
        PERFORM 1 FROM prompt_library WHERE id IN (
            SELECT c.prompt_id FROM ({changed}) AS c WHERE {counted} GROUP BY c.prompt_id HAVING {moved}
        ) ORDER BY id FOR NO KEY UPDATE;
        UPDATE prompt_library AS p SET {", ".join(f"{name} = p.{name} + s.{name}" for name in STATISTICS)}
        FROM (
            SELECT c.prompt_id, {", ".join(f"{figure} AS {name}" for name, figure in statistics.items())}
            FROM ({changed}) AS c WHERE {counted} GROUP BY c.prompt_id HAVING {moved}
        ) AS s WHERE p.id = s.prompt_id;
        RETURN NULL;
    END $$
    """


def postgresql_triggers() -> tuple[str, ...]:
    """Write the triggers, which follow each statement: a thousand rows at once cost one change of the sums."""
    added, removed = "SELECT 1 AS sign, * FROM added", "SELECT -1 AS sign, * FROM removed"
    trigger = (
        "CREATE TRIGGER execution_daily_{0} AFTER {0} ON execution_history {1} EXECUTE FUNCTION derive_after_{0}()"
    )
    return (
        postgresql_function("insert", added),
        postgresql_function("delete", removed),
        postgresql_function("update", f"{added} UNION ALL {removed}"),
        """
        CREATE FUNCTION derive_after_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            DELETE FROM execution_daily;
            UPDATE prompt_library SET total_executions = 0, successful_executions = 0, total_execution_time = 0;
            RETURN NULL;
        END $$
        """,
        trigger.format("insert", "REFERENCING NEW TABLE AS added FOR EACH STATEMENT"),
        trigger.format("delete", "REFERENCING OLD TABLE AS removed FOR EACH STATEMENT"),
        trigger.format("update", "REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT"),
        trigger.format("truncate", "FOR EACH STATEMENT"),
    )


def upgrade() -> None:
    """Make the table, fill it, and keep it."""
    op.create_table(
        "execution_daily",
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("executions", sa.Integer(), nullable=False),
        sa.Column("succeeded", sa.Integer(), nullable=False),
        sa.Column("from_cache", sa.Integer(), nullable=False),
        sa.Column("generated", sa.Integer(), nullable=False),
        sa.Column("execution_time_ms", sa.Double(), nullable=False),
        sa.Column("tokens", sa.BigInteger(), nullable=False),
        sa.Column("cost_usd", sa.Numeric(18, 9), nullable=False),
        sa.Column("unpriced", sa.Integer(), nullable=False),
        sa.Column("rated", sa.Integer(), nullable=False),
        sa.Column("rating_sum", sa.Integer(), nullable=False),
        sa.Column("judged", sa.Integer(), nullable=False),
        sa.Column("accepted", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "key", "day", name=op.f("pk_execution_daily")),
    )
    postgresql = op.get_context().dialect.name == "postgresql"
    for statement in backfill(postgresql=postgresql):
        op.execute(statement)
    for statement in postgresql_triggers() if postgresql else sqlite_triggers():
        op.execute(statement)


def downgrade() -> None:
    """Drop it with its triggers; the library's statistics stay as they are until it is made again."""
    postgresql = op.get_context().dialect.name == "postgresql"
    for event in ("insert", "delete", "update", *(("truncate",) if postgresql else ())):
        if postgresql:
            op.execute(f"DROP FUNCTION derive_after_{event} CASCADE")
        else:
            op.execute(f"DROP TRIGGER execution_daily_{event}")
    op.drop_table("execution_daily")
