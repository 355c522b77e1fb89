"""Tables of LoRA tuning: how a run was set up, and what was measured during it."""

import datetime as dt
from typing import Any
from uuid import UUID

from sqlalchemy import Float, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from codetune_core.storage.tables.base import Base, PortableJson, UtcDateTime


class TrainingConfigRow(Base):
    """How a run is set up."""

    __tablename__ = "training_config"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[str] = mapped_column(String(100), default="")
    model: Mapped[str] = mapped_column(String(200))
    model_revision: Mapped[str] = mapped_column(String(100), default="")
    dataset: Mapped[str] = mapped_column(Text)
    batch_size: Mapped[int] = mapped_column(Integer)
    learning_rate: Mapped[float] = mapped_column(Float)
    epochs: Mapped[int] = mapped_column(Integer)
    max_sequence_length: Mapped[int] = mapped_column(Integer)
    """Tokens."""
    warmup_steps: Mapped[int] = mapped_column(Integer)
    lora: Mapped[dict[str, Any]] = mapped_column(PortableJson)
    """Rank, alpha, dropout and target modules."""
    seed: Mapped[int] = mapped_column(Integer)


class TrainingMetricRow(Base):
    """What one process measured at one step."""

    __tablename__ = "training_metric"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    config_id: Mapped[UUID] = mapped_column(ForeignKey("training_config.id", ondelete="CASCADE"))
    epoch: Mapped[float] = mapped_column(Float)
    step: Mapped[int] = mapped_column(Integer)
    train_loss: Mapped[float | None] = mapped_column(Float)
    eval_loss: Mapped[float | None] = mapped_column(Float)
    process_rank: Mapped[int] = mapped_column(Integer, default=0)
    timestamp: Mapped[dt.datetime] = mapped_column(UtcDateTime)

    __table_args__ = (Index("ix_training_metric_config_id_step", "config_id", "step", "process_rank"),)
