"""The models that the host lends, seen from a plugin: each call is a question to the owner of the process."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

from codetune_core.domain.execution import Message, Usage
from codetune_core.errors import EngineLost, ExecutionError
from codetune_core.plugins.api import Answer
from codetune_core.plugins.child.wire import Wire
from codetune_core.plugins.frames import Answered, AskFailed, AskModel, Piece, Turn


class LentModels:
    """The Models of a plugin; calls from several of its threads are asked one after the other."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._turn = threading.Lock()

    def generate(
        self, prompt: str | Sequence[Message], *, on_piece: Callable[[str], None] | None = None, **options: Any
    ) -> Answer:
        messages = [Message("user", prompt)] if isinstance(prompt, str) else prompt
        turns = tuple(Turn(role=message.role, content=message.content) for message in messages)
        return self._ask(AskModel(messages=turns, **{"max_tokens": 1024, "temperature": 0, **options}), on_piece)

    def complete(
        self, prefix: str, suffix: str = "", *, on_piece: Callable[[str], None] | None = None, **options: Any
    ) -> Answer:
        given = {"max_tokens": 256, "temperature": 0, **options}
        return self._ask(AskModel(prefix=prefix, suffix=suffix, **given), on_piece)

    def _ask(self, question: AskModel, on_piece: Callable[[str], None] | None) -> Answer:
        with self._turn:
            self._wire.send(question)
            pieces: list[str] = []
            while isinstance(order := self._wire.receive(), Piece):
                pieces.append(order.text)
                if on_piece:
                    on_piece(order.text)
        if isinstance(order, AskFailed):
            raise _error(order)
        if not isinstance(order, Answered):
            raise EngineLost("the host ended before the answer was complete")
        usage = Usage(order.prompt_tokens, order.completion_tokens, order.cached_prompt_tokens)
        return Answer("".join(pieces), usage, order.model, order.finish_reason)


def _error(failed: AskFailed) -> ExecutionError:
    kinds: dict[str, type[ExecutionError]] = {error.kind: error for error in ExecutionError.__subclasses__()}
    return kinds.get(failed.kind, ExecutionError)(failed.message)
