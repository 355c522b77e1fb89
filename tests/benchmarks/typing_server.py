"""Replay the recorded typing through the language server's own completions, in virtual time."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any
from uuid import UUID, uuid4

import typing_replay
import virtual_time
from lsprotocol import types
from typing_replay import PIECES, Engine, Keystroke, Tally

from codetune_core.domain.execution import ExecutionRequest, Feedback
from codetune_core.execution.events import Event, Finished, Started, Token
from codetune_server.backend import Backend
from codetune_server.completing.service import Completing, Proposal
from codetune_server.language_server import CodeTuneServer


class Simulated:
    """Runs executions as a model of some quality would answer the state that is asked about."""

    def __init__(self, engine: Engine, tally: Tally) -> None:
        self.state: Keystroke | None = None
        self._engine, self._tally = engine, tally

    async def execute(self, request: ExecutionRequest) -> AsyncGenerator[Event]:
        state, told = self.state, request.variables
        self._tally.calls += 1
        self._tally.prompts.append(f"<prefix>{told['before']}<suffix>{told['after']}<middle>")
        text, seconds = self._engine.answer(state), self._engine.seconds(state)
        size, written = -(-len(text) // PIECES), ""
        yield Started(execution_id=uuid4(), prompt="complete", version=1, model="simulated")
        await asyncio.sleep(0.4 * seconds)
        for begin in range(0, len(text), size):
            await asyncio.sleep(0.6 * seconds / PIECES)
            written += text[begin : begin + size]
            yield Token(text=text[begin : begin + size])
        yield Finished(output=written, finish_reason="stop", execution_time_ms=1000 * seconds)

    async def rate(self, execution_id: UUID, feedback: Feedback) -> bool:
        raise NotImplementedError

    async def aclose(self) -> None:
        """Nothing outlives its generator."""


class ThroughServer:
    """An editor that asks at each edit, and shows what it is answered as long as nothing was typed since."""

    def __init__(self, engine: Engine) -> None:
        self.tally, self.shown = Tally(), ""
        self._model = Simulated(engine, self.tally)
        self._backend = Backend(CodeTuneServer())
        self._asked: set[asyncio.Task[Any]] = set()
        self._completing: Completing | None = None
        self._version = 0

    async def replay(self, states: list[Keystroke]) -> Tally:
        """Replay the whole trace."""
        self._completing = Completing(self._backend.session, await self._backend.service(), self._executor)
        for state in states:
            await asyncio.sleep(max(0.0, state.at - asyncio.get_running_loop().time()))
            await self._typed(state)
        await asyncio.gather(*self._asked)
        await self._completing.aclose()
        await self._backend.aclose()
        return self.tally

    async def _executor(self) -> Simulated:
        return self._model

    async def _typed(self, state: Keystroke) -> None:
        left = (
            bool(self.shown) and bool(state.typed) and self.shown.startswith(state.typed) and self.shown != state.typed
        )
        self.tally.typed += len(state.typed)
        self.tally.foretold += len(state.typed) * self.shown.startswith(state.typed)
        self.shown, self._model.state = "", state
        if not state.is_edit:
            return
        self._open(state)
        calls, began = self.tally.calls, asyncio.get_running_loop().time()
        task = asyncio.create_task(self._ask(state))
        self._asked.add(task)
        task.add_done_callback(self._asked.discard)
        await asyncio.wait({task}, timeout=1e-6)
        if left:
            self.tally.followed += 1
            self.tally.followed_by_call += not task.done() or calls != self.tally.calls
        assert asyncio.get_running_loop().time() - began < 1e-3

    def _open(self, state: Keystroke) -> None:
        self._version += 1
        document = state.document
        item = types.TextDocumentItem(document.uri, document.language, self._version, document.text)
        self._backend.session.documents.open(item)

    async def _ask(self, state: Keystroke) -> None:
        document = self._backend.session.documents.snapshot(state.document.uri)
        began = asyncio.get_running_loop().time()
        found = await self._completing.propose(document, document.position(state.offset))
        if found and state is self._model.state:
            self.shown = found.edit.new_text
            self.tally.reached += asyncio.get_running_loop().time() > began
            self.tally.stale += not _fits(state, found)


def _fits(state: Keystroke, found: Proposal) -> bool:
    """Say whether a proposal is for the text that the editor has."""
    return found.document.text == state.document.text and found.edit.range.start == found.edit.range.end


def replayed(states: list[Keystroke], engine: Engine | None = None) -> Tally:
    """Replay against the language server's completions."""

    async def work() -> Tally:
        return await ThroughServer(engine or typing_replay.Engine()).replay(states)

    result: Tally = virtual_time.run(work())
    return result
