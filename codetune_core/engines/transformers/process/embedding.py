"""Runs models that make vectors and scores: texts of all requests that wait go through the model together."""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sentence_transformers import CrossEncoder, SentenceTransformer

from codetune_core.domain.execution import ErrorKind
from codetune_core.engines.transformers.process.job import Counts, Job
from codetune_core.engines.transformers.process.loop import Built, Progress, failure, out_of_memory
from codetune_core.engines.transformers.wire import Embed, Embedded, Failed, Generate, Score, Scored
from codetune_core.errors import EngineRefused
from codetune_core.models.load_plan import LoadPlan
from codetune_core.models.spec import Kind, Quantization

_BATCH = 32
_DTYPES = {
    Quantization.FP32: torch.float32,
    Quantization.BF16: torch.bfloat16,
    Quantization.FP16: torch.float16,
}

Item = str | tuple[str, str]
"""A text, or a query and a text."""
Compute = Callable[[Sequence[Item]], NDArray[np.float32]]
"""Items to rows: texts x dimensions, or one number for each."""


@dataclass(eq=False, slots=True)
class _Work:
    """A job on its way: ``left`` are the places of the items that have no row yet, the shortest first."""

    job: Job
    items: list[Item]
    left: list[int] = field(default_factory=list)
    rows: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.left = sorted(range(len(self.items)), key=lambda place: _length(self.items[place]))
        self.rows = [None] * len(self.items)


class EmbeddingRunner:
    """Does one batch in each step: of the most urgent requests, the shortest texts of all of them first.

    What is longer than the model takes is cut at its end. A batch that memory does not suffice for is tried in halves;
    one text for which it does not fails its request as ``overloaded``.
    """

    def __init__(self, kind: Kind, compute: Compute, dimensions: int) -> None:
        self._kind, self._compute, self._dimensions = kind, compute, dimensions
        self._works: list[_Work] = []
        self._most = _BATCH
        self._counts = Counts()

    def add(self, job: Job) -> None:
        items = _items(job.request, self._kind)
        if items is None:
            what = "makes vectors" if self._kind is Kind.EMBEDDING else "scores texts"
            job.tell(Failed(id=job.request.id, kind=ErrorKind.REFUSED, message=f"this model {what}, and nothing else"))
            return
        self._works.append(_Work(job, items))
        if not items:
            self._finish(self._works[-1])
        self._count()

    def step(self) -> bool:
        for work in [work for work in self._works if work.job.cancelled.is_set()]:
            self._works.remove(work)
            work.job.tell(Failed(id=work.job.request.id, kind=ErrorKind.CANCELLED, message="it was cancelled"))
        if batch := self._next_batch():
            self._run(batch)
        self._count()
        return bool(self._works)

    def counts(self) -> Counts:
        return self._counts

    def warm_up(self) -> None:
        self._compute(["x"] if self._kind is Kind.EMBEDDING else [("x", "x")])

    def _next_batch(self) -> list[tuple[_Work, int]]:
        urgent = min((_priority(work) for work in self._works), default=None)
        waiting = [(work, place) for work in self._works if _priority(work) == urgent for place in work.left]
        waiting.sort(key=lambda each: _length(each[0].items[each[1]]))
        return waiting[: self._most]

    def _run(self, batch: list[tuple[_Work, int]]) -> None:
        try:
            rows = self._compute([work.items[place] for work, place in batch])
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
            self._fewer(batch, error)
            return
        self._most = min(2 * self._most, _BATCH)
        for (work, place), row in zip(batch, rows, strict=True):
            work.rows[place] = row
            work.left.remove(place)
        for work in dict.fromkeys(work for work, _ in batch):
            if not work.left:
                self._finish(work)

    def _fewer(self, batch: list[tuple[_Work, int]], error: BaseException) -> None:
        self._most = max(1, len(batch) // 2)
        if len(batch) == 1:
            [(work, _)] = batch
            self._works.remove(work)
            work.job.tell(failure(work.job, error))

    def _finish(self, work: _Work) -> None:
        self._works.remove(work)
        number = work.job.request.id
        if self._kind is Kind.CROSS_ENCODER:
            work.job.tell(Scored(id=number, scores=tuple(float(row) for row in work.rows)))
            return
        data = np.asarray(work.rows, "<f4").tobytes()
        work.job.tell(Embedded(id=number, dimensions=self._dimensions, data=base64.b64encode(data).decode("ascii")))

    def _count(self) -> None:
        begun = sum(len(work.left) < len(work.items) for work in self._works)
        self._counts = Counts(running=begun, waiting=len(self._works) - begun)


def load_embedding(plan: LoadPlan, progress: Progress) -> Built:
    """Load a model from its folder: safetensors, nothing from the network, no code of its own.

    Raises EngineRefused for a quantization that such models are not loaded in, and what the libraries raise.
    """
    if plan.quantization not in _DTYPES:
        raise EngineRefused(f"{plan.spec.name} is loaded in fp32, bf16 or fp16: set models.quantization to one of them")
    if plan.threads:
        torch.set_num_threads(plan.threads)
    progress("loading weights", 0.5)
    given = {"dtype": _DTYPES[plan.quantization], "use_safetensors": True}
    options: dict[str, Any] = {"device": plan.device, "local_files_only": True, "trust_remote_code": False}
    if plan.spec.kind is Kind.EMBEDDING:
        encoder = SentenceTransformer(plan.folder, model_kwargs=given, **options)
        runner = EmbeddingRunner(plan.spec.kind, _vectors(encoder), encoder.get_embedding_dimension() or 0)
        return Built(runner, _bytes(encoder))
    scorer = CrossEncoder(plan.folder, model_kwargs=given, **options)
    return Built(EmbeddingRunner(plan.spec.kind, _scores(scorer), 1), _bytes(scorer))


def _vectors(encoder: SentenceTransformer) -> Compute:
    def compute(items: Sequence[Item]) -> NDArray[np.float32]:
        texts: Any = list(items)
        vectors = encoder.encode(texts, batch_size=len(texts), normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(vectors, np.float32)

    return compute


def _scores(scorer: CrossEncoder) -> Compute:
    def compute(items: Sequence[Item]) -> NDArray[np.float32]:
        pairs: Any = list(items)
        return np.asarray(scorer.predict(pairs, batch_size=len(pairs), show_progress_bar=False), np.float32)

    return compute


def _bytes(model: torch.nn.Module) -> int:
    return sum(weights.numel() * weights.element_size() for weights in model.parameters())


def _items(request: Generate | Embed | Score, kind: Kind) -> list[Item] | None:
    match request, kind:
        case Embed(), Kind.EMBEDDING:
            return list(request.texts)
        case Score(), Kind.CROSS_ENCODER:
            return [(request.query, text) for text in request.texts]
    return None


def _priority(work: _Work) -> int:
    return work.job.request.priority


def _length(item: Item) -> int:
    return len(item) if isinstance(item, str) else len(item[0]) + len(item[1])
