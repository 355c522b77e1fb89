"""Whether the service can execute, and what it waits for."""

from typing import Literal

from codetune_core.http.replies import Reply


class LoadingModel(Reply):
    """A model that cannot answer yet."""

    model: str
    """Its name."""
    state: Literal["waiting", "pulling", "loading", "failed"]
    """Whether its weights are fetched, loaded, or could not be; ``waiting`` for others."""
    stage: str = ""
    """What is being done, where that is known."""
    part: float | None = None
    """How much of that is done, from 0 to 1, where that is known."""
    seconds: float | None = None
    """How long loading has taken by now."""
    remaining_seconds: float | None = None
    """About how long it will still take, from how long it took before on this machine; null where it never did."""


class ReadyReply(Reply):
    """Whether executions can run."""

    status: Literal["ready", "prompts-only", "loading", "draining", "unavailable"]
    """``prompts-only``: prompts, history and the cache are served, and no engine is there to execute."""
    detail: str = ""
    """Why it is not ready."""
    engine: str = ""
    """What runs models; empty for nothing."""
    loading: tuple[LoadingModel, ...] = ()
    """Models that are being loaded, also where others answer meanwhile, and such that could not be."""

    @property
    def can_execute(self) -> bool:
        """Whether there is nothing to wait for."""
        return self.status in {"ready", "prompts-only"}

    @property
    def retry_after(self) -> int:
        """Seconds after which to ask again."""
        remaining = [each.remaining_seconds for each in self.loading if each.remaining_seconds is not None]
        return max(1, min(60, round(max(remaining)))) if remaining else 5
