"""Make ``execution_history``, and the index that searches its text."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")

SEARCHED = "output_data", "rendered_prompt", "input_data"
LONGEST = 200_000
"""Characters of an execution that are searched; the words of so many always fit a tsvector, which holds 1 MB."""


def any_of(condition: str) -> str:
    """Write that a condition holds for one of the searched columns."""
    return " OR ".join(condition.format(name) for name in SEARCHED)


def text_of(row: str) -> str:
    """Write what is searched of a row, for SQLite.

    Of the input its strings, not its JSON, where a line break is a letter n.
    """
    strings = f"(SELECT group_concat(atom, char(10)) FROM json_tree({row}.input_data) WHERE type = 'text')"
    parts = (f"{row}.output_data", f"{row}.rendered_prompt", strings)
    return f"substr({' || char(10) || '.join(f'coalesce({part}, {chr(39) * 2})' for part in parts)}, 1, {LONGEST})"


REMOVE = (
    "INSERT INTO execution_search (execution_search, rowid, words) "
    f"SELECT 'delete', OLD.sequence, {text_of('OLD')} WHERE {any_of('OLD.{} IS NOT NULL')};"
)
ADD = (
    "INSERT INTO execution_search (rowid, words) "
    f"SELECT NEW.sequence, {text_of('NEW')} WHERE {any_of('NEW.{} IS NOT NULL')};"
)
SQLITE = (
    f"""
    CREATE VIEW execution_text AS SELECT sequence, {text_of("execution_history")} AS words
    FROM execution_history WHERE {any_of("{} IS NOT NULL")}
    """,
    """
    CREATE VIRTUAL TABLE execution_search USING fts5 (
        words, content = 'execution_text', content_rowid = 'sequence', columnsize = 0,
        tokenize = "unicode61 remove_diacritics 0 categories 'L* Nd'"
    )
    """,
    f"CREATE TRIGGER execution_search_insert AFTER INSERT ON execution_history BEGIN {ADD} END",
    f"CREATE TRIGGER execution_search_delete AFTER DELETE ON execution_history BEGIN {REMOVE} END",
    f"""
    CREATE TRIGGER execution_search_update
    AFTER UPDATE OF sequence, {", ".join(SEARCHED)} ON execution_history
    WHEN OLD.sequence IS NOT NEW.sequence OR {any_of("OLD.{0} IS NOT NEW.{0}")}
    BEGIN {REMOVE} {ADD} END
    """,
)
POSTGRESQL = (
    # Words are what SQLite's tokenizer takes for words: letters, digits and accents, whatever the database's locale.
    rf"""
    CREATE FUNCTION execution_words(output_data text, rendered_prompt text, input_data jsonb)
    RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
        SELECT lower(regexp_replace(
            left(concat_ws(' ', output_data, rendered_prompt, (
                SELECT string_agg(value #>> '{{}}', ' ') FROM jsonb_path_query(input_data, 'strict $.**') AS value
                WHERE jsonb_typeof(value) = 'string'
            )), {LONGEST}) COLLATE "und-x-icu", '[^[:alnum:]\u0300-\u036f]+', ' ', 'g'
        ))
    $$
    """,
    # Beside the history, so that a page of what many executions contain is read without their texts. No positions:
    # a tsvector drops those after the 256th of a word.
    """
    CREATE TABLE execution_search (
        sequence bigint PRIMARY KEY REFERENCES execution_history ON DELETE CASCADE,
        words tsvector NOT NULL
    )
    """,
    "ALTER TABLE execution_search ALTER COLUMN words SET STATISTICS 1000",
    "CREATE INDEX execution_search_words ON execution_search USING gin (words) WITH (fastupdate = off)",
    """
    CREATE FUNCTION execution_vector(output_data text, rendered_prompt text, input_data jsonb)
    RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
        SELECT array_to_tsvector(coalesce(array_agg(DISTINCT word), '{}'))
        FROM unnest(string_to_array(execution_words(output_data, rendered_prompt, input_data), ' ')) AS word
        WHERE octet_length(word) BETWEEN 1 AND 2046
    $$
    """,
    """
    CREATE FUNCTION execution_search_follow() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        DELETE FROM execution_search WHERE sequence = NEW.sequence;
        INSERT INTO execution_search
        SELECT NEW.sequence, execution_vector(NEW.output_data, NEW.rendered_prompt, NEW.input_data)
        WHERE num_nonnulls(NEW.output_data, NEW.rendered_prompt, NEW.input_data) > 0;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER execution_search_insert AFTER INSERT ON execution_history
    FOR EACH ROW EXECUTE FUNCTION execution_search_follow()
    """,
    f"""
    CREATE TRIGGER execution_search_update AFTER UPDATE OF {", ".join(SEARCHED)} ON execution_history
    FOR EACH ROW WHEN ({any_of("OLD.{0} IS DISTINCT FROM NEW.{0}")}) EXECUTE FUNCTION execution_search_follow()
    """,
)
INDEXES = {
    "executed_at": ("executed_at", "sequence"),
    **{
        name: (name, "executed_at", "sequence")
        for name in ("prompt_id", "version_id", "user_id", "task", "workspace", "model_used")
    },
    "experiment_id": ("experiment_id",),
}
PARTIAL_INDEXES = {
    "failed": (("executed_at", "sequence"), "error_kind IS NOT NULL"),
    "content": (("executed_at",), "keep = 'full'"),
    "open": (("executed_at",), "success IS NULL OR keep = 'nothing'"),
}


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
    for name, columns in INDEXES.items():
        op.create_index(f"ix_execution_history_{name}", "execution_history", columns)
    for name, (columns, where) in PARTIAL_INDEXES.items():
        op.create_index(
            f"ix_execution_history_{name}",
            "execution_history",
            columns,
            sqlite_where=sa.text(where),
            postgresql_where=sa.text(where),
        )
    for statement in POSTGRESQL if op.get_context().dialect.name == "postgresql" else SQLITE:
        op.execute(statement)


def downgrade() -> None:
    """Drop them."""
    op.execute("DROP TABLE execution_search")
    if op.get_context().dialect.name == "sqlite":
        op.execute("DROP VIEW execution_text")
    op.drop_table("execution_history")
    if op.get_context().dialect.name == "postgresql":
        op.execute("DROP FUNCTION execution_search_follow")
        op.execute("DROP FUNCTION execution_vector")
        op.execute("DROP FUNCTION execution_words")
