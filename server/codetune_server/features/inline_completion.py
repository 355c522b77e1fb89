"""``textDocument/inlineCompletion``: code that a model proposes behind the cursor."""

from typing import TYPE_CHECKING

from lsprotocol import types

from codetune_core.domain.document import Document
from codetune_server import from_proto, to_proto
from codetune_server.backend import Backend

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from codetune_server.completing.service import Proposal

ACCEPTED = "codetune.completionAccepted"


def inline_completion(
    backend: Backend, params: types.InlineCompletionParams
) -> "Awaitable[list[types.InlineCompletionItem]]":
    """Propose one text, or nothing, for the document as it is when the request comes."""
    return _inline(backend, params, backend.session.documents.snapshot(params.text_document.uri))


async def _inline(
    backend: Backend, params: types.InlineCompletionParams, document: Document | None
) -> list[types.InlineCompletionItem]:
    if document is None or not is_offered(backend):
        return []
    info, context = params.context.selected_completion_info, params.context
    chosen = (from_proto.range_(document, info.range, backend.encoding), info.text) if info else None
    found = await (await backend.completing()).propose(
        document,
        from_proto.position(document, params.position, backend.encoding),
        chosen,
        invoked=context.trigger_kind is types.InlineCompletionTriggerKind.Invoked,
    )
    if found is None or not is_present(backend, document):
        return []
    backend.outcomes.shown(found.execution)
    edit = to_proto.text_edit(document, found.edit, backend.encoding)
    return [types.InlineCompletionItem(edit.new_text, range=edit.range, command=accepting(found))]


async def completion_accepted(backend: Backend, execution: str) -> None:
    """Take note that the editor has inserted what this execution wrote."""
    if found := (await backend.completing()).accepted(execution):
        backend.outcomes.applied(execution, found.document, [found.edit])


def is_offered(backend: Backend) -> bool:
    """Whether there is a model that completes, as far as is known."""
    if backend.catalogue is None:
        return False
    backend.catalogue.refresh()
    return "completion" in backend.catalogue.models


def is_present(backend: Backend, document: Document) -> bool:
    """Whether the editor's text is still this one; what is for another is not sent."""
    return backend.session.documents.snapshot(document.uri) is document


def accepting(proposal: "Proposal") -> types.Command:
    """The command that the editor runs once it has inserted a proposal."""
    return types.Command("Take note that it was accepted", ACCEPTED, arguments=[proposal.execution])
