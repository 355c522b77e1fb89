"""What the service of the user's team says of its prompts, asked through the outbound gate."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from codetune_core.errors import EngineLost
from codetune_core.execution.remote.executor import RemoteExecutor
from codetune_core.execution.remote.faults import Busy, Unreachable
from codetune_core.http.passage import through
from codetune_core.outbound.gate import Gate
from codetune_core.outbound.origin import Origin
from codetune_core.prompts.editor import EDITOR_PROMPTS_PATH, EditorPrompts
from codetune_core.prompts.wire import Choosing, ChosenVersion

_SECONDS = 10
_SPACE_SECONDS = 3600
"""What a Space offers is asked for no more often, for whoever asks it keeps it awake."""

_Told = TypeVar("_Told", bound=BaseModel)
_Ask = Callable[[str, float], Awaitable[Any]]


class Team:
    """The library of the service; each method raises an ExecutionError where that cannot be asked."""

    def __init__(self, service: RemoteExecutor, gate: Gate) -> None:
        """Ask by ``service``, which whoever made it closes."""
        self._service = service
        self._gate = gate
        self._offered: EditorPrompts | None = None
        self._asked_at = 0.0

    async def chosen(self, prompt: str, asked: Choosing) -> ChosenVersion:
        """Return which version would answer an execution."""
        if self._service.leaves:
            session = self._gate.placeholders.pseudonym(asked.session_id)
            asked = asked.model_copy(update={"session_id": session})
        return await self._told(ChosenVersion, self._service.ask, asked.path(prompt), Origin("choice", prompt))

    async def offered(self) -> EditorPrompts:
        """Return the prompts that editors offer; what it said last, where it cannot be reached now.

        A Space is neither woken for this nor kept awake: while it does not run it is not asked, else once an hour.
        """
        is_fresh = self._service.may_sleep and _now() - self._asked_at < _SPACE_SECONDS
        if self._offered and is_fresh:
            return self._offered
        try:
            self._offered = await self._told(
                EditorPrompts, self._service.ask_awake, EDITOR_PROMPTS_PATH, Origin("menu")
            )
        except (Unreachable, Busy):
            if self._offered is None:
                raise
        else:
            self._asked_at = _now()
        return self._offered

    async def _told(self, kind: type[_Told], ask: _Ask, path: str, origin: Origin) -> _Told:
        passage = self._gate.passage(origin)
        try:
            async with asyncio.timeout(_SECONDS):
                if self._service.leaves:
                    await passage.check()
                with through(passage):
                    return kind.model_validate(await ask(path, _SECONDS))
        except TimeoutError as error:
            raise Unreachable(f"the service did not answer within {_SECONDS} seconds") from error
        except ValidationError as error:
            raise EngineLost("the service speaks of its prompts in an unknown way") from error


def _now() -> float:
    return asyncio.get_running_loop().time()
