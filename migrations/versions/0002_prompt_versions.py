"""Make ``prompt_versions``, whose rows the database itself does not let change."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"

JSON = sa.JSON().with_variant(JSONB(), "postgresql")

WRITTEN_ONCE = (
    "id, prompt_id, version_number, system_prompt, user_prompt_template, few_shot_examples, variables, model_type, "
    "temperature, max_tokens, decoding, created_at, created_by, change_notes, content_hash"
)
REFUSAL = "a prompt version never changes once written: write a new one"

SQLITE = (
    f"""
    CREATE TRIGGER prompt_versions_unchanged BEFORE UPDATE OF {WRITTEN_ONCE} ON prompt_versions
    BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END
    """,
    f"""
    CREATE TRIGGER prompt_versions_kept BEFORE DELETE ON prompt_versions
    WHEN EXISTS (SELECT 1 FROM prompt_library WHERE id = OLD.prompt_id)
    BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END
    """,
    # INSERT OR REPLACE deletes without asking the trigger above.
    f"""
    CREATE TRIGGER prompt_versions_not_replaced BEFORE INSERT ON prompt_versions
    WHEN EXISTS (
        SELECT 1 FROM prompt_versions WHERE id = NEW.id OR (
            prompt_id = NEW.prompt_id AND (version_number = NEW.version_number OR content_hash = NEW.content_hash)
        )
    )
    BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END
    """,
)
POSTGRESQL = (
    """
    CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'restrict_violation';
    END $$
    """,
    """
    CREATE FUNCTION keep_prompt_version() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT FROM prompt_library WHERE id = OLD.prompt_id) THEN
            RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN OLD;
    END $$
    """,
    f"""
    CREATE TRIGGER prompt_versions_unchanged BEFORE UPDATE OF {WRITTEN_ONCE} ON prompt_versions
    FOR EACH ROW EXECUTE FUNCTION refuse_change('{REFUSAL}')
    """,
    f"""
    CREATE TRIGGER prompt_versions_kept BEFORE DELETE ON prompt_versions
    FOR EACH ROW EXECUTE FUNCTION keep_prompt_version('{REFUSAL}')
    """,
    f"""
    CREATE TRIGGER prompt_versions_not_truncated BEFORE TRUNCATE ON prompt_versions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('{REFUSAL}')
    """,
)


def upgrade() -> None:
    """Make the table, its triggers, and the library's key to it."""
    op.create_table(
        "prompt_versions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("prompt_id", sa.Uuid(), nullable=False),
        sa.Column("version_number", sa.Integer(), nullable=False),
        sa.Column("system_prompt", sa.Text(), nullable=False),
        sa.Column("user_prompt_template", sa.Text(), nullable=False),
        sa.Column("few_shot_examples", JSON, nullable=False),
        sa.Column("variables", JSON, nullable=False),
        sa.Column("model_type", sa.String(length=100), nullable=True),
        sa.Column("temperature", sa.Float(), nullable=False),
        sa.Column("max_tokens", sa.Integer(), nullable=False),
        sa.Column("decoding", JSON, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=100), nullable=False),
        sa.Column("change_notes", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("test_executions", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("test_success_rate", sa.Float(), nullable=True),
        sa.Column("test_avg_execution_time", sa.Float(), nullable=True),
        sa.Column("is_deployed", sa.Boolean(), nullable=False),
        sa.Column("deployed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["prompt_id"], ["prompt_library.id"], name=op.f("fk_prompt_versions_prompt_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prompt_versions")),
        sa.UniqueConstraint("prompt_id", "content_hash", name=op.f("uq_prompt_versions_prompt_id_content_hash")),
        sa.UniqueConstraint("prompt_id", "id", name=op.f("uq_prompt_versions_prompt_id_id")),
        sa.UniqueConstraint("prompt_id", "version_number", name=op.f("uq_prompt_versions_prompt_id_version_number")),
    )
    postgresql = op.get_context().dialect.name == "postgresql"
    if postgresql:
        op.create_foreign_key(
            op.f("fk_prompt_library_current_version_id"),
            "prompt_library",
            "prompt_versions",
            ["current_version_id"],
            ["id"],
            ondelete="SET NULL",
        )
    for statement in POSTGRESQL if postgresql else SQLITE:
        op.execute(statement)


def downgrade() -> None:
    """Drop them; no prompt has a current version any more."""
    postgresql = op.get_context().dialect.name == "postgresql"
    op.execute("UPDATE prompt_library SET current_version_id = NULL")
    if postgresql:
        op.drop_constraint(op.f("fk_prompt_library_current_version_id"), "prompt_library")
    op.drop_table("prompt_versions")
    if postgresql:
        op.execute("DROP FUNCTION keep_prompt_version, refuse_change")
