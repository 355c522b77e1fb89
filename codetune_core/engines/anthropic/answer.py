"""Reads the events of a streamed message."""

import json
from typing import Any

from codetune_core.domain.execution import FinishReason, Usage
from codetune_core.engines.protocol import Chunk
from codetune_core.errors import EngineLost, EngineRefused
from codetune_core.http.refusals import BadStatus

_STATUS = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
"""An error within a stream -> the status that it has as an answer."""
_ENDS: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
}


class Reading:
    """What an answer has told so far.

    Attributes:
        finish_reason: why it ended, or None while it has not.
        is_done: whether nothing follows.
        heard: whether the last event was a piece of the answer, or of the thinking before it.
    """

    def __init__(self, *, constrained: bool) -> None:
        self.finish_reason: FinishReason | None = None
        self.is_done = False
        self.heard = False
        self._piece = "partial_json" if constrained else "text"
        self._constrained = constrained
        self._usage: dict[str, int] = {}
        self._has_text = False

    @property
    def usage(self) -> Usage:
        """Tokens; those that were written to the server's cache, or read from it, are of the prompt too."""
        told = self._usage
        cached = told.get("cache_read_input_tokens", 0)
        prompt = told.get("input_tokens", 0) + told.get("cache_creation_input_tokens", 0) + cached
        return Usage(prompt, told.get("output_tokens", 0), cached)

    def take(self, data: str) -> Chunk | None:
        """Read an event; return the piece of the answer that it brings.

        Raises BadStatus for an error within the stream, EngineRefused where the model declines, and EngineLost for what
        is no event of a message.
        """
        self.heard = False
        try:
            return self._event(json.loads(data))
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            raise EngineLost(f"the server sent what is no piece of an answer: {data[:100]!r}") from error

    def _event(self, event: dict[str, Any]) -> Chunk | None:
        match event["type"]:
            case "content_block_delta":
                return self._delta(event["delta"])
            case "message_start":
                self._count(event["message"].get("usage"))
            case "message_delta":
                self._count(event.get("usage"))
                return self._end(event["delta"].get("stop_reason"))
            case "message_stop":
                self.is_done = True
            case "error":
                raise _error(event["error"])
        return None  # a ping, or what a later version of the interface adds

    def _delta(self, delta: dict[str, Any]) -> Chunk | None:
        text = delta.get(self._piece)
        self.heard = bool(text or delta.get("thinking"))
        self._has_text = self._has_text or bool(text)
        return Chunk(text) if text else None

    def _end(self, reason: str | None) -> Chunk | None:
        if reason is None:
            return None
        if reason == "refusal":
            raise EngineRefused("the model declines to answer this")
        self.finish_reason = _ENDS.get(reason, "stop")
        # A tool that is called with nothing brings no piece at all.
        return Chunk("{}") if self._constrained and not self._has_text and self.finish_reason == "stop" else None

    def _count(self, usage: Any) -> None:
        self._usage |= {name: number for name, number in (usage or {}).items() if isinstance(number, int)}


def _error(told: dict[str, Any]) -> BadStatus:
    name = str(told.get("type", ""))
    return BadStatus(_STATUS.get(name, 500), str(told.get("message", "")), name)
