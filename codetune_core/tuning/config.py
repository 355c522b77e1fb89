"""How a LoRA tuning run is set up, and what is measured during it."""

import datetime as dt
from dataclasses import dataclass
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

_LARGEST = 2**31 - 1
"""Of what a column of integers holds on both kinds of database."""
Written = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$")]
"""Text that every database can hold."""
Module = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][\w.]*$", max_length=200)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Lora(_Frozen):
    """What is trained instead of the weights: low-rank adaptation, <https://arxiv.org/abs/2106.09685>."""

    rank: int = Field(default=16, ge=1, le=1024)
    """Rank r of the update B A of each weight matrix."""
    alpha: float = Field(default=32, gt=0, le=8192)
    """The update is scaled by alpha / r."""
    dropout: float = Field(default=0.05, ge=0, lt=1)
    """Share of the update's inputs that are dropped while it is trained."""
    target_modules: tuple[Module, ...] = Field(
        default=("q_proj", "k_proj", "v_proj", "o_proj"), min_length=1, max_length=64
    )
    """Names of the layers that are adapted, or the ends of their names."""

    @model_validator(mode="after")
    def _distinct_modules(self) -> Self:
        if len(set(self.target_modules)) < len(self.target_modules):
            raise ValueError("a target module is named twice")
        return self


class TrainingConfig(_Frozen):
    """How a run is set up; a recorded one never changes."""

    name: Written = Field(min_length=1, max_length=200)
    """What people call it."""
    model: Written = Field(min_length=1, max_length=200)
    """The model that is tuned, by its name in the catalogue."""
    model_revision: Written = Field(default="", max_length=100)
    """Commit of its weights; empty for the one that is pinned."""
    dataset: Written = Field(min_length=1, max_length=10_000)
    """Where the examples come from: a path or a name, with a revision."""
    batch_size: int = Field(default=4, ge=1, le=65_536)
    """Examples in one step of one process."""
    learning_rate: float = Field(default=2e-4, gt=0, le=1)
    """Largest step size, after the warm-up."""
    epochs: int = Field(default=3, ge=1, le=10_000)
    """How often each example is seen."""
    max_sequence_length: int = Field(default=2048, ge=1, le=1_048_576)
    """Tokens of one example; longer ones are cut."""
    warmup_steps: int = Field(default=0, ge=0, le=_LARGEST)
    """Steps in which the learning rate rises from 0."""
    lora: Lora = Lora()
    """What is trained."""
    seed: int = Field(default=42, ge=0, le=_LARGEST)
    """Of the order of the examples and of the first values."""


@dataclass(frozen=True, slots=True)
class RecordedConfig:
    """A TrainingConfig as it was recorded."""

    id: UUID
    config: TrainingConfig
    created_at: dt.datetime
    created_by: str


@dataclass(frozen=True, slots=True)
class Metric:
    """What one process measured at one step.

    Attributes:
        epoch: passes over the examples so far, with a fraction.
        train_loss: mean of the batch in nats a token; None where it was not measured.
        eval_loss: the same on examples that are not trained on.
        process_rank: which process of the run, from 0.
    """

    id: UUID
    epoch: float
    step: int
    at: dt.datetime
    train_loss: float | None = None
    eval_loss: float | None = None
    process_rank: int = 0
