"""For what something is asked: the workspace and the files that it is about, which decide what may leave."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from codetune_core.domain.execution import ExecutionRequest


@dataclass(frozen=True, slots=True)
class Origin:
    """What is being done.

    Attributes:
        purpose: the task, or ``embed`` and ``rerank``.
        prompt: name of the prompt; empty for none.
        execution: id of the execution; empty for none.
        workspace: folder of the files it is about; empty for none.
        paths: files whose text stands in what is asked, absolute or relative to the workspace.
    """

    purpose: str = ""
    prompt: str = ""
    execution: str = ""
    workspace: str = ""
    paths: tuple[str, ...] = ()

    @classmethod
    def of(cls, request: ExecutionRequest, execution: object = None) -> "Origin":
        """Return that of an execution, whose id may be given by ``execution`` where the request has none."""
        known = request.id or execution or ""
        return cls(str(request.task), request.prompt, str(known), request.workspace, request.paths)


_ORIGIN: ContextVar[Origin] = ContextVar("origin", default=Origin())  # noqa: B039 - frozen


@contextmanager
def asked_for(origin: Origin) -> Iterator[None]:
    """Say for what engines are asked inside; a generator must not yield inside."""
    token = _ORIGIN.set(origin)
    try:
        yield
    finally:
        _ORIGIN.reset(token)


def origin() -> Origin:
    """Return for what engines are asked here."""
    return _ORIGIN.get()
