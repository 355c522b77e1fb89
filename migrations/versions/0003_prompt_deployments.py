"""Make ``prompt_deployments``, a ledger that the database itself only lets grow."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")

REFUSAL = "the ledger of deployments only grows: write a new entry"

SQLITE = (
    f"""
    CREATE TRIGGER prompt_deployments_unchanged BEFORE UPDATE ON prompt_deployments
    BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END
    """,
    f"""
    CREATE TRIGGER prompt_deployments_kept BEFORE DELETE ON prompt_deployments
    WHEN EXISTS (SELECT 1 FROM prompt_versions WHERE id = OLD.version_id)
    BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END
    """,
    # INSERT OR REPLACE deletes without asking the trigger above.
    f"""
    CREATE TRIGGER prompt_deployments_not_replaced BEFORE INSERT ON prompt_deployments
    WHEN EXISTS (SELECT 1 FROM prompt_deployments WHERE id = NEW.id)
    BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END
    """,
)
POSTGRESQL = (
    """
    CREATE FUNCTION keep_deployment() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT FROM prompt_versions WHERE id = OLD.version_id) THEN
            RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN OLD;
    END $$
    """,
    f"""
    CREATE TRIGGER prompt_deployments_unchanged BEFORE UPDATE ON prompt_deployments
    FOR EACH ROW EXECUTE FUNCTION refuse_change('{REFUSAL}')
    """,
    f"""
    CREATE TRIGGER prompt_deployments_kept BEFORE DELETE ON prompt_deployments
    FOR EACH ROW EXECUTE FUNCTION keep_deployment('{REFUSAL}')
    """,
    f"""
    CREATE TRIGGER prompt_deployments_not_truncated BEFORE TRUNCATE ON prompt_deployments
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('{REFUSAL}')
    """,
)


def upgrade() -> None:
    """Make the table and its triggers."""
    op.create_table(
        "prompt_deployments",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), sa.Identity(always=True), nullable=False),
        sa.Column("prompt_id", sa.Uuid(), nullable=False),
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("label", sa.String(length=100), nullable=False),
        sa.Column("action", sa.String(length=20), nullable=False),
        sa.Column("deployed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deployed_by", sa.String(length=100), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("experiment", JSON, nullable=True),
        sa.ForeignKeyConstraint(
            ["prompt_id", "version_id"],
            ["prompt_versions.prompt_id", "prompt_versions.id"],
            name=op.f("fk_prompt_deployments_prompt_id_version_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prompt_deployments")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_prompt_deployments_prompt_id_label", "prompt_deployments", ["prompt_id", "label", "id"], unique=False
    )
    for statement in POSTGRESQL if op.get_context().dialect.name == "postgresql" else SQLITE:
        op.execute(statement)


def downgrade() -> None:
    """Drop them."""
    op.drop_table("prompt_deployments")
    if op.get_context().dialect.name == "postgresql":
        op.execute("DROP FUNCTION keep_deployment")
