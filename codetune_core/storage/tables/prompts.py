"""Tables of the prompt library: prompts, their versions, and the ledger of deployments."""

import datetime as dt
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Computed,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from codetune_core.domain.prompt import Category
from codetune_core.storage.tables.base import Base, PortableJson, UtcDateTime


class PromptRow(Base):
    """A prompt; its wording mirrors the version deployed to production, and triggers derive its statistics."""

    __tablename__ = "prompt_library"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    description: Mapped[str] = mapped_column(Text, default="")
    category: Mapped[str] = mapped_column(String(50))
    use_case: Mapped[str] = mapped_column(String(100), default="")
    tags: Mapped[list[str]] = mapped_column(PortableJson, default=list)
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[str] = mapped_column(String(100), default="")
    is_active: Mapped[bool] = mapped_column(default=True)
    model_type: Mapped[str | None] = mapped_column(String(100))
    temperature: Mapped[float] = mapped_column(Float, default=0.7, server_default=text("0.7"))
    max_tokens: Mapped[int] = mapped_column(Integer, default=2048, server_default=text("2048"))
    system_prompt: Mapped[str] = mapped_column(Text, default="")
    user_prompt_template: Mapped[str] = mapped_column(Text, default="")
    few_shot_examples: Mapped[list[Any]] = mapped_column(PortableJson, default=list)
    total_executions: Mapped[int] = mapped_column(Integer, default=0, server_default=text("0"))
    successful_executions: Mapped[int] = mapped_column(Integer, default=0, server_default=text("0"))
    total_execution_time: Mapped[float] = mapped_column(Float, default=0, server_default=text("0"))
    """Milliseconds."""
    success_rate: Mapped[float | None] = mapped_column(
        Float, Computed("successful_executions * 1.0 / NULLIF(total_executions, 0)", persisted=True)
    )
    avg_execution_time: Mapped[float | None] = mapped_column(
        Float, Computed("total_execution_time / NULLIF(total_executions, 0)", persisted=True)
    )
    """Milliseconds."""
    current_version_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("prompt_versions.id", use_alter=True, ondelete="SET NULL")
    )

    __table_args__ = (
        CheckConstraint(f"category IN ({', '.join(repr(category.value) for category in Category)})", name="category"),
        CheckConstraint(
            "length(name) <= 200 AND length(use_case) <= 100 AND length(created_by) <= 100", name="lengths"
        ),
    )


class PromptVersionRow(Base):
    """One wording of a prompt; a trigger refuses any change of what it says."""

    __tablename__ = "prompt_versions"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    prompt_id: Mapped[UUID] = mapped_column(ForeignKey("prompt_library.id", ondelete="CASCADE"))
    version_number: Mapped[int]
    system_prompt: Mapped[str] = mapped_column(Text)
    user_prompt_template: Mapped[str] = mapped_column(Text)
    few_shot_examples: Mapped[list[Any]] = mapped_column(PortableJson)
    variables: Mapped[list[Any]] = mapped_column(PortableJson)
    model_type: Mapped[str | None] = mapped_column(String(100))
    temperature: Mapped[float] = mapped_column(Float)
    max_tokens: Mapped[int] = mapped_column(Integer)
    decoding: Mapped[dict[str, Any]] = mapped_column(PortableJson)
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[str] = mapped_column(String(100), default="")
    change_notes: Mapped[str] = mapped_column(Text, default="")
    content_hash: Mapped[str] = mapped_column(String(64))
    test_executions: Mapped[int] = mapped_column(Integer, default=0, server_default=text("0"))
    test_success_rate: Mapped[float | None] = mapped_column(Float)
    test_avg_execution_time: Mapped[float | None] = mapped_column(Float)
    """Milliseconds."""
    is_deployed: Mapped[bool] = mapped_column(default=False)
    deployed_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (
        UniqueConstraint("prompt_id", "version_number"),
        UniqueConstraint("prompt_id", "content_hash"),
        UniqueConstraint("prompt_id", "id"),
    )


class DeploymentRow(Base):
    """An entry of the append-only ledger; a trigger refuses changes."""

    __tablename__ = "prompt_deployments"

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), Identity(always=True), primary_key=True
    )
    prompt_id: Mapped[UUID]
    version_id: Mapped[UUID]
    label: Mapped[str] = mapped_column(String(100))
    action: Mapped[str] = mapped_column(String(20))
    deployed_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    deployed_by: Mapped[str] = mapped_column(String(100), default="")
    reason: Mapped[str] = mapped_column(Text, default="")
    experiment: Mapped[dict[str, Any] | None] = mapped_column(PortableJson)

    __table_args__ = (
        ForeignKeyConstraint(
            ["prompt_id", "version_id"], ["prompt_versions.prompt_id", "prompt_versions.id"], ondelete="CASCADE"
        ),
        Index("ix_prompt_deployments_prompt_id_label", "prompt_id", "label", "id"),
        {"sqlite_autoincrement": True},  # a place in the ledger is never given twice
    )
