"""A Sequence: one request on its way, from its prompt to its last piece."""

from collections.abc import Container
from dataclasses import dataclass, field

import torch

from codetune_core.domain.execution import FinishReason
from codetune_core.engines.transformers.process.causal.blocks import blocks_for
from codetune_core.engines.transformers.process.causal.speculation import Drafter
from codetune_core.engines.transformers.process.causal.text import TextStream
from codetune_core.engines.transformers.process.constrain import Constraint
from codetune_core.engines.transformers.process.job import Job
from codetune_core.engines.transformers.wire import Finished, Generate, Piece


class Uniforms:
    """The random numbers of one sequence: the same for the same seed, whoever else runs and whatever is drafted."""

    def __init__(self, seed: int | None) -> None:
        self._generator = torch.Generator()
        if seed is None:
            self._generator.seed()
        else:
            self._generator.manual_seed(seed % (1 << 63))
        self._drawn: list[float] = []

    def __getitem__(self, number: int) -> float:
        """Return the number that decides token ``number`` of the answer."""
        while len(self._drawn) <= number:
            self._drawn += torch.rand(16, generator=self._generator).tolist()
        return self._drawn[number]


@dataclass(eq=False, slots=True, weakref_slot=True)
class Sequence:
    """One request.

    Attributes:
        job: whom to tell.
        request: what is asked.
        number: order of arrival.
        tokens: of the prompt and of the answer so far.
        prompt: how many of them are the prompt's.
        limit: most tokens of the answer.
        text: turns the answer's tokens into text.
        constraint: holds the answer to a schema.
        blocks: of the cache, in order.
        computed: how many tokens have their keys and values there.
        cached: how many tokens of the prompt had them there from the start; None before it began.
        logprob: of tokens whose text is still held back.
    """

    job: Job
    request: Generate
    number: int
    tokens: list[int]
    limit: int
    text: TextStream
    constraint: Constraint | None = None
    drafter: Drafter = field(default_factory=Drafter)
    prompt: int = 0
    blocks: list[int] = field(default_factory=list)
    computed: int = 0
    cached: int | None = None
    logprob: float = 0
    uniforms: Uniforms = field(init=False)

    def __post_init__(self) -> None:
        self.prompt = len(self.tokens)
        self.uniforms = Uniforms(self.request.seed)

    @property
    def rank(self) -> tuple[int, int]:
        """Who goes first: the lower."""
        return self.request.priority, self.number

    @property
    def reserved(self) -> int:
        """Blocks that it may come to need."""
        return blocks_for(self.prompt + self.limit)

    @property
    def pending(self) -> int:
        """Tokens without keys and values; 1 while it decodes."""
        return len(self.tokens) - self.computed

    @property
    def generated(self) -> int:
        """Tokens of the answer so far."""
        return len(self.tokens) - self.prompt

    @property
    def cancelled(self) -> bool:
        """Whether nobody wants the answer any more."""
        return self.job.cancelled.is_set()

    def take(self, tokens: list[int], logprobs: list[float] | None, ends: Container[int]) -> FinishReason | None:
        """Go on with tokens and tell their text; return why the answer ends, where it does. What is behind is dropped.

        Raises ValueError for a token that the constraint does not allow.
        """
        text, reason = "", None
        for number, token in enumerate(tokens):
            piece, reason = self._take(token, ends)
            text += piece
            self.logprob += logprobs[number] if logprobs else 0
            if reason is not None:
                text += self.text.close()
                break
        if text:
            self.job.tell(Piece(id=self.request.id, text=text, logprob=self.logprob if logprobs else None))
            self.logprob = 0
        return reason

    def finished(self, reason: FinishReason) -> Finished:
        """Return the last answer."""
        return Finished(
            id=self.request.id,
            prompt_tokens=self.prompt,
            completion_tokens=self.generated,
            cached_prompt_tokens=self.cached or 0,
            finish_reason=reason,
        )

    def _take(self, token: int, ends: Container[int]) -> tuple[str, FinishReason | None]:
        if self.constraint is not None:
            token = self.constraint.take(token)
        self.tokens.append(token)
        text = "" if token in ends else self.text.push(token)
        if self.constraint is not None and self.constraint.done:
            return text, "length" if self.constraint.cut else "stop"
        if token in ends or self.text.stopped:
            return text, "stop"
        return text, "length" if self.generated >= self.limit else None
