"""``codetune.runAction`` and its entries: prompts of the library on a selection, at the cursor, or on a file."""

import asyncio
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from codetune_core.domain.document import Document
from codetune_core.domain.editor_scope import Shows
from codetune_core.domain.text import Position, Range
from codetune_server import from_proto, imports, to_proto
from codetune_server.backend import Backend
from codetune_server.errors import changed, failed, invalid_params, not_open
from codetune_server.features import fix_with_model
from codetune_server.following import Followed
from codetune_server.language_server import CodeTuneServer
from codetune_server.mending.unchanged import while_unchanged
from codetune_server.offers import ASKING, is_wanted
from codetune_server.pages.hovered import About
from codetune_server.pages.page import Page
from codetune_server.progress import Progress, progress
from codetune_server.subject import Subject

if TYPE_CHECKING:
    from collections.abc import Callable

    from codetune_server.prompted.actions import Means, Outcome
    from codetune_server.prompted.listing import PromptAction

COMMAND = "codetune.runAction"
ASK_COMMAND = "codetune.ask"
ASK = "answer-with-citations"
"""The starter prompt that answers questions."""


def entries(backend: Backend, params: types.CodeActionParams) -> list[types.CodeAction | types.Command]:
    """The entries for a place, from what is known at this moment."""
    uri, only = params.text_document.uri, params.context.only
    document = backend.session.documents.snapshot(uri)
    if document is None or document.version is None or backend.catalogue is None:
        return []
    backend.catalogue.refresh()
    chosen = from_proto.range_(document, params.range, backend.encoding)
    by_itself = params.context.trigger_kind is types.CodeActionTriggerKind.Automatic
    return [
        to_proto.entry(_command(action, document, params.range), _kind(action), backend.client, by_model=True)
        for action in backend.catalogue.fitting(document, chosen, by_itself=by_itself)
        if is_wanted(_kind(action), only)
    ]


async def run_action(  # noqa: PLR0913, PLR0917 - the command's own arguments
    backend: Backend,
    prompt: str,
    uri: str,
    version: int,
    range: types.Range,  # noqa: A002 - the protocol's word
    variables: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Run a prompt on a range; answers ``output``, ``model``, ``executionId``, and whether an edit was ``applied``."""
    document = current(backend, uri, version)
    subject = _subject(backend, document)  # now, as what follows waits for the daemon and the editor
    action = await _offered(backend, prompt)
    means = await _means(backend)
    chosen = from_proto.range_(document, range, backend.encoding)
    page = Page(backend, action.prompt, action.label)
    with page.stopped_on_error():
        async with progress(backend.server, f"CodeTune: {action.title}", measured=False) as shown:
            listener = _Listener(backend.server, shown, page)
            running = means.run(action, subject, document, chosen, variables or {}, listener)
            if action.scope.shows is not Shows.DOCUMENT:  # an edit would be refused once the text is another one
                running = while_unchanged(backend, subject.parts, running)
            outcome = await running
        applied = await _used(backend, action, document, outcome, page)
        backend.outcomes.answered(outcome.execution_id, uri)
    checked = fix_with_model.answered(outcome.written.ended, applied=applied) if outcome.written else {}
    answer = {"output": outcome.output, "model": outcome.model, "executionId": outcome.execution_id}
    return {**checked, **answer, "applied": applied}


async def ask(
    backend: Backend,
    uri: str,
    question: str = "",
    range: types.Range | None = None,  # noqa: A002 - the protocol's word
    version: int | None = None,
) -> dict[str, Any]:
    """Answer a question about a range, or what is around a cursor, or all of a file, on a page with links."""
    document = backend.session.documents.snapshot(uri)
    if document is None or document.version is None:
        raise not_open()
    end = document.position(len(document.text))
    everything = to_proto.range_(document, Range(Position(0, 0), end), backend.encoding)
    told = {"question": question} if question.strip() else {}
    version = document.version if version is None else version
    return await run_action(backend, ASK, uri, version, range or everything, told)


async def _offered(backend: Backend, prompt: str) -> "PromptAction":
    catalogue = await backend.learn_prompts()
    if catalogue.named(prompt) is None:
        await catalogue.settled()
    if action := catalogue.named(prompt):
        return action
    if why := backend.status.why_nobody:
        raise failed(why)
    raise invalid_params(f"No prompt {prompt!r} is offered in editors: it needs a tag such as editor:selection.")


async def _means(backend: Backend) -> "Means":
    means = await asyncio.to_thread(imports.means)
    service = await backend.service()
    opened = backend.session.documents.snapshot
    return means(await backend.prompt_runs(), backend.session.folders, service.anchor, service.climb, opened)


def _subject(backend: Backend, document: Document) -> Subject:
    """What is checked of a document: the notebook around it where it is one of its cells of code."""
    subject = backend.session.subject(document.uri)
    return subject if subject and subject.part(document.uri) else Subject(document)


def current(backend: Backend, uri: str, version: int) -> Document:
    """Return a document in this version; raises RequestError where the editor has another one by now."""
    document = backend.session.documents.snapshot(uri)
    if document is None or document.version != version:
        raise changed()
    return document


class _Listener(Followed):
    def __init__(self, server: CodeTuneServer, progress: Progress, page: Page) -> None:
        super().__init__(server, progress)
        self._page = page

    def drafted(self, draft: "Callable[[], str]") -> None:
        self._page.grow(draft)


async def _used(backend: Backend, action: "PromptAction", document: Document, outcome: "Outcome", page: Page) -> bool:
    """Apply an edit, or show the page: also of an edit, to an editor that cannot apply it to exactly one version."""
    client, written = backend.client, outcome.written
    if written:
        fix_with_model.log_dropped(backend, f"the answers to {action.prompt}", written.ended)
    if written and not written.ended.best:
        raise failed(fix_with_model.nothing(written.ended))
    if written is None or not client.applies_to_versions or (written.created and not client.creates_files):
        await page.finish(outcome.page, About(document, outcome.range))
        backend.outcomes.shown(outcome.execution_id)
        return False
    if written.ended.best and written.ended.best.failure:
        backend.warn(f"CodeTune: {written.ended.verified}")
    return await fix_with_model.apply(backend, written.ended, written.spread, action.label, created=written.created)


def _kind(action: "PromptAction") -> str:
    return ASKING if action.scope.shows is Shows.DOCUMENT else types.CodeActionKind.RefactorRewrite.value


def _command(action: "PromptAction", document: Document, place: types.Range) -> types.Command:
    arguments: list[Any] = [action.prompt, document.uri, document.version, place]
    if action.prompt == ASK:
        return types.Command(action.title, ASK_COMMAND, action.tooltip, [document.uri, "", place, document.version])
    return types.Command(action.title, COMMAND, tooltip=action.tooltip, arguments=arguments)
