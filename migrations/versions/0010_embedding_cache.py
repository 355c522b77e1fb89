"""Make ``embedding_cache``."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "embedding_cache",
        sa.Column("model_key", sa.String(length=64), nullable=False),
        sa.Column("text_hash", sa.String(length=64), nullable=False),
        sa.Column("model_name", sa.String(length=200), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("model_key", "text_hash", name=op.f("pk_embedding_cache")),
    )
    op.create_index("ix_embedding_cache_created_at", "embedding_cache", ["created_at"], unique=False)
    op.create_index("ix_embedding_cache_last_used_at", "embedding_cache", ["last_used_at", "size_bytes"], unique=False)


def downgrade() -> None:
    """Drop it."""
    op.drop_table("embedding_cache")
