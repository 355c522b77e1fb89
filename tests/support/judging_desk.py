"""One editor's documents and all that is behind them, in this process; detectors are real, a model is a function."""

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from lsprotocol import types
from reviewing_models import ReviewingModel

from codetune_core.domain.execution import Role
from codetune_core.domain.finding import Confidence, Finding
from codetune_core.domain.review import Stage
from codetune_server.backend import Backend
from codetune_server.features import configuration, synchronization
from codetune_server.judging.carry import is_claim
from codetune_server.judging.judge import Judge
from codetune_server.language_server import CodeTuneServer
from codetune_server.outcomes.outcomes import Outcomes, Surroundings

if TYPE_CHECKING:
    from codetune_server.session import State

URI = "untitled:shop.py"


class Catalogue:
    """Who answers, known from the start."""

    def __init__(self, reviewer: str | None) -> None:
        self.models = {Role.REVIEW: reviewer} if reviewer is not None else {}
        self.reviewer = reviewer
        self.writer = None

    def refresh(self) -> None:
        """Nothing to learn."""

    async def settled(self) -> None:
        """Nothing to wait for."""

    async def aclose(self) -> None:
        """Nothing to end."""


class Told(Outcomes):
    """What was told of executions and claims."""

    def __init__(self) -> None:
        super().__init__(Surroundings(_no, lambda _: None, _no))
        self.told: list[tuple[str, ...]] = []

    def shown(self, execution_id: object, uri: str = "") -> None:
        self.told.append(("shown", str(execution_id)))

    def rejected(self, execution_id: object, reason: str = "") -> None:
        self.told.append(("rejected", str(execution_id), reason))

    def judged(self, rule: str, confidence: Confidence, *, accepted: bool) -> None:
        self.told.append(("accepted" if accepted else "dismissed", rule, confidence))


class Desk:
    """Opens, edits and saves one document as an editor does; ``shown`` is all that was brought to the editor."""

    def __init__(self) -> None:
        self.backend = Backend(CodeTuneServer())
        self.session = self.backend.session
        self.backend.configuration = lambda folder: configuration.configuration(self.backend, folder)
        self.backend.announce = self._announced
        self.version = 0

    async def renew(self, model: ReviewingModel, **options: Any) -> None:
        """Begin with nothing open and nothing remembered, but with the same processes."""
        for uri in list(self.session.documents):
            self.close(uri)
        self.model = model
        self.said: list[str] = []
        self.shown: list[State] = []
        self.session.voice = SimpleNamespace(warn=self.said.append, log=self.said.append)
        self.session.untell(("",))
        self.session.editor_options = options
        self.backend.outcomes = self.outcomes = Told()
        self.backend.catalogue = Catalogue("m")
        service = await self.backend.service()
        await service.reread(always=True)
        self.backend.judging = Judge(self.backend, service, model)

    async def aclose(self) -> None:
        """End its processes."""
        await self.backend.aclose()

    def open(self, text: str, uri: str = URI) -> None:
        self.version = 1
        self.session.documents.open(types.TextDocumentItem(uri, "python", 1, text))
        synchronization.did_open(
            self.backend, types.DidOpenTextDocumentParams(types.TextDocumentItem(uri, "python", 1, text))
        )

    async def edit(self, text: str, uri: str = URI) -> None:
        self.version += 1
        identifier = types.VersionedTextDocumentIdentifier(self.version, uri)
        changes = [types.TextDocumentContentChangeWholeDocument(text)]
        self.session.documents.change(identifier, changes)
        await synchronization.did_change(self.backend, types.DidChangeTextDocumentParams(identifier, changes))

    async def save(self, uri: str = URI) -> None:
        await synchronization.did_save(self.backend, types.DidSaveTextDocumentParams(types.TextDocumentIdentifier(uri)))

    def close(self, uri: str = URI) -> None:
        self.session.documents.close(uri)
        synchronization.did_close(self.backend, types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(uri)))

    async def reviewed(self, uri: str = URI) -> None:
        """Wait until the detectors have looked at the present text."""
        await self.backend.scheduler.complete(uri)

    async def judged(self, uri: str = URI) -> None:
        """Wait until no model works."""
        while jobs := self.backend.judging._jobs.get(uri):
            await asyncio.wait(jobs)

    async def asked(self, count: int) -> None:
        """Wait until the model was asked so often."""
        while len(self.model.asked) < count:
            await asyncio.sleep(0.005)

    def findings(self, uri: str = URI) -> tuple[Finding, ...]:
        """What is known of the present text."""
        state = self.session.current(uri)
        return state.review.findings if state else ()

    def standings(self, uri: str = URI) -> dict[str, str]:
        """Standing by rule and line; ``open`` for none."""
        return {
            f"{each.rule.id}:{each.range.start.line}": each.verdict.standing.value if each.verdict else "open"
            for each in self.findings(uri)
        }

    def claims(self, uri: str = URI) -> list[Finding]:
        """What only the model found."""
        return [each for each in self.findings(uri) if is_claim(each)]

    def _announced(self, key: str, stage: Stage) -> None:
        if state := self.session.current(key):
            self.shown.append(state)


async def _no() -> Any:
    return False
