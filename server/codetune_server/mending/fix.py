"""The recipe of a model's fix: ask for candidates, have them climb, and take the edits of the best."""

import asyncio
import time
from functools import partial

from codetune_core.domain.finding import Finding
from codetune_core.mending.proposal import Proposal
from codetune_core.workers.messages import Wanted
from codetune_server.backend import Backend
from codetune_server.mending.climbing import Answer, Ended, climbed
from codetune_server.mending.question import proposal, question
from codetune_server.prompt_runs import Listener
from codetune_server.subject import Subject


async def fix(backend: Backend, subject: Subject, finding: Finding, listener: Listener) -> Ended:
    """Return what became of the candidates; raises CodeTuneError where the model gives none."""
    begun = time.monotonic()
    service, runs = await backend.service(), await backend.prompt_runs()
    document, folder = subject.document, backend.session.folders.of(subject.document)
    number = (await service.holding(document)).settings.fixes.candidates

    async def ask(wanted: Wanted) -> Answer:
        asked = await asyncio.to_thread(question, document, finding, folder, wanted)
        return await runs.answer(asked, _Candidate(listener, wanted.candidate, number))

    async def read(answer: Answer) -> Proposal:
        return await asyncio.to_thread(proposal, answer["output"])

    start = partial(service.climb, subject, (), finding=finding, candidates=number)
    ended = await climbed(start, ask, read, listener)
    backend.fix_latency.took(time.monotonic() - begun)
    return ended


class _Candidate:
    """Tells how long a candidate's answer is, by its number where there are several, and the first one's text."""

    def __init__(self, listener: Listener, candidate: int, of: int) -> None:
        self._listener, self._candidate = listener, candidate
        self._name = f"candidate {candidate + 1}: " if of > 1 else ""

    def told(self, text: str) -> None:
        self._listener.told(f"{self._name}{text}")

    def grown(self, output: str) -> None:
        if self._candidate == 0:
            self._listener.grown(output)
