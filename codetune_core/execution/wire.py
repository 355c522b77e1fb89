"""What a client and the service say to each other over HTTP: the body of an execution, and what all bodies are."""

from pathlib import PureWindowsPath
from typing import Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from codetune_core.domain.deployment import PRODUCTION
from codetune_core.domain.execution import ExecutionRequest, Priority, Task


class WireBody(BaseModel):
    """A body in JSON; names that it does not know are ignored, for a newer side may send them."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class AboutFiles(WireBody):
    """A body that says which files it is about, and which model is asked."""

    model: str = ""
    workspace: str = ""
    paths: tuple[str, ...] = ()

    def of_elsewhere(self) -> Self:
        """Return what another machine's client means: its folder's name, and paths from no root.

        So what it names is compared as text, and never looked for on the disk of who reads this.
        """
        paths = map(PureWindowsPath, self.paths)  # which knows the separators and roots of all systems
        update = {
            "workspace": PureWindowsPath(self.workspace).name,
            "paths": tuple("/".join(path.parts[bool(path.anchor) :]) for path in paths),
        }
        return self.model_copy(update=update)


class ExecuteOptions(AboutFiles):
    """How to run a prompt; see ExecutionRequest. Who asks is known by the key or the socket.

    ``deadline_seconds`` counts from when the service has read this: after it, the work is not started any more.
    """

    variables: dict[str, JsonValue] = {}
    label: str = PRODUCTION
    version: int | None = Field(default=None, ge=1)
    model: str = ""
    session_id: str = ""
    workspace: str = ""
    paths: tuple[str, ...] = ()
    sample_index: int = Field(default=0, ge=0)
    fresh: bool = False
    priority: Priority = Priority.EXPLICIT
    deadline_seconds: float | None = Field(default=None, gt=0)


class ExecuteBody(ExecuteOptions):
    """What to run."""

    task: Task
    prompt: str = Field(min_length=1)

    @classmethod
    def of(cls, request: ExecutionRequest, deadline_seconds: float | None = None) -> Self:
        """Return what is sent for a request."""
        named = {name: getattr(request, name) for name in cls.model_fields if name != "deadline_seconds"}
        return cls(**{**named, "variables": dict(request.variables)}, deadline_seconds=deadline_seconds)

    def request(self, execution_id: UUID, *, user_id: str, tenant: str) -> ExecutionRequest:
        """Return what is run."""
        named = {name: value for name, value in self if name != "deadline_seconds"}
        return ExecutionRequest(**named, id=execution_id, user_id=user_id, tenant=tenant)
