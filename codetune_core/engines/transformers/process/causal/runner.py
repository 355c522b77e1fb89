"""The runner of causal models: continuous batching, one step after the other."""

import gc
import logging
import time
from collections.abc import Callable
from itertools import groupby

import torch

from codetune_core.domain.execution import ErrorKind
from codetune_core.engines.transformers.process.causal.blocks import Blocks
from codetune_core.engines.transformers.process.causal.cache import BLOCK, PagedCache
from codetune_core.engines.transformers.process.causal.drawing import draw
from codetune_core.engines.transformers.process.causal.forward import Forward, PagedForward, can_be_paged
from codetune_core.engines.transformers.process.causal.plain import PlainForward
from codetune_core.engines.transformers.process.causal.scheduler import Scheduler, Turn
from codetune_core.engines.transformers.process.causal.sequence import Sequence
from codetune_core.engines.transformers.process.causal.step import Interrupted
from codetune_core.engines.transformers.process.causal.text import TextStream
from codetune_core.engines.transformers.process.constrain import Constraint, Vocabulary
from codetune_core.engines.transformers.process.job import Answer, Counts, Job
from codetune_core.engines.transformers.process.load import Loaded
from codetune_core.engines.transformers.process.loop import failure, out_of_memory
from codetune_core.engines.transformers.process.prompt import encode, withheld
from codetune_core.engines.transformers.wire import Failed, Generate
from codetune_core.errors import ContextTooLong, EngineOverloaded, ExecutionError, InvalidInput
from codetune_core.models.load_plan import LoadPlan

_MOST_WAITING = 1024
_log = logging.getLogger(__name__)


class CausalRunner:
    """Runs the requests of one causal model; `step` is the recipe."""

    def __init__(self, loaded: Loaded, plan: LoadPlan) -> None:
        total = plan.kv_tokens // BLOCK
        cache = PagedCache(total, grow=not plan.device.startswith("cuda"))
        self._loaded, self._plan = loaded, plan
        self._blocks = Blocks(cache, total)
        self._scheduler = Scheduler(self._blocks, plan.slots)
        self._forward = self._choose_forward(cache)
        self._ends = frozenset(loaded.end_token_ids)
        self._vocabulary: Vocabulary | None = None
        self._number = 0
        self._generated = self._drafted = self._accepted = 0

    def add(self, job: Job) -> None:
        """Take a job in hand; tells Failed where it can never be done."""
        try:
            self._scheduler.add(self._sequence(job))
        except ExecutionError as error:
            job.tell(Failed(id=job.request.id, kind=ErrorKind(error.kind), message=str(error)))

    def step(self) -> bool:
        """Compute one token for each sequence that decodes, and read on in prompts; False where nothing is in hand."""
        for sequence in self._scheduler.cancelled():
            self._end(sequence, Failed(id=sequence.request.id, kind=ErrorKind.CANCELLED, message="it was cancelled"))
        with torch.inference_mode():
            turns = self._scheduler.turns()
            for adapter, group in groupby(sorted(turns, key=_adapter), key=_adapter):
                with self._loaded.adapters.use(adapter):
                    self._compute(list(group))
        return bool(self._scheduler.running or self._scheduler.waiting)

    def counts(self) -> Counts:
        """Return what is in hand; called from any thread."""
        running = tuple(self._scheduler.running)
        return Counts(
            running=len(running),
            waiting=len(self._scheduler.waiting),
            kv_tokens=self._blocks.total * BLOCK,
            kv_tokens_held=sum(len(sequence.blocks) for sequence in running) * BLOCK,
            kv_tokens_used=self._blocks.used * BLOCK,
            generated_tokens=self._generated,
            drafted_tokens=self._drafted,
            accepted_tokens=self._accepted,
        )

    def warm_up(self) -> None:
        """Generate two tokens, so that the first request finds memory and kernels ready."""
        request = Generate(id=0, prefix="", max_tokens=2)
        job = Job(request, tell=lambda _: None)
        self._scheduler.add(self._of_tokens(job, request, [0] * min(BLOCK + 1, self._room() - 2)))
        while self.step():
            pass
        self._blocks.forget()
        self._generated = 0

    def _choose_forward(self, cache: PagedCache) -> Forward:
        model, device = self._loaded.model, self._plan.device
        if can_be_paged(model, device):
            return PagedForward(model, cache, device)
        _log.warning(
            "%s cannot run over the paged cache: one request is computed after the other", self._plan.spec.name
        )
        self._blocks.keeps = False
        self._scheduler.decoded = 0
        return PlainForward(model, device)

    def _sequence(self, job: Job) -> Sequence:
        if not isinstance(job.request, Generate):
            raise InvalidInput(f"{self._plan.spec.name} generates text: it makes no vectors and no scores")
        if len(self._scheduler.waiting) >= _MOST_WAITING:
            raise EngineOverloaded(f"{_MOST_WAITING} requests wait already: ask again later")
        self._loaded.adapters.load(job.request.adapter)
        return self._of_tokens(job, job.request, encode(self._loaded, self._plan.spec, job.request))

    def _of_tokens(self, job: Job, request: Generate, tokens: list[int]) -> Sequence:
        limit = min(request.max_tokens, self._room() - len(tokens))
        if limit < 1:
            raise ContextTooLong(self._too_long(len(tokens)))
        stops = () if request.output_schema else (*request.stop, *self._plan.spec.stops)
        text = TextStream(self._loaded.tokenizer, stops, withheld(self._plan.spec, request))
        self._number += 1
        return Sequence(job, request, self._number, [*tokens], limit, text, self._constraint(request, limit))

    def _room(self) -> int:
        return min(self._plan.context_tokens, self._blocks.total * BLOCK)

    def _too_long(self, tokens: int) -> str:
        name, room = self._plan.spec.name, self._room()
        why = "its context" if room == self._plan.context_tokens else "what memory there is for keys and values"
        return (
            f"the prompt has {tokens:,} tokens, and {name} has room for {room:,} with the answer, by {why}: shorten it"
        )

    def _constraint(self, request: Generate, limit: int) -> Constraint | None:
        if request.output_schema is None:
            return None
        if self._vocabulary is None:
            width = self._loaded.model.config.get_text_config(decoder=True).vocab_size
            self._vocabulary = Vocabulary(self._loaded.tokenizer, width, sorted(self._ends))
        return Constraint(self._vocabulary, request.output_schema, limit)

    def _compute(self, turns: list[Turn]) -> None:
        """Do the turns of one adapter; where memory runs out, one of them fails and the others are tried again."""
        while turns:
            try:
                began = time.perf_counter()
                self._draw(turns, self._run(turns))
                read = sum(len(turn.ids) for turn in turns if len(turn.ids) > 1 + turn.drafted)
                self._scheduler.pace.learn(read, time.perf_counter() - began)
            except Interrupted:
                return
            except (RuntimeError, MemoryError) as error:
                if not out_of_memory(error):
                    raise
                victim = max(turns, key=_expendable)
                turns.remove(victim)
                self._end(victim.sequence, failure(victim.sequence.job, error))
                _return_memory()
            else:
                return

    def _run(self, turns: list[Turn]) -> torch.Tensor:
        for turn in turns:
            self._blocks.extend(turn.sequence.blocks, turn.sequence.computed + len(turn.ids))
        return self._forward(turns, _unwanted(turns))

    def _draw(self, turns: list[Turn], logits: torch.Tensor) -> None:
        """Go on with what the logits say."""
        for turn, drawn in zip(turns, draw(turns, logits), strict=True):
            sequence = turn.sequence
            sequence.computed += len(turn.ids) - turn.drafted + drawn.accepted
            self._generated += len(drawn.tokens)
            if turn.drafted:
                sequence.drafter.learn(turn.drafted, drawn.accepted)
                self._drafted += turn.drafted
                self._accepted += drawn.accepted
            try:
                reason = sequence.take(drawn.tokens, drawn.logprobs, self._ends)
            except ValueError as error:
                self._end(sequence, failure(sequence.job, error))
                continue
            if reason is not None:
                self._end(sequence, sequence.finished(reason))

    def _end(self, sequence: Sequence, answer: Answer) -> None:
        self._scheduler.remove(sequence)
        sequence.job.tell(answer)


def _adapter(turn: Turn) -> str:
    return turn.sequence.request.adapter


def _expendable(turn: Turn) -> tuple[int, int, int]:
    """Who fails where memory runs out: of the lowest priority who needs most, and of these the newest."""
    return turn.sequence.request.priority, len(turn.ids), turn.sequence.number


def _unwanted(turns: list[Turn]) -> Callable[[], bool]:
    """Whether what is computed is mostly for nobody: it is cheaper then to begin the step anew."""
    half = sum(len(turn.ids) for turn in turns) / 2
    return lambda: sum(len(turn.ids) for turn in turns if turn.sequence.cancelled) > half


def _return_memory() -> None:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
