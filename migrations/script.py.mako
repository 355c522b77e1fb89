"""${message}."""

import sqlalchemy as sa
from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    """Say what is made."""
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    """Say what is undone."""
    ${downgrades if downgrades else "pass"}
