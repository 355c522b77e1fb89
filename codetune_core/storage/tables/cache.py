"""The table of remembered answers."""

import datetime as dt
from typing import Any
from uuid import UUID

from sqlalchemy import Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from codetune_core.storage.tables.base import Base, PortableJson, UtcDateTime


class CachedAnswerRow(Base):
    """A complete answer by everything that can change it; no part of the key is nullable."""

    __tablename__ = "model_cache"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    model_name: Mapped[str] = mapped_column(String(200))
    model_revision: Mapped[str] = mapped_column(String(100))
    prompt_hash: Mapped[str] = mapped_column(String(64))
    parameters_hash: Mapped[str] = mapped_column(String(64))
    sample_index: Mapped[int]
    cached_output: Mapped[dict[str, Any]] = mapped_column(PortableJson)
    tokens_used: Mapped[int]
    size_bytes: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    last_accessed_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    access_count: Mapped[int] = mapped_column(Integer, default=0)
    expires_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    is_valid: Mapped[bool] = mapped_column(default=True)

    __table_args__ = (
        UniqueConstraint(
            "model_name", "model_revision", "prompt_hash", "parameters_hash", "sample_index", name="uq_model_cache_key"
        ),
        Index("ix_model_cache_last_accessed_at", "last_accessed_at", "size_bytes"),
        Index("ix_model_cache_expires_at", "expires_at"),
    )
