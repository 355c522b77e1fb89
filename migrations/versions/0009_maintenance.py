"""Make ``maintenance``, which says what is due of the upkeep of the history."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Make the table with its only row."""
    op.create_table(
        "maintenance",
        sa.Column("task", sa.String(length=50), nullable=False),
        sa.Column("due_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("task", name=op.f("pk_maintenance")),
    )
    op.execute("INSERT INTO maintenance (task) VALUES ('retention')")


def downgrade() -> None:
    """Drop it."""
    op.drop_table("maintenance")
