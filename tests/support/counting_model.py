"""A model process whose model counts: the real one in all but the weights, so that its faults are tested in no time.

Run as a program it is what `codetune_core.engines.transformers.process.main` is. The last word of a prompt says what
it does: a number is how many tokens are answered (``0 1 2 ...``), ``forever`` counts without an end, ``hang`` stays in
one step, ``die`` ends the process, ``raise`` fails the step, ``broken`` each step from then on, ``memory`` runs out of
it. The model's name says how it loads: ``slow`` waits until a file ``go`` lies in the folder, ``fails`` raises,
``dies`` ends the process, ``memory`` runs out of it.
"""

import os
import time
from pathlib import Path

from codetune_core.domain.execution import ErrorKind
from codetune_core.engines.transformers.process.job import Counts, Job
from codetune_core.engines.transformers.process.loop import Built, Progress
from codetune_core.engines.transformers.process.main import run
from codetune_core.engines.transformers.wire import Failed, Finished, Generate, Piece, Score, Scored
from codetune_core.errors import EngineRefused
from codetune_core.models.load_plan import LoadPlan

FOREVER = 1 << 60


class CountingRunner:
    """Tells each job one number in each step."""

    def __init__(self, step_seconds: float = 0) -> None:
        self._step_seconds = step_seconds
        self._jobs: dict[Job, int] = {}
        self._broken = False
        self.generated = 0

    def add(self, job: Job) -> None:
        self._jobs[job] = 0

    def step(self) -> bool:
        if self._broken:
            raise RuntimeError("the device is gone")
        time.sleep(self._step_seconds)
        for job, told in list(self._jobs.items()):
            if job.cancelled.is_set():
                self._end(job, Failed(id=job.request.id, kind=ErrorKind.CANCELLED, message="it was cancelled"))
            elif isinstance(job.request, Score):
                self._end(job, Scored(id=job.request.id, scores=tuple(float(len(text)) for text in job.request.texts)))
            elif isinstance(job.request, Generate):
                self._count(job, told, job.request)
        return bool(self._jobs)

    def counts(self) -> Counts:
        return Counts(running=len(self._jobs), kv_tokens_held=sum(self._jobs.values()), generated_tokens=self.generated)

    def warm_up(self) -> None:
        """Nothing is slow."""

    def _count(self, job: Job, told: int, request: Generate) -> None:
        last = self._limit(request.messages[-1].content.split()[-1])
        if told == min(last, request.max_tokens):
            reason = "stop" if told == last else "length"
            self._end(job, Finished(id=request.id, prompt_tokens=7, completion_tokens=told, finish_reason=reason))
            return
        job.tell(Piece(id=request.id, text=f"{told} "))
        self._jobs[job] += 1
        self.generated += 1

    def _limit(self, word: str) -> int:
        match word:
            case "hang":
                time.sleep(3600)
            case "die":
                os._exit(3)
            case "raise":
                raise ValueError("a bug")
            case "broken":
                self._broken = True
                raise RuntimeError("the device is gone")
            case "memory":
                raise MemoryError
            case "forever":
                return FOREVER
        return int(word)

    def _end(self, job: Job, answer) -> None:
        del self._jobs[job]
        job.tell(answer)


def load(plan: LoadPlan, progress: Progress) -> Built:
    progress("weights", 0.5)
    words = plan.spec.name.split("-")
    if "slow" in words:
        while not (Path(plan.folder) / "go").exists():
            time.sleep(0.01)
    if "fails" in words:
        raise EngineRefused("no such weights: pull them")
    if "memory" in words:
        raise MemoryError
    if "dies" in words:
        os.write(2, b"free(): invalid pointer\n")
        os._exit(3)
    return Built(CountingRunner(0.001 if "steady" in words else 0), 1_000)


if __name__ == "__main__":
    run(load)
