"""Make ``model_cache``."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "model_cache",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("model_name", sa.String(length=200), nullable=False),
        sa.Column("model_revision", sa.String(length=100), nullable=False),
        sa.Column("prompt_hash", sa.String(length=64), nullable=False),
        sa.Column("parameters_hash", sa.String(length=64), nullable=False),
        sa.Column("sample_index", sa.Integer(), nullable=False),
        sa.Column("cached_output", JSON, nullable=False),
        sa.Column("tokens_used", sa.Integer(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_accessed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("access_count", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_valid", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model_cache")),
        sa.UniqueConstraint(
            "model_name", "model_revision", "prompt_hash", "parameters_hash", "sample_index", name="uq_model_cache_key"
        ),
    )
    op.create_index("ix_model_cache_expires_at", "model_cache", ["expires_at"], unique=False)
    op.create_index("ix_model_cache_last_accessed_at", "model_cache", ["last_accessed_at", "size_bytes"], unique=False)
    op.create_index(
        "ix_model_cache_invalid",
        "model_cache",
        ["id"],
        unique=False,
        sqlite_where=sa.text("is_valid = 0"),
        postgresql_where=sa.text("NOT is_valid"),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("model_cache")
