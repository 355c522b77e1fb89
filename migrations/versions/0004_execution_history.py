"""Make ``execution_history``, and the index that searches its text."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")

STRINGS = "(SELECT group_concat(atom, char(10)) FROM json_tree({row}.input_data) WHERE type = 'text')"
OLD_TEXT = f"OLD.sequence, {STRINGS.format(row='OLD')}, OLD.rendered_prompt, OLD.output_data"
NEW_TEXT = f"NEW.sequence, {STRINGS.format(row='NEW')}, NEW.rendered_prompt, NEW.output_data"
REMOVE = (
    "INSERT INTO execution_search (execution_search, rowid, input_data, rendered_prompt, output_data) "
    f"VALUES ('delete', {OLD_TEXT});"
)
ADD = f"INSERT INTO execution_search (rowid, input_data, rendered_prompt, output_data) VALUES ({NEW_TEXT});"

SQLITE = (
    # What is searched of the input are its strings, not its JSON, where a line break is a letter n.
    f"""
    CREATE VIEW execution_text AS
    SELECT sequence, {STRINGS.format(row="execution_history")} AS input_data, rendered_prompt, output_data
    FROM execution_history
    """,
    """
    CREATE VIRTUAL TABLE execution_search USING fts5 (
        input_data, rendered_prompt, output_data,
        content = 'execution_text', content_rowid = 'sequence', tokenize = 'unicode61 remove_diacritics 0'
    )
    """,
    f"CREATE TRIGGER execution_search_insert AFTER INSERT ON execution_history BEGIN {ADD} END",
    f"CREATE TRIGGER execution_search_delete AFTER DELETE ON execution_history BEGIN {REMOVE} END",
    f"""
    CREATE TRIGGER execution_search_update
    AFTER UPDATE OF sequence, input_data, rendered_prompt, output_data ON execution_history
    WHEN OLD.sequence IS NOT NEW.sequence OR OLD.input_data IS NOT NEW.input_data
        OR OLD.rendered_prompt IS NOT NEW.rendered_prompt OR OLD.output_data IS NOT NEW.output_data
    BEGIN {REMOVE} {ADD} END
    """,
)
POSTGRESQL = (
    # As SQLite's tokenizer does, every ASCII punctuation mark separates words. A tsvector holds at most 1 MB.
    """
    CREATE FUNCTION execution_words(input_data jsonb, rendered_prompt text, output_data text)
    RETURNS tsvector LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
    DECLARE
        strings text := (
            SELECT string_agg(value #>> '{}', chr(10)) FROM jsonb_path_query(input_data, 'strict $.**') AS value
            WHERE jsonb_typeof(value) = 'string'
        );
        words text := translate(
            left(concat_ws(chr(10), output_data, rendered_prompt, strings), 400000),
            '!"#$%&''()*+,-./:;<=>?@[\\]^_`{|}~', repeat(' ', 32)
        );
    BEGIN
        LOOP
            BEGIN
                RETURN to_tsvector('simple', words);
            EXCEPTION WHEN program_limit_exceeded THEN
                words := left(words, length(words) / 2);
            END;
        END LOOP;
    END $$
    """,
    """
    CREATE INDEX ix_execution_history_words ON execution_history
    USING gin (execution_words(input_data, rendered_prompt, output_data))
    """,
)


def upgrade() -> None:
    """Make the table and its search index."""
    op.create_table(
        "execution_history",
        sa.Column(
            "sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), sa.Identity(always=True), nullable=False
        ),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("prompt_id", sa.Uuid(), nullable=True),
        sa.Column("version_id", sa.Uuid(), nullable=True),
        sa.Column("executed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("user_id", sa.String(length=200), nullable=False),
        sa.Column("session_id", sa.String(length=200), nullable=False),
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("task", sa.String(length=50), nullable=False),
        sa.Column("keep", sa.String(length=20), nullable=False),
        sa.Column("input_data", JSON, nullable=True),
        sa.Column("rendered_prompt", sa.Text(), nullable=True),
        sa.Column("output_data", sa.Text(), nullable=True),
        sa.Column("execution_time_ms", sa.Float(), nullable=True),
        sa.Column("time_to_first_token_ms", sa.Float(), nullable=True),
        sa.Column("prompt_tokens", sa.Integer(), nullable=True),
        sa.Column("completion_tokens", sa.Integer(), nullable=True),
        sa.Column("tokens_used", sa.Integer(), nullable=True),
        sa.Column("model_used", sa.String(length=200), nullable=False),
        sa.Column("model_revision", sa.String(length=100), nullable=False),
        sa.Column("engine", sa.String(length=100), nullable=False),
        sa.Column("from_cache", sa.Boolean(), nullable=False),
        sa.Column("success", sa.Boolean(), nullable=True),
        sa.Column("error_kind", sa.String(length=50), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("finish_reason", sa.String(length=50), nullable=True),
        sa.Column("user_feedback", sa.Integer(), nullable=True),
        sa.Column("user_feedback_text", sa.Text(), nullable=True),
        sa.Column("outcome", sa.String(length=20), nullable=True),
        sa.Column("estimated_cost_usd", sa.Numeric(18, 9), nullable=True),
        sa.Column("price_source", sa.Text(), nullable=False),
        sa.Column("experiment_id", sa.String(length=100), nullable=False),
        sa.Column("experiment_arm", sa.String(length=100), nullable=False),
        sa.Column("cache_key", JSON, nullable=False),
        sa.CheckConstraint(
            "outcome IN ('shown', 'accepted', 'edited', 'rejected', 'reverted', 'kept')",
            name=op.f("ck_execution_history_outcome"),
        ),
        sa.CheckConstraint(
            "(prompt_id IS NULL) = (version_id IS NULL)", name=op.f("ck_execution_history_version_with_prompt")
        ),
        sa.CheckConstraint("user_feedback BETWEEN 1 AND 5", name=op.f("ck_execution_history_user_feedback")),
        sa.ForeignKeyConstraint(
            ["prompt_id", "version_id"],
            ["prompt_versions.prompt_id", "prompt_versions.id"],
            name=op.f("fk_execution_history_prompt_id_version_id"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_execution_history")),
        sa.UniqueConstraint("id", name=op.f("uq_execution_history_id")),
    )
    op.create_index("ix_execution_history_executed_at", "execution_history", ["executed_at"], unique=False)
    op.create_index("ix_execution_history_experiment_id", "execution_history", ["experiment_id"], unique=False)
    op.create_index(
        "ix_execution_history_prompt_id_version_id",
        "execution_history",
        ["prompt_id", "version_id", "id"],
        unique=False,
    )
    op.create_index(
        "ix_execution_history_user_id_executed_at", "execution_history", ["user_id", "executed_at"], unique=False
    )
    for statement in POSTGRESQL if op.get_context().dialect.name == "postgresql" else SQLITE:
        op.execute(statement)


def downgrade() -> None:
    """Drop them."""
    if op.get_context().dialect.name == "sqlite":
        op.execute("DROP TABLE execution_search")
        op.execute("DROP VIEW execution_text")
    op.drop_table("execution_history")
    if op.get_context().dialect.name == "postgresql":
        op.execute("DROP FUNCTION execution_words")
