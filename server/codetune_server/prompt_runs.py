"""Runs prompts for the editor, in the daemon that all of the user's editors and terminals share."""

import asyncio
import time
import uuid
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from codetune_core.daemon.executor import DaemonExecutor
from codetune_core.daemon.own import own_settings, why_without_daemon
from codetune_core.domain.deployment import PRODUCTION
from codetune_core.domain.document import Document
from codetune_core.domain.execution import ErrorKind, ExecutionRequest, Task
from codetune_core.errors import DaemonError
from codetune_core.execution.events import Event, Failed, Finished, Repairing, Started, Token, Waiting
from codetune_server.errors import failed, invalid_params
from codetune_server.folders import Folder, Folders, paths_of, workspace_of
from codetune_server.status.board import Board
from codetune_server.status.loading import LoadWatch
from codetune_server.status.watched import WatchedExecutor

_TOLD_SECONDS = 0.2
"""A listener is told no more often."""

Tell = Callable[[str], None]


class Listener(Protocol):
    """Follows an answer while it is written. What it raises stops the model."""

    def told(self, text: str) -> None:
        """Take in how far the answer is, or what it waits for."""
        ...

    def grown(self, output: str) -> None:
        """Take in all that there is of the answer; it begins anew where the first one did not fit its schema."""
        ...


class Asked(BaseModel):
    """The argument of the command; ``uri`` is the document whose text stands in the variables."""

    model_config = ConfigDict(extra="forbid")

    prompt: str = Field(min_length=1)
    variables: dict[str, JsonValue] = {}
    task: Task = Task.ASK
    label: str = PRODUCTION
    uri: str = ""

    @classmethod
    def read(cls, argument: Mapping[str, Any]) -> "Asked":
        """Read it; raises RequestError (InvalidParams)."""
        try:
            return cls.model_validate(argument)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"]))
            raise invalid_params(f"The argument does not fit: {where}: {first['msg']}.") from None

    def request(self, folders: Folders) -> ExecutionRequest:
        """Return what is run; the folder around the document is its workspace."""
        document = Document(self.uri, "", "")
        return replace(about(document, folders.of(document), self.task, self.prompt, self.variables), label=self.label)


def about(
    document: Document, folder: Folder | None, task: Task, prompt: str, variables: Mapping[str, JsonValue]
) -> ExecutionRequest:
    """Return what is run about a document, a notebook as a whole: its place decides what may leave this machine."""
    return ExecutionRequest(task, prompt, variables, workspace=workspace_of(folder), paths=paths_of(document))


class PromptRuns:
    """Runs prompts one after the other or at once; ``tell`` gets a line where the daemon has to be started."""

    def __init__(self, tell: Tell, board: Board, loads: LoadWatch) -> None:
        self._daemon = DaemonExecutor(tell, session_id=str(uuid.uuid4()))
        self.executor = WatchedExecutor(self._daemon, board, loads)
        """Runs executions for everything that asks a model in this editor."""

    async def run(self, argument: Mapping[str, Any], folders: Folders, listener: Listener) -> dict[str, Any]:
        """Return the answer. Being cancelled stops the model.

        Raises RequestError in the words of what failed, and DaemonError where the settings switch the daemon off.
        """
        return await self.answer(Asked.read(argument).request(folders), listener)

    async def answer(self, request: ExecutionRequest, listener: Listener) -> dict[str, Any]:
        """Return the answer to a request, as ``run`` does."""
        if why := why_without_daemon((await asyncio.to_thread(own_settings)).settings):
            raise DaemonError(why)
        answer, counted = _Answer(), _Counted(listener)
        async with aclosing(self.executor.execute(request)) as events:
            await _follow(events, answer, counted)
        return answer.result()

    async def aclose(self) -> None:
        """Stop what runs."""
        await self._daemon.aclose()


async def _follow(events: AsyncGenerator[Event], answer: "_Answer", counted: "_Counted") -> None:
    async for event in events:
        answer.take(event)
        counted.take(event)


class _Answer:
    def __init__(self) -> None:
        self._id = ""
        self._model = ""
        self._last: Finished | Failed | None = None

    def take(self, event: Event) -> None:
        if isinstance(event, Started):
            self._id, self._model = str(event.execution_id), event.model
        elif isinstance(event, Finished | Failed):
            self._last = event

    def result(self) -> dict[str, Any]:
        """Return what the editor gets."""
        match self._last:
            case Finished(output=output, model=model):
                return {"output": output, "model": model or self._model, "executionId": self._id}
            case Failed(kind=kind, message=message):
                raise failed(message if kind is ErrorKind.INTERNAL else f"{kind}: {message}")
        raise failed("The daemon did not say how it ended.")


class _Counted:
    """Tells a listener how far an answer is, not too often."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._pieces: list[str] = []
        self._told_at = 0.0

    def take(self, event: Event) -> None:
        match event:
            case Token(text=text):
                self._pieces.append(text)
                if time.monotonic() - self._told_at > _TOLD_SECONDS:
                    self._told_at = time.monotonic()
                    self._listener.told(f"{len(self._pieces)} tokens")
                    self._listener.grown("".join(self._pieces))
            case Repairing():
                self._pieces.clear()
                self._listener.told("the answer does not fit, and is asked for again")
                self._listener.grown("")
            case Waiting(reason=reason):
                self._listener.told(reason)
            case Finished(output=output):
                self._listener.grown(output)
