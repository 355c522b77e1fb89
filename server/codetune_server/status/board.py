"""Makes one status of what is known of who answers, and announces it when it is another one."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from codetune_server.status.state import State, Status

if TYPE_CHECKING:
    from codetune_core.domain.execution import Role

Announce = Callable[[Status, bool], None]
"""Told of every new status; the flag is set where it is more than another estimate."""


class Board:
    """What is known, the most pressing first: who is waited for, what loads, what failed last, who is there."""

    def __init__(self) -> None:
        self.announce: Announce = lambda _status, _is_news: None
        """Set by the feature that tells the editor."""
        self._told: Status | None = None
        self._there: Status | None = None
        self._failure: Status | None = None
        self._loading: Status | None = None
        self._waiting: dict[object, Status] = {}

    @property
    def present(self) -> Status | None:
        """The status; None as long as nothing is known."""
        waiting = next(reversed(self._waiting.values()), None)
        return waiting or self._loading or self._failure or self._there

    @property
    def why_nobody(self) -> str:
        """Why nobody answers, in words; empty where somebody does, and where nothing is known."""
        return self._there.text if self._there and self._there.state is not State.READY else ""

    def nobody(self, why: str) -> None:
        """Note that there is no model."""
        self._there, self._failure = Status(State.NO_MODEL, why), None
        self._changed()

    def unreachable(self, why: str) -> None:
        """Note that who would know cannot be asked."""
        self._there = Status(State.OFFLINE, why)
        self._changed()

    def answering(self, models: "Mapping[Role, str]", remark: str = "") -> None:
        """Note who answers; empty names stand for a service that chooses."""
        names = list(dict.fromkeys(name for name in models.values() if name))
        said = f"{' and '.join(names)} can be asked" if names else "the service of your team can be asked"
        self._there = Status(State.READY, f"{said}{remark and f'; {remark}'}", names[0] if names else "")
        if self._failure and self._failure.state is State.OFFLINE:
            self._failure = None
        self._changed()

    def loading(self, status: Status | None) -> None:
        """Note what is being loaded; None for nothing."""
        self._loading = status
        self._changed()

    def waiting(self, execution: object, status: Status | None) -> None:
        """Note what an execution waits for; None for nothing any more."""
        self._waiting.pop(execution, None)
        if status:
            self._waiting[execution] = status
        self._changed()

    def failed(self, status: Status) -> None:
        """Note why the last execution failed, where the next ones will for the same reason."""
        self._failure = status
        self._changed()

    def answered(self) -> None:
        """Note that a model answers: what failed before counts no more."""
        if self._failure:
            self._failure = None
            self._changed()

    def _changed(self) -> None:
        now, before = self.present, self._told
        if now is None or now == before:
            return
        self._told = now
        self.announce(now, before is None or (now.state, now.model) != (before.state, before.model))
