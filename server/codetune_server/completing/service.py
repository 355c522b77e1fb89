"""What completes in one editor: the open documents, what holds for them, who proposes, and what was proposed."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from codetune_core.completion.completions import Hit
from codetune_core.domain.document import Document
from codetune_core.domain.execution import ErrorKind
from codetune_core.domain.review import Notice
from codetune_core.domain.text import Edit, Position, Range
from codetune_core.execution.protocol import Executor
from codetune_server.completing.proposer import NOTHING, Proposer
from codetune_server.completing.skipped import Skipped
from codetune_server.completing.spot import Spot, cursor
from codetune_server.review_service import ReviewService
from codetune_server.session import Session

_REMEMBERED = 64


@dataclass(frozen=True, slots=True)
class Proposal:
    """An edit of a document at its cursor, and the execution that wrote it."""

    document: Document
    edit: Edit
    execution: str


class Completing:
    """One editor's; ``executor`` says who runs executions."""

    def __init__(self, session: Session, service: ReviewService, executor: Callable[[], Awaitable[Executor]]) -> None:
        self._session, self._service = session, service
        self._proposer = Proposer(executor, self._present, self._failed)
        self._skipped = Skipped()
        self._used: OrderedDict[str, None] = OrderedDict()
        self._proposed: OrderedDict[str, Proposal] = OrderedDict()

    async def propose(
        self, part: Document, position: Position, selected: tuple[Range, str] | None = None, *, invoked: bool = False
    ) -> Proposal | None:
        """Propose something for a cursor; see `codetune_server.completing.spot.cursor`."""
        number = self._proposer.number()
        hit = await self._hit(number, part, position, selected, invoked=invoked)
        if not hit.text.strip():  # what is left where an editor has put the closing bracket may be a line end
            return None
        place, begun = selected or (Range(position, position), "")
        proposal = Proposal(part, Edit(place, begun + hit.text), hit.source)
        self._proposed[hit.source] = proposal
        self._proposed.move_to_end(hit.source)
        while len(self._proposed) > _REMEMBERED:
            self._proposed.popitem(last=False)
        return proposal

    def accepted(self, execution: str) -> Proposal | None:
        """Return what was last proposed of an execution, which the editor has inserted."""
        return self._proposed.pop(execution, None)

    async def aclose(self) -> None:
        """Stop what runs."""
        await self._proposer.aclose()

    async def _hit(
        self, number: int, part: Document, position: Position, selected: tuple[Range, str] | None, *, invoked: bool
    ) -> Hit:
        subject = self._session.subject(part.uri)
        if subject is None or subject.part(part.uri) is not part:
            return NOTHING  # it has changed already
        if (at := cursor(subject, part, position, selected)) is None:
            return NOTHING
        others = self._others(subject.document.uri)
        holding = await self._service.holding(subject.document)
        if not holding.settings.completion.enabled or await self._skipped.why(subject.document, holding):
            return NOTHING
        return await self._proposer.propose(Spot(*at, holding, others, invoked), number)

    def _others(self, uri: str) -> tuple[Document, ...]:
        """Return the other open texts, the last used first, and note that this one is used now."""
        self._used[uri] = None
        self._used.move_to_end(uri)
        keys = self._session.keys()
        for gone in self._used.keys() - set(keys):
            del self._used[gone]
        ordered = dict.fromkeys((*reversed(self._used), *keys))
        subjects = (self._session.subject(key) for key in ordered if key != uri)
        return tuple(subject.document for subject in subjects if subject)

    def _present(self, uri: str) -> Document | None:
        subject = self._session.subject(uri)
        return subject.document if subject else None

    def _failed(self, kind: ErrorKind, message: str) -> None:
        self._session.tell(Notice(f"completion:{kind}:{message}", f"Nothing is proposed: {message}"))
