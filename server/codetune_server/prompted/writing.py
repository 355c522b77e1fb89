"""The recipe of written code: ask the model, have its answer climb the verification ladder, and say what holds."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

from codetune_core.domain.document import Document
from codetune_core.domain.prompt import VariableType
from codetune_core.domain.text import Edit, Range
from codetune_core.errors import CodeTuneError
from codetune_core.fixes.ladder.result import Climbed
from codetune_core.mending.proposal import Proposal, content
from codetune_core.workers.messages import Trying, Wanted
from codetune_core.workers.supplies import Supplier
from codetune_server.errors import failed
from codetune_server.folders import Folders, paths_of
from codetune_server.mending.climbing import Answer, Ended, climbed
from codetune_server.prompt_runs import Listener, PromptRuns, about
from codetune_server.prompted.answer import allowed, proposal_of
from codetune_server.prompted.docstring import check_documentable
from codetune_server.prompted.listing import PromptAction
from codetune_server.prompted.place import Place
from codetune_server.subject import Subject

_REJECTED = "rejected"
_TAKES_REASONS = ("instruction", "goal", "description")
"""Variables that tell the model what to do, for a prompt that declares no ``rejected``."""
_MOST_CHARACTERS = 4_000


class Climbs(Protocol):
    """Has what a supplier brings climb the ladder, as ``ReviewService.climb`` does."""

    def __call__(
        self, subject: Subject, ranges: tuple[Range, ...], supplier: Supplier
    ) -> AsyncGenerator[Trying | Climbed]:
        """Yield what is tried, and last what became of it."""
        ...


@dataclass(frozen=True, slots=True)
class Written:
    """Checked edits of the editor's documents, and how they were found; ``created`` where the one is a new file."""

    ended: Ended
    spread: list[tuple[Document, list[Edit]]]
    created: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """What a model is asked to write.

    Attributes:
        action: the entry.
        subject: the text that is checked: the document, or the notebook around it.
        document: what was asked about.
        place: in it.
        variables: of the prompt.
        also: other documents whose text stands in them.
    """

    action: PromptAction
    subject: Subject
    document: Document
    place: Place
    variables: Mapping[str, Any]
    also: tuple[Document, ...] = ()


@dataclass(frozen=True, slots=True)
class Writer:
    """Runs entries whose answers are edits."""

    runs: PromptRuns
    folders: Folders
    climbs: Climbs

    async def write(self, asked: Asked, listener: Listener) -> Written:
        """Return the edits that hold, or why none does; raises CodeTuneError or RequestError where there is no answer.

        Being cancelled stops the model.
        """
        subject, document = asked.subject, asked.document
        check(asked)
        ranges = tuple(subject.whole(document, place) for place in allowed(document, asked.place))

        async def read(answer: Answer) -> Proposal:
            return await asyncio.to_thread(_proposal, asked, answer)

        start = partial(self.climbs, subject, ranges)
        ended = await climbed(start, partial(self.ask, asked, listener), read, listener)
        spread = subject.spread(ended.best.edits if ended.best else ())
        if spread is None:
            raise failed("This edit goes beyond one cell of the notebook.")
        return Written(ended, spread)

    async def ask(self, asked: Asked, listener: Listener, wanted: Wanted) -> Answer:
        """Ask the model, once more with the reason where its last answer was turned down."""
        action, whole = asked.action, asked.subject.document
        variables = dict(asked.variables) | (_told(asked, wanted.reason) if wanted.reason else {})
        request = about(whole, self.folders.of(whole), action.task, action.prompt, variables)
        paths = (*request.paths, *paths_of(*asked.also))
        return await self.runs.answer(replace(request, paths=paths), listener)


def check(asked: Asked) -> None:
    """Raise RequestError where no answer could be put, before a model is asked."""
    if asked.action.documents:
        check_documentable(asked.document, asked.place)


def remark(action: PromptAction, output: str) -> str:
    """Return what the model said beside its code."""
    answer = content(output) if action.schema else {}
    said = answer.get("summary") or answer.get("explanation") or answer.get("notes")
    return said if isinstance(said, str) else ""


def _proposal(asked: Asked, answer: Answer) -> Proposal:
    action, document = asked.action, asked.document
    found = proposal_of(answer["output"], action.schema, action.scope.shows, document, asked.place)
    if not (found.edits or found.replaced or found.refused):
        raise CodeTuneError(f"The model changes nothing. {remark(action, answer['output'])}".strip())
    edits = tuple(Edit(asked.subject.whole(document, edit.range), edit.new_text) for edit in found.edits)
    return replace(found, edits=edits)


def _told(asked: Asked, reason: str) -> dict[str, str]:
    """The variable that says why the last answer was turned down; raises CodeTuneError where the prompt has none."""
    reason = reason[:_MOST_CHARACTERS]
    declared = {each.name: each for each in asked.action.variables}
    if _REJECTED in declared:
        return {_REJECTED: reason}
    for name in _TAKES_REASONS:
        if name in declared and declared[name].type is VariableType.TEXT and not declared[name].choices:
            said = asked.variables.get(name) or ""
            return {name: f"{said}\n\nThe last answer was turned down: {reason}".strip()}
    raise CodeTuneError(f"The model's answer was turned down: {reason}. Ask again.")
