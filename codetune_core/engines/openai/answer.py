"""Reads the frames of a streamed answer: chat, completion, or llama.cpp's own."""

import json
from collections.abc import Mapping
from typing import Any

from codetune_core.domain.execution import FinishReason, Usage
from codetune_core.engines.protocol import Chunk
from codetune_core.errors import EngineLost, EngineRefused
from codetune_core.http.refusals import told_error

_ENDS: dict[str, FinishReason] = {
    "stop": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "stop_sequence": "stop",
    "tool_calls": "stop",
    "function_call": "stop",
    "length": "length",
    "limit": "length",
    "max_tokens": "length",
}
_LOST = {"abort", "aborted", "error", "cancelled"}


class Reading:
    """What an answer has told so far.

    Attributes:
        usage: as the server counts, or None while it has not.
        finish_reason: why it ended, or None while it has not.
        is_done: whether the server said that nothing follows.
        heard: whether the last frame was a piece of the answer, or of the reasoning before it.
    """

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self.finish_reason: FinishReason | None = None
        self.is_done = False
        self.heard = False
        self._refusal = ""

    def take(self, data: str) -> Chunk | None:
        """Read a frame; return the piece of the answer that it brings.

        Raises BadStatus for an error within the stream, EngineRefused where the model or its server declines, and
        EngineLost for what no such server sends.
        """
        self.heard = False
        if data == "[DONE]":
            self.is_done = True
            if self.finish_reason is None:
                self._end("stop")
            return None
        try:
            return self._frame(json.loads(data))
        except (ValueError, TypeError, AttributeError, KeyError, IndexError) as error:
            raise EngineLost(f"the server sent what is no piece of an answer: {data[:100]!r}") from error

    def _frame(self, frame: dict[str, Any]) -> Chunk | None:
        if "error" in frame or frame.get("object") == "error":
            raise told_error(frame)
        if usage := frame.get("usage"):
            self.usage = read_usage(usage)
        if choices := frame.get("choices"):
            return self._choice(choices[0])
        return self._of_llama_cpp(frame) if "content" in frame else None

    def _choice(self, choice: dict[str, Any]) -> Chunk | None:
        # A server that does not stream sends a message where others send what is new of it.
        delta = choice.get("delta") or choice.get("message") or {}
        text = delta.get("content") or choice.get("text") or ""
        if not isinstance(text, str):
            raise TypeError(type(text))
        self.heard = bool(text or delta.get("reasoning_content") or delta.get("reasoning"))
        self._refusal += delta.get("refusal") or ""
        chunk = Chunk(text, _logprob(choice.get("logprobs"))) if text else None
        if reason := choice.get("finish_reason"):
            self._end(reason)
        return chunk

    def _of_llama_cpp(self, frame: dict[str, Any]) -> Chunk | None:
        text: str = frame["content"]
        self.heard = bool(text)
        if frame.get("stop"):
            cut = frame.get("stop_type") == "limit" or frame.get("stopped_limit")
            self.finish_reason = "length" if cut else "stop"
            self.usage = Usage(frame.get("tokens_evaluated", 0), frame.get("tokens_predicted", 0))
        return Chunk(text) if text else None

    def _end(self, reason: str) -> None:
        if reason == "content_filter" or self._refusal:
            raise EngineRefused(f"the server declines to answer: {self._refusal or 'its content filter says so'}")
        if reason in _LOST:
            raise EngineLost(f"the server gave the answer up: {reason}")
        self.finish_reason = _ENDS.get(reason, "stop")


def read_usage(usage: Mapping[str, Any]) -> Usage:
    """Read the tokens of a prompt and an answer, and how many of the prompt's were in the server's cache."""
    details = usage.get("prompt_tokens_details") or {}
    cached = details.get("cached_tokens") or usage.get("prompt_cache_hit_tokens") or 0
    return Usage(usage.get("prompt_tokens") or 0, usage.get("completion_tokens") or 0, cached)


def _logprob(told: Any) -> float | None:
    """Return the natural logarithm of the probability of a piece, which may be several tokens."""
    if not told:
        return None
    tokens = told.get("content")
    found = [token["logprob"] for token in tokens] if tokens else told.get("token_logprobs") or []
    numbers = [number for number in found if number is not None]
    return float(sum(numbers)) if numbers else None
