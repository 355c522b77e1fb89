"""Records of LoRA tuning: how runs are set up, and what was measured in them."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from codetune_core.domain.service_key import Scope
from codetune_core.execution.wire import WireBody
from codetune_core.http.replies import Cursor, Moment, Page, Reply
from codetune_core.tuning.config import RecordedConfig, TrainingConfig
from codetune_core.tuning.protocol import MetricPlace
from codetune_remote.cursors import Cursors, split
from codetune_remote.problems import Refusal
from codetune_remote.route import Call, Nothing, Route

_Integer = Annotated[int, Field(ge=0, le=2**31 - 1)]
_PLACES: Cursors[tuple[int, int, UUID]] = Cursors(tuple[_Integer, _Integer, UUID])


class ByConfig(WireBody):
    """A path that holds the id of a run's set-up."""

    config_id: UUID
    """Id of the set-up."""


class Metrics(Cursor):
    """Which measurements are listed."""

    process_rank: _Integer | None = None
    """Only those of this process of the run."""


class ConfigReply(Reply):
    """How a run is set up, as it was recorded."""

    id: UUID
    """Of the set-up."""
    config: TrainingConfig
    """What was recorded."""
    created_at: Moment
    """When."""
    created_by: str
    """By whom."""


class MetricReply(Reply):
    """What one process of a run measured at one step."""

    epoch: float
    """Passes over the examples so far."""
    step: int
    """Counted from the beginning of the run."""
    at: Moment
    """When it was measured."""
    train_loss: float | None
    """Mean of the batch in nats a token; null where it was not measured, or is no number."""
    eval_loss: float | None
    """The same on examples that are not trained on."""
    process_rank: int
    """Which process of the run, from 0."""


async def create_config(call: Call[TrainingConfig]) -> ConfigReply:
    """Record how a run is set up; it never changes."""
    return ConfigReply.model_validate(await call.service.core.training.create(call.body, call.principal.user_id))


async def get_config(call: Call[Nothing, Nothing, ByConfig]) -> ConfigReply:
    """Say how a run is set up."""
    return ConfigReply.model_validate(await _config(call))


async def list_metrics(call: Call[Nothing, Metrics, ByConfig]) -> Page[MetricReply]:
    """List what was measured in a run, by step and process."""
    await _config(call)
    asked, place = call.query, _PLACES.read(call.query.cursor)
    found = await call.service.core.training.metrics(
        call.path.config_id,
        process_rank=asked.process_rank,
        after=MetricPlace(*place) if place else None,
        limit=asked.limit + 1,
    )
    items, last = split(found, asked.limit)
    following = _PLACES.written((last.step, last.process_rank, last.id)) if last else ""
    return Page(items=[MetricReply.model_validate(each) for each in items], next=following)


async def _config(call: Call[Nothing, Nothing, ByConfig] | Call[Nothing, Metrics, ByConfig]) -> RecordedConfig:
    if found := await call.service.core.training.find(call.path.config_id):
        return found
    raise Refusal(404, "not-found", f"no run was set up as {call.path.config_id}")


_NONE = {404: "No run was set up under this id."}
ROUTES = (
    Route(
        "POST",
        "/api/training/config",
        create_config,
        Scope.ADMIN,
        "Record how a run is set up",
        body=TrainingConfig,
        reply=ConfigReply,
        status=201,
    ),
    Route(
        "GET",
        "/api/training/config/{config_id}",
        get_config,
        Scope.READ,
        "Show how a run is set up",
        parts=ByConfig,
        reply=ConfigReply,
        problems=_NONE,
    ),
    Route(
        "GET",
        "/api/training/metrics/{config_id}",
        list_metrics,
        Scope.READ,
        "List what was measured in a run",
        parts=ByConfig,
        query=Metrics,
        reply=Page[MetricReply],
        problems=_NONE,
    ),
)
