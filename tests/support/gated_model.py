"""An executor whose answers are given when, and in whatever order, a test says; each piece when it says."""

import asyncio
import json
from dataclasses import dataclass, field

from codetune_core.domain.execution import ErrorKind, ExecutionRequest
from codetune_core.domain.identifiers import new_id
from codetune_core.execution.events import Event, Failed, Finished, Started, Token


@dataclass(eq=False)
class Thinking:
    """An execution that runs."""

    number: int
    request: ExecutionRequest
    events: asyncio.Queue[Event] = field(default_factory=asyncio.Queue)

    def say(self, text: str) -> None:
        """Begin to answer."""
        self.events.put_nowait(Token(text=text))

    def finish(self, answer: object) -> None:
        """Answer with a text, or with what is written as JSON; a failure ends it."""
        if isinstance(answer, Failed):
            self.events.put_nowait(answer)
            return
        output = answer if isinstance(answer, str) else json.dumps(answer)
        self.events.put_nowait(Token(text=output))
        self.events.put_nowait(Finished(output=output, finish_reason="stop", execution_time_ms=1))


LOST = Failed(kind=ErrorKind.ENGINE_LOST, message="the model's process ended")


class GatedModel:
    """``thinking`` is what runs now; ``asked`` all that ever ran."""

    def __init__(self) -> None:
        self.thinking: list[Thinking] = []
        self.asked: list[ExecutionRequest] = []

    async def execute(self, request: ExecutionRequest):
        """Stream what the test says."""
        self.asked.append(request)
        mine = Thinking(len(self.asked), request)
        self.thinking.append(mine)
        try:
            yield Started(execution_id=new_id(), prompt=request.prompt, version=1, model="m")
            while True:
                event = await mine.events.get()
                yield event
                if isinstance(event, Finished | Failed):
                    return
        finally:
            self.thinking.remove(mine)

    async def rate(self, execution_id, feedback) -> bool:
        """Nothing is kept here."""
        return False
