"""A Deployment: one entry of a prompt's ledger, which says what ran under a label from when on."""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from typing import Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

PRODUCTION = "production"
STAGING = "staging"


class Action(StrEnum):
    """What an entry did."""

    DEPLOY = "deploy"
    ROLLBACK = "rollback"
    EXPERIMENT = "experiment"
    """From here on the label's traffic is split; the entry's own version is the control."""


class Arm(BaseModel):
    """One version's share of a label's traffic."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    version_id: UUID
    version_number: int
    weight: float = Field(gt=0, allow_inf_nan=False)


class Experiment(BaseModel):
    """A split of a label's traffic between versions; the first arm is the control.

    Attributes:
        id: names it in history; unique.
        arms: at least two, of distinct names and versions; weights are relative.
        alpha: bound on the chance of a false alarm, over all looks together.
        automatic: stop by itself, and promote or roll back, once the verdict is sure.
        min_executions: of each arm before it may stop by itself.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    arms: tuple[Arm, ...] = Field(min_length=2)
    alpha: float = Field(default=0.05, gt=0, lt=1)
    automatic: bool = False
    min_executions: int = Field(default=50, ge=1)

    @model_validator(mode="after")
    def _distinct_arms(self) -> Self:
        for values in ({arm.name for arm in self.arms}, {arm.version_id for arm in self.arms}):
            if len(values) < len(self.arms):
                raise ValueError("two arms of an experiment have one name or one version")
        return self


@dataclass(frozen=True, slots=True)
class Deployment:
    """An entry of the append-only ledger.

    Attributes:
        sequence: place in the ledger of all prompts, ascending.
        version_id: what runs under the label from ``at`` on.
        experiment: set where the entry starts one; any later entry of the label ends it.
    """

    sequence: int
    prompt_id: UUID
    version_id: UUID
    version_number: int
    label: str
    action: Action
    at: dt.datetime
    by: str
    reason: str = ""
    experiment: Experiment | None = None
