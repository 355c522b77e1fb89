"""An execution on its way: what is asked, who runs it, and what came back."""

import asyncio
import datetime as dt
from dataclasses import dataclass

from codetune_core.domain.execution import ExecutionRequest, FinishReason, ModelIdentity, Usage
from codetune_core.engines.asking import Asking, Turn
from codetune_core.engines.protocol import Generation
from codetune_core.execution.cache_key import Fingerprint
from codetune_core.execution.progress import Progress
from codetune_core.execution.protocol import CachedAnswer
from codetune_core.execution.single_flight import Flight
from codetune_core.prompts.answer import parse_answer
from codetune_core.prompts.render import Rendered


@dataclass(frozen=True, slots=True)
class Answer:
    """``text`` is all that the model wrote, ``output`` what is wanted of it.

    ``model`` answered where it is not the one that was asked; ``reason`` says why not an earlier engine or that model.
    """

    text: str
    output: str
    usage: Usage
    finish_reason: FinishReason
    model: ModelIdentity | None = None
    reason: str = ""

    def remembered(self) -> CachedAnswer:
        """Return what the cache holds of it."""
        return CachedAnswer(self.text, self.finish_reason, self.usage.prompt_tokens, self.usage.completion_tokens)


@dataclass(frozen=True, slots=True)
class Question:
    """What the engine is asked; ``refusal`` says why the answer is not remembered, and is empty where it is."""

    generation: Generation
    rendered: Rendered
    fingerprint: Fingerprint
    refusal: str
    notices: tuple[str, ...]

    def parsed(self, text: str) -> str:
        """Return what is wanted of an answer; raises InvalidOutput."""
        return parse_answer(text, self.generation.decoding.output_schema).output

    def checked(self, turn: Turn) -> Answer:
        """Return the answer that a turn gave; raises InvalidOutput."""
        model = None if turn.model == self.generation.model else turn.model
        output = self.parsed(turn.text)
        return Answer(turn.text, output, turn.usage, turn.finish_reason, model, turn.reason)


@dataclass(slots=True)
class Run:
    """An execution on its way; what follows ``leads`` is set where it starts the generation."""

    request: ExecutionRequest
    progress: Progress
    question: Question | None = None
    flight: Flight[Answer] | None = None
    leads: bool = False
    begun: asyncio.Task[None] | None = None
    asking: Asking | None = None
    stored_until: dt.datetime | None = None

    @property
    def pays_still(self) -> bool:
        """Whether the generation that it started goes on."""
        return self.leads and self.flight is not None and not self.flight.has_ended
