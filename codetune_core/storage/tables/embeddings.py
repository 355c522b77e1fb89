"""The table of remembered vectors."""

import datetime as dt

from sqlalchemy import Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from codetune_core.storage.tables.base import Base, UtcDateTime


class EmbeddingRow(Base):
    """The vector of a text by a model: hashes of both, 32-bit floats in little-endian order, and no text."""

    __tablename__ = "embedding_cache"

    model_key: Mapped[str] = mapped_column(String(64), primary_key=True)
    text_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    model_name: Mapped[str] = mapped_column(String(200))
    vector: Mapped[bytes] = mapped_column(LargeBinary)
    size_bytes: Mapped[int]
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    last_used_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)

    __table_args__ = (
        Index("ix_embedding_cache_created_at", "created_at"),
        Index("ix_embedding_cache_last_used_at", "last_used_at", "size_bytes"),
    )
