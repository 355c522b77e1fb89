"""The runner of models with an encoder and a decoder: one forward pass after the other, for each request in turn."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from transformers.cache_utils import DynamicCache, EncoderDecoderCache

from codetune_core.domain.execution import ErrorKind
from codetune_core.engines.transformers.process.causal.sampling import Row, choose, logprobs, penalizes
from codetune_core.engines.transformers.process.causal.sequence import Sequence
from codetune_core.engines.transformers.process.causal.text import TextStream
from codetune_core.engines.transformers.process.constrain import Constraint, Vocabulary
from codetune_core.engines.transformers.process.job import Answer, Counts, Job
from codetune_core.engines.transformers.process.load import Loaded
from codetune_core.engines.transformers.process.loop import failure, out_of_memory
from codetune_core.engines.transformers.process.prompt import HOLE, encode, withheld
from codetune_core.engines.transformers.wire import Failed, Generate
from codetune_core.errors import ContextTooLong, EngineOverloaded, ExecutionError, InvalidInput
from codetune_core.models.load_plan import LoadPlan
from codetune_core.models.spec import Kind

_MOST_WAITING = 1024


class _Interrupted(Exception):  # noqa: N818 - what happened
    """Nobody waits for this pass any more."""


@dataclass(eq=False, slots=True)
class _Run:
    """A request, what the decoder reads next, and its caches; ``turn`` grows each time it is computed."""

    sequence: Sequence
    unread: list[int]
    memory: Any = None
    cache: Any = field(default_factory=lambda: EncoderDecoderCache(DynamicCache(), DynamicCache()))
    turn: int = 0

    @property
    def held(self) -> int:
        """Tokens with keys and values, those of encoder and decoder together."""
        return 0 if self.memory is None else self.sequence.prompt + int(self.cache.get_seq_length())


class Seq2SeqRunner:
    """Runs T5 and CodeT5+ of all sizes; `step` computes one pass for who comes next: by priority, then in turn.

    CodeT5+ 2B, 6B and 16B read the prompt in both stacks and go on with it; what is told is only what follows it.
    """

    def __init__(self, loaded: Loaded, plan: LoadPlan) -> None:
        self._loaded, self._plan = loaded, plan
        self._twin = plan.spec.kind is Kind.CODET5P
        self._waiting: list[_Run] = []
        self._running: list[_Run] = []
        self._number = self._turn = self._generated = 0
        self._current: _Run | None = None
        self._vocabulary: Vocabulary | None = None
        sentinels = {token for text, token in loaded.tokenizer.get_vocab().items() if text.startswith("<extra_id_")}
        self._ends = frozenset({*loaded.end_token_ids, *sentinels})
        for block in _blocks(loaded.model, twin=self._twin):
            block.register_forward_pre_hook(self._stop_if_unwanted)

    def add(self, job: Job) -> None:
        """Take a job in hand; tells Failed where it can never be done."""
        try:
            run = self._run(job)
        except ExecutionError as error:
            job.tell(Failed(id=job.request.id, kind=ErrorKind(error.kind), message=str(error)))
        else:
            self._waiting.append(run)
            self._waiting.sort(key=lambda each: each.sequence.rank)

    def step(self) -> bool:
        """Compute one token for one request, after its prompt where that is new; False where nothing is in hand."""
        self._drop_cancelled()
        self._admit()
        if self._running:
            run = min(self._running, key=lambda each: (each.sequence.request.priority, each.turn))
            self._turn += 1
            run.turn = self._turn
            self._advance(run)
        return bool(self._running or self._waiting)

    def counts(self) -> Counts:
        """Return what is in hand; called from any thread."""
        running = tuple(self._running)
        held = sum(run.held for run in running)
        return Counts(
            running=len(running),
            waiting=len(self._waiting),
            kv_tokens=self._plan.kv_tokens,
            kv_tokens_held=held,
            kv_tokens_used=held,
            generated_tokens=self._generated,
        )

    def warm_up(self) -> None:
        """Generate two tokens, so that the first request finds memory and kernels ready."""
        self.add(Job(Generate(id=0, prefix="x", max_tokens=2), tell=lambda _: None))
        while self.step():
            pass
        self._generated = 0

    def _run(self, job: Job) -> _Run:
        request, spec = job.request, self._plan.spec
        if not isinstance(request, Generate):
            raise InvalidInput(f"{spec.name} generates text: it makes no vectors and no scores")
        if len(self._waiting) >= _MOST_WAITING:
            raise EngineOverloaded(f"{_MOST_WAITING} requests wait already: ask again later")
        self._loaded.adapters.load(request.adapter)
        tokens = encode(self._loaded, spec, request)
        limit = min(request.max_tokens, self._room(len(tokens)))
        if limit < 1:
            raise ContextTooLong(
                f"the prompt has {len(tokens):,} tokens, and {spec.name} has room for {self._plan.context_tokens:,} "
                "with the answer: shorten it"
            )
        stops = () if request.output_schema else (*request.stop, *spec.stops)
        text = TextStream(self._loaded.tokenizer, stops, withheld(spec, request))
        self._number += 1
        sequence = Sequence(job, request, self._number, tokens, limit, text, self._constraint(request, limit))
        return _Run(sequence, list(tokens) if self._twin else self._start(request))

    def _room(self, prompt: int) -> int:
        return min(self._plan.context_tokens - prompt, self._plan.kv_tokens - self._reserved(prompt, 0))

    def _reserved(self, prompt: int, limit: int) -> int:
        return prompt * (2 if self._twin else 1) + limit

    def _start(self, request: Generate) -> list[int]:
        """Return what T5's decoder begins with: where a hole is filled, its name."""
        start = [self._loaded.model.config.decoder_start_token_id]
        return start if request.prefix is None else [*start, self._loaded.tokenizer.convert_tokens_to_ids(HOLE)]

    def _constraint(self, request: Generate, limit: int) -> Constraint | None:
        if request.output_schema is None:
            return None
        if self._vocabulary is None:
            width = self._loaded.model.get_output_embeddings().out_features
            self._vocabulary = Vocabulary(self._loaded.tokenizer, width, sorted(self._ends))
        return Constraint(self._vocabulary, request.output_schema, limit)

    def _drop_cancelled(self) -> None:
        for run in [each for each in (*self._running, *self._waiting) if each.sequence.cancelled]:
            identity = run.sequence.request.id
            self._end(run, Failed(id=identity, kind=ErrorKind.CANCELLED, message="it was cancelled"))

    def _admit(self) -> None:
        """Let requests in, in order, while there is memory for all that they may come to need."""
        while self._waiting and len(self._running) < self._plan.slots:
            needs = [self._reserved(each.sequence.prompt, each.sequence.limit) for each in self._running]
            first = self._waiting[0].sequence
            if sum(needs) + self._reserved(first.prompt, first.limit) > self._plan.kv_tokens:
                return
            self._running.append(self._waiting.pop(0))

    def _advance(self, run: _Run) -> None:
        try:
            with self._computing(run), torch.inference_mode():
                self._take(run, self._logits(run))
        except _Interrupted:
            return  # the next step drops it
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
            self._end(run, failure(run.sequence.job, error))

    @contextmanager
    def _computing(self, run: _Run) -> Iterator[None]:
        self._current = run
        try:
            with self._loaded.adapters.use(run.sequence.request.adapter):
                yield
        finally:
            self._current = None

    def _stop_if_unwanted(self, *_: object) -> None:
        if self._current is not None and self._current.sequence.cancelled:
            raise _Interrupted

    def _logits(self, run: _Run) -> torch.Tensor:
        """Return float32 logits for the next token: ``[1, vocabulary]``."""
        model, device = self._loaded.model, self._loaded.model.device
        if run.memory is None:
            prompt = torch.tensor([run.sequence.tokens], device=device)
            run.memory = model.encode(prompt) if self._twin else model.get_encoder()(input_ids=prompt)
        ids = torch.tensor([run.unread], device=device)
        out = model(encoder_outputs=run.memory, decoder_input_ids=ids, past_key_values=run.cache, use_cache=True)
        logits: torch.Tensor = out.logits[:, -1].float()
        return logits

    def _take(self, run: _Run, logits: torch.Tensor) -> None:
        """Choose the next token and tell what it says."""
        sequence, request = run.sequence, run.sequence.request
        raw = logits.clone() if request.logprobs else logits
        if sequence.constraint is not None:
            logits[0, torch.from_numpy(~sequence.constraint.mask()).to(logits.device)] = -torch.inf
        uniform = sequence.uniforms[sequence.generated] if request.temperature > 0 else 0
        tokens = choose(logits, [Row(request, sequence.tokens if penalizes(request) else (), uniform)])
        reason = sequence.take(tokens, logprobs(raw, tokens) if request.logprobs else None, self._ends)
        self._generated += 1
        run.unread = sequence.tokens[-1:]
        if reason is not None:
            self._end(run, sequence.finished(reason))

    def _end(self, run: _Run, answer: Answer) -> None:
        (self._running if run in self._running else self._waiting).remove(run)
        run.sequence.job.tell(answer)


def _blocks(model: Any, *, twin: bool) -> list[Any]:
    if twin:
        return [*model.encoder.h, *model.decoder.transformer.h]
    return [*model.get_encoder().block, *model.get_decoder().block]
