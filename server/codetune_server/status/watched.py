"""An executor whose executions say how it stands with who answers."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from uuid import UUID

from codetune_core.domain.execution import ErrorKind, ExecutionRequest, Feedback
from codetune_core.execution.events import Event, Failed, Finished, Token, Waiting
from codetune_core.execution.protocol import Executor
from codetune_server.status.board import Board
from codetune_server.status.loading import LoadWatch
from codetune_server.status.state import State, Status, about


class WatchedExecutor:
    """Runs executions elsewhere and tells the board what it sees of them."""

    def __init__(self, executor: Executor, board: Board, loads: LoadWatch) -> None:
        self._executor = executor
        self._board = board
        self._loads = loads

    async def execute(self, request: ExecutionRequest) -> AsyncGenerator[Event]:
        """Stream the events; see Executor."""
        execution = object()
        self._loads.wait_for(execution)
        try:
            async with aclosing(self._executor.execute(request)) as events:
                async for event in events:
                    self._take(execution, event)
                    yield event
        finally:
            self._loads.wait_no_more_for(execution)
            self._board.waiting(execution, None)

    async def rate(self, execution_id: UUID, feedback: Feedback) -> bool:
        """Note what became of an answer; see Executor."""
        return await self._executor.rate(execution_id, feedback)

    def _take(self, execution: object, event: Event) -> None:
        match event:
            case Waiting(reason=reason, seconds=seconds):
                self._board.waiting(execution, Status(State.WAKING, f"{reason}{about(seconds)}", seconds=seconds))
                return
            case Token() | Finished():
                self._loads.wait_no_more_for(execution)
                self._board.answered()
            case Failed(kind=ErrorKind.BUDGET_SPENT, message=message):
                self._board.failed(Status(State.OVER_BUDGET, message))
            case Failed(kind=kind, message=message, unavailable=unavailable):
                if unavailable or kind is ErrorKind.ENGINE_LOST:
                    self._board.failed(Status(State.OFFLINE, message))
        self._board.waiting(execution, None)
