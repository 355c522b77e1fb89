"""The table of the service's keys."""

import datetime as dt

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from codetune_core.storage.tables.base import Base, UtcDateTime


class ServiceKeyRow(Base):
    """One key: who has it and what it allows; of the key itself only the SHA-256, in hexadecimal digits."""

    __tablename__ = "service_key"

    id: Mapped[str] = mapped_column(String(20), primary_key=True)
    """The part of the key that is no secret."""
    key_hash: Mapped[str] = mapped_column(String(64))
    user_id: Mapped[str] = mapped_column(String(100))
    scopes: Mapped[str] = mapped_column(String(200))
    """Names of scopes with blanks between them."""
    note: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[str] = mapped_column(String(100))
    expires_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    """None for never."""
    revoked_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    last_used_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    """Written at most once in some minutes."""

    __table_args__ = (Index("ix_service_key_created_at", "created_at", "id"),)
