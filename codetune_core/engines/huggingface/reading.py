"""Reads a streamed answer as huggingface_hub's client hands it out: of chat, and of text generation."""

from typing import Any

from codetune_core.domain.execution import FinishReason, Usage
from codetune_core.engines.huggingface.stops import Until
from codetune_core.engines.protocol import Chunk
from codetune_core.errors import EngineRefused


class ChatReading:
    """What a chat has told so far (`huggingface_hub.ChatCompletionStreamOutput`).

    Attributes:
        usage: as the server counts, or None while it has not.
        finish_reason: why it ended, or None while it has not.
        heard: whether the last event was a piece of the answer, or of the reasoning before it.
    """

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self.finish_reason: FinishReason | None = None
        self.heard = False

    def take(self, event: Any) -> list[Chunk]:
        """Return the pieces of the answer that an event brings; raises EngineRefused where a filter took them."""
        # None is asked for each time, because these objects are mappings too, and false where they hold nothing more.
        if (usage := event.usage) is not None:
            cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
            self.usage = Usage(usage.prompt_tokens or 0, usage.completion_tokens or 0, cached)
        self.heard = False
        return self._choice(event.choices[0]) if event.choices else []

    def _choice(self, choice: Any) -> list[Chunk]:
        if choice.finish_reason:
            self._end(choice.finish_reason)
        if (delta := choice.delta) is None:
            return []
        self.heard = bool(delta.content or delta.reasoning or delta.get("reasoning_content"))
        tokens = [] if choice.logprobs is None else choice.logprobs.content or []
        return _pieces(delta.content or "", tokens)

    def rest(self) -> list[Chunk]:
        """Return what was held back."""
        return []

    def _end(self, reason: str) -> None:
        if reason == "content_filter":
            raise EngineRefused("the provider's content filter took the answer")
        self.finish_reason = "length" if reason == "length" else "stop"


class TextReading:
    """What a generation of text has told so far (`huggingface_hub.TextGenerationStreamOutput`).

    Such a server ends with the stop that it met, which is no part of the answer.
    """

    def __init__(self, stops: tuple[str, ...]) -> None:
        self._stops = Until(stops)
        self.usage: Usage | None = None
        self.finish_reason: FinishReason | None = None
        self.heard = True

    def take(self, event: Any) -> list[Chunk]:
        """Return the pieces of the answer that an event brings."""
        if event.details is not None:
            self.usage = Usage(event.details.input_length or 0, event.details.generated_tokens or 0)
            self.finish_reason = "length" if event.details.finish_reason == "length" else "stop"
        if event.token.special:
            return []
        text = self._stops.push(event.token.text)
        return [Chunk(text, event.token.logprob)] if text else []

    def rest(self) -> list[Chunk]:
        """Return what was held back, because a stop could have begun with it."""
        text = self._stops.close()
        return [Chunk(text)] if text else []


Reading = ChatReading | TextReading


def _pieces(text: str, tokens: list[Any]) -> list[Chunk]:
    """One piece for each token, where the tokens are the text, else one whose probability is that of all of them."""
    if not text:
        return []
    if len(tokens) > 1 and "".join(token.token for token in tokens) == text:
        return [Chunk(token.token, token.logprob) for token in tokens]
    return [Chunk(text, sum(token.logprob for token in tokens) if tokens else None)]
