"""Runs an entry of the menu: what it is about, its variables, the model, then an edit of that very text, or a page."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from codetune_core.domain.document import Document
from codetune_core.domain.editor_scope import Shows, Where
from codetune_core.domain.text import Range
from codetune_core.model_reviewer.anchoring import Anchoring
from codetune_server.errors import RequestError
from codetune_server.folders import Folders, name_in
from codetune_server.offers import model_name
from codetune_server.prompt_runs import Listener, PromptRuns, about
from codetune_server.prompted.citing import cited
from codetune_server.prompted.listing import PromptAction
from codetune_server.prompted.page import page
from codetune_server.prompted.place import Place, place_of
from codetune_server.prompted.testing import TestsFile, tests_file_of, write_tests
from codetune_server.prompted.values import values
from codetune_server.prompted.writing import Asked, Climbs, Writer, Written
from codetune_server.subject import Subject

DEFAULT_QUESTION = "What does this do, what does it rely on, and what is easy to get wrong when it is changed?"
"""For an editor that asks its person nothing."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an entry.

    Attributes:
        output: the answer as the model gave it.
        model: who answered.
        execution_id: of the execution, for a rating.
        written: checked edits; None for an answer that is only shown.
        page: the answer in Markdown.
        range: what was asked about.
    """

    output: str
    model: str
    execution_id: str
    written: Written | None
    page: str
    range: Range


class PageListener(Listener, Protocol):
    """Follows an answer as a page too."""

    def drafted(self, draft: Callable[[], str]) -> None:
        """Take in what makes the page of what there is of an answer; it is to be called in a thread, or not at all."""
        ...


class _Drafts:
    def __init__(self, action: PromptAction, document: Document, place: Place, listener: PageListener) -> None:
        self._action, self._document, self._place, self._listener = action, document, place, listener

    def told(self, text: str) -> None:
        self._listener.told(text)

    def grown(self, output: str) -> None:
        self._listener.grown(output)
        if self._action.scope.shows is Shows.DOCUMENT and output:
            signed = f"{model_name(self._action.model)} is answering"
            self._listener.drafted(partial(page, self._action.label, output, self._document, self._place, signed))


@dataclass(frozen=True, slots=True)
class Means:
    """Runs entries.

    Attributes:
        runs: asks the models.
        folders: roots of the workspace.
        anchoring: finds in the code what an answer quotes.
        climbs: checks what a model writes.
        opened: gives what is open in the editor.
    """

    runs: PromptRuns
    folders: Folders
    anchoring: Anchoring
    climbs: Climbs
    opened: Callable[[str], Document | None]

    async def run(  # noqa: PLR0913, PLR0917 - what an entry is run with
        self,
        action: PromptAction,
        subject: Subject,
        document: Document,
        chosen: Range,
        given: Mapping[str, Any],
        listener: PageListener,
    ) -> Outcome:
        """Ask the model about a document of a subject; raises RequestError, in words. Being cancelled stops it."""
        place = await asyncio.to_thread(_place, action, document, chosen)
        whole = subject.document
        folder = self.folders.of(whole)
        if action.asks:
            given = {"question": place.wish or DEFAULT_QUESTION, **given}
        file = None
        if action.scope.shows is Shows.TESTS:
            file = await asyncio.to_thread(tests_file_of, document, self.folders, self.opened)
            given = {**_about_tests(action, file), **given}
        variables = await asyncio.to_thread(values, action.variables, document, place, name_in(folder, whole), given)
        if file or action.scope.shows in {Shows.REPLACE, Shows.INSERT}:
            also = (file.document,) if file and not file.is_new else ()
            asked = Asked(action, subject, document, place, variables, also)
            writer = Writer(self.runs, self.folders, self.climbs)
            working = write_tests(writer, asked, file, listener) if file else writer.write(asked, listener)
            written = await working
            return await self._outcome(action, document, place, written.ended.answer, written)
        request = about(whole, folder, action.task, action.prompt, variables)
        answer = await self.runs.answer(request, _Drafts(action, document, place, listener))
        return await self._outcome(action, document, place, answer, None)

    async def _outcome(
        self, action: PromptAction, document: Document, place: Place, answer: Mapping[str, Any], written: Written | None
    ) -> Outcome:
        output, model = answer["output"], answer["model"]
        ranges = await cited(output, document, place, self.anchoring)
        signed = f"{action.prompt}, version {action.version}, answered by {model}"
        shown = await asyncio.to_thread(page, action.label, output, document, place, signed, ranges)
        return Outcome(output, model, answer["executionId"], written, shown, place.range)


def _about_tests(action: PromptAction, file: TestsFile | None) -> dict[str, str]:
    """What a prompt is told of the file of tests, as far as it declares variables for that."""
    known = {"module": file.module, "existing_tests": file.document.text} if file else {}
    return {each.name: known[each.name] for each in action.variables if known.get(each.name)}


def _place(action: PromptAction, document: Document, chosen: Range) -> Place:
    try:
        return place_of(document, chosen, action.scope.where)
    except RequestError:
        if not action.asks:
            raise
        return place_of(document, chosen, Where.FILE)
