"""Make ``prompt_library``; on PostgreSQL its key to the deployed version follows with the versions."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "prompt_library",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("category", sa.String(length=50), nullable=False),
        sa.Column("use_case", sa.String(length=100), nullable=False),
        sa.Column("tags", JSON, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=100), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("model_type", sa.String(length=100), nullable=True),
        sa.Column("temperature", sa.Float(), server_default=sa.text("0.7"), nullable=False),
        sa.Column("max_tokens", sa.Integer(), server_default=sa.text("2048"), nullable=False),
        sa.Column("system_prompt", sa.Text(), nullable=False),
        sa.Column("user_prompt_template", sa.Text(), nullable=False),
        sa.Column("few_shot_examples", JSON, nullable=False),
        sa.Column("total_executions", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("successful_executions", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("total_execution_time", sa.Float(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "success_rate",
            sa.Float(),
            sa.Computed("successful_executions * 1.0 / NULLIF(total_executions, 0)", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "avg_execution_time",
            sa.Float(),
            sa.Computed("total_execution_time / NULLIF(total_executions, 0)", persisted=True),
            nullable=True,
        ),
        sa.Column("current_version_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "category IN ('code_generation', 'code_review', 'security', 'refactoring', 'documentation', 'testing', "
            "'explanation', 'question_answering', 'other')",
            name=op.f("ck_prompt_library_category"),
        ),
        sa.CheckConstraint(
            "length(name) <= 200 AND length(use_case) <= 100 AND length(created_by) <= 100",
            name=op.f("ck_prompt_library_lengths"),
        ),
        sa.ForeignKeyConstraint(
            ["current_version_id"],
            ["prompt_versions.id"],
            name=op.f("fk_prompt_library_current_version_id"),
            ondelete="SET NULL",
            use_alter=True,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prompt_library")),
    )
    if op.get_context().dialect.name == "postgresql":
        op.create_index("ix_prompt_library_tags", "prompt_library", ["tags"], postgresql_using="gin")
    op.create_index(
        "uq_prompt_library_active_name",
        "prompt_library",
        ["name"],
        unique=True,
        sqlite_where=sa.text("is_active"),
        postgresql_where=sa.text("is_active"),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("prompt_library")
