"""Make ``rate_window``."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "rate_window",
        sa.Column("user_id", sa.String(length=200), nullable=False),
        sa.Column("window_number", sa.BigInteger(), nullable=False),
        sa.Column("current_count", sa.Integer(), nullable=False),
        sa.Column("previous_count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_rate_window")),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("rate_window")
