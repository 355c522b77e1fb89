"""Tables of the history: one row an execution, and the figures that triggers keep of them."""

import datetime as dt
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Date,
    Float,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from codetune_core.storage.tables.base import Base, Money, PortableJson, UtcDateTime


class ExecutionRow(Base):
    """An execution; ``sequence`` is what the search index of SQLite points to, and stays through VACUUM."""

    __tablename__ = "execution_history"

    sequence: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), Identity(always=True), primary_key=True
    )
    id: Mapped[UUID]
    prompt_id: Mapped[UUID | None]
    version_id: Mapped[UUID | None]
    executed_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    user_id: Mapped[str] = mapped_column(String(200), default="")
    session_id: Mapped[str] = mapped_column(String(200), default="")
    workspace: Mapped[str] = mapped_column(Text, default="")
    task: Mapped[str] = mapped_column(String(50))
    keep: Mapped[str] = mapped_column(String(20))
    input_data: Mapped[dict[str, Any] | None] = mapped_column(PortableJson)
    rendered_prompt: Mapped[str | None] = mapped_column(Text)
    output_data: Mapped[str | None] = mapped_column(Text)
    execution_time_ms: Mapped[float | None] = mapped_column(Float)
    time_to_first_token_ms: Mapped[float | None] = mapped_column(Float)
    prompt_tokens: Mapped[int | None]
    completion_tokens: Mapped[int | None]
    tokens_used: Mapped[int | None]
    model_used: Mapped[str] = mapped_column(String(200), default="")
    model_revision: Mapped[str] = mapped_column(String(100), default="")
    engine: Mapped[str] = mapped_column(String(100), default="")
    from_cache: Mapped[bool] = mapped_column(default=False)
    success: Mapped[bool | None]
    """None while it runs."""
    error_kind: Mapped[str | None] = mapped_column(String(50))
    error_message: Mapped[str | None] = mapped_column(Text)
    finish_reason: Mapped[str | None] = mapped_column(String(50))
    user_feedback: Mapped[int | None]
    user_feedback_text: Mapped[str | None] = mapped_column(Text)
    outcome: Mapped[str | None] = mapped_column(String(20))
    estimated_cost_usd: Mapped[Decimal | None] = mapped_column(Money)
    price_source: Mapped[str] = mapped_column(Text, default="")
    experiment_id: Mapped[str] = mapped_column(String(100), default="")
    experiment_arm: Mapped[str] = mapped_column(String(100), default="")
    cache_key: Mapped[dict[str, Any]] = mapped_column(PortableJson, default=dict)

    __table_args__ = (
        UniqueConstraint("id"),
        ForeignKeyConstraint(
            ["prompt_id", "version_id"], ["prompt_versions.prompt_id", "prompt_versions.id"], ondelete="SET NULL"
        ),
        CheckConstraint("(prompt_id IS NULL) = (version_id IS NULL)", name="version_with_prompt"),
        CheckConstraint("user_feedback BETWEEN 1 AND 5", name="user_feedback"),
        CheckConstraint("outcome IN ('shown', 'accepted', 'edited', 'rejected', 'reverted', 'kept')", name="outcome"),
        Index("ix_execution_history_executed_at", "executed_at", "sequence"),
        Index("ix_execution_history_prompt_id", "prompt_id", "executed_at", "sequence"),
        Index("ix_execution_history_version_id", "version_id", "executed_at", "sequence"),
        Index("ix_execution_history_user_id", "user_id", "executed_at", "sequence"),
        Index("ix_execution_history_task", "task", "executed_at", "sequence"),
        Index("ix_execution_history_workspace", "workspace", "executed_at", "sequence"),
        Index("ix_execution_history_model_used", "model_used", "executed_at", "sequence"),
        Index("ix_execution_history_experiment_id", "experiment_id"),
    )


class DailyFiguresRow(Base):
    """Sums over the ended executions of a UTC day, kept by triggers on ``execution_history`` and by nothing else.

    Each execution is counted once for its prompt, its version, its model and its user: those are the kinds. Averages
    and rates follow from the sums. A missing prompt or version stands as the nil UUID.
    """

    __tablename__ = "execution_daily"

    kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    key: Mapped[str] = mapped_column(String(200), primary_key=True)
    day: Mapped[dt.date] = mapped_column(Date, primary_key=True)
    executions: Mapped[int]
    succeeded: Mapped[int]
    from_cache: Mapped[int]
    generated: Mapped[int]
    """Ended on an engine with a measured time: not from the cache, cancelled, or refused before it ran."""
    execution_time_ms: Mapped[float]
    tokens: Mapped[int] = mapped_column(BigInteger)
    cost_usd: Mapped[Decimal] = mapped_column(Money)
    unpriced: Mapped[int]
    rated: Mapped[int]
    rating_sum: Mapped[int]
    judged: Mapped[int]
    accepted: Mapped[int]


class MaintenanceRow(Base):
    """What is due of the upkeep of the history, and who is at it."""

    __tablename__ = "maintenance"

    task: Mapped[str] = mapped_column(String(50), primary_key=True)
    due_since: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    """When content was removed whose traces are still in indexes and free pages; None for nothing to do."""
    leased_until: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    """Until when one process is at it; a process that died leaves it to the next one then."""
