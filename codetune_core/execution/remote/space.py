"""A service that is a Hugging Face Space: why it does not answer, and waiting until it does."""

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress

from codetune_core.errors import CodeTuneError
from codetune_core.execution.events import Waiting
from codetune_core.execution.remote.connection import ServiceConnection
from codetune_core.execution.remote.faults import Stranger, Unreachable
from codetune_core.execution.remote.front import Front
from codetune_core.execution.remote.hub import Condition, condition
from codetune_core.execution.remote.wakings import Wakings

_POLL_SECONDS = 2.0
_TELL_SECONDS = 10.0
_HEALTH_SECONDS = 30
_RUNS = {"RUNNING", "RUNNING_BUILDING", "RUNNING_APP_STARTING"}
_WAKES = {
    "SLEEPING": "sleeps, and wakes up now",
    "BUILDING": "is being built",
    "APP_STARTING": "is starting",
}
_NO_QUOTA = re.compile(r"quota|credit|billing|payment|subscription", re.IGNORECASE)
_REMEDIES = {
    "PAUSED": "is paused: its owner can start it with `codetune space wake {name}`",
    "STOPPED": "is stopped: its owner can start it with `codetune space wake {name}`",
    "BUILD_ERROR": "could not be built{why}: `codetune space logs {name} --build`",
    "RUNTIME_ERROR": "failed when it started{why}: `codetune space logs {name}`",
    "CONFIG_ERROR": "is set up wrongly{why}: see its page on Hugging Face",
    "NO_APP_FILE": "holds no service: `codetune space deploy`",
    "DELETING": "is being deleted: set remote.base_url to another service",
}

Pause = Callable[[float], Awaitable[None]]


class Space:
    """The Space behind a connection."""

    def __init__(
        self, connection: ServiceConnection, front: Front, wakings: Wakings, poll: float = _POLL_SECONDS
    ) -> None:
        """``poll`` is after how many seconds it is looked at again."""
        self._connection = connection
        self._front = front
        self._wakings = wakings
        self._poll = poll

    async def awake(self, failure: Unreachable, pause: Pause, *, waits: bool) -> AsyncGenerator[Waiting]:
        """Yield what it waits for until the Space's service answers; any request wakes one that sleeps.

        Returns at once where nothing is known of the Space. Raises Unreachable where it does not come, or where
        ``waits`` is not set and it does not run: the text tells asleep, building, paused, failed and out of quota
        apart. Raises EngineUnusable where the token is of no use.
        """
        found, began, told, words = await condition(self._front), _now(), -_TELL_SECONDS, ""
        while found and not (await self._answers() and found.stage in _RUNS):
            usual = await asyncio.to_thread(self._wakings.usual, found.name)
            said, words = words, _words(found, failure)
            passed = _now() - began
            if not waits:
                raise Unreachable(words + ("" if usual is None else f" (it takes about {usual:.0f} s)"))
            if passed > self._connection.limits.wake:
                limit = f"{self._connection.limits.wake:g} seconds (remote.wake_seconds)"
                raise Unreachable(f"{words}. It did not answer within {limit}")
            if words != said or passed - told >= _TELL_SECONDS:
                told = passed
                yield Waiting(reason=words, seconds=None if usual is None else max(0.0, round(usual - passed)))
            await pause(self._poll)
            found = await condition(self._front) or found
        if found and words:
            await asyncio.to_thread(self._wakings.add, found.name, _now() - began)

    async def runs(self) -> bool:
        """Whether it does, as the Hub says: the Space itself is not asked, which would wake it.

        Raises EngineUnusable, as ``awake`` does.
        """
        found = await condition(self._front)
        return found is not None and found.stage in _RUNS

    async def _answers(self) -> bool:
        """Whether the service itself does; to ask it is what wakes a Space."""
        with suppress(CodeTuneError):
            return await self._connection.get("/healthz", _HEALTH_SECONDS) is not None
        return False


def _words(found: Condition, failure: Unreachable) -> str:
    """Say why a Space does not answer; raises Unreachable where it will not."""
    name = f"the Space {found.name}"
    why = f" ({found.error})" if found.error else ""
    if remedy := _REMEDIES.get(found.stage):
        if _NO_QUOTA.search(found.error):
            raise Unreachable(f"{name} has no quota or credit left{why}: see its owner's billing page")
        raise Unreachable(f"{name} {remedy.format(name=found.name, why=why)}")
    if found.stage in _RUNS:
        if isinstance(failure, Stranger) and not failure.may_pass:
            raise failure
        return f"{name} runs, and its service does not answer yet"
    return f"{name} {_WAKES.get(found.stage, f'is in the stage {found.stage}')}"


def _now() -> float:
    return asyncio.get_running_loop().time()
