"""``textDocument/completion``: the same proposals as an entry of the list, for editors that show none inline."""

import re
from collections.abc import Awaitable

from lsprotocol import types

from codetune_core.domain.document import Document
from codetune_core.domain.fence import fence
from codetune_core.domain.text import Edit, Position, Range
from codetune_server import from_proto, to_proto
from codetune_server.backend import Backend
from codetune_server.features.inline_completion import accepting, is_offered, is_present

TRIGGERS = (".", "(", "[", "{", ",", ":", "=", " ")
"""Beside words, after which editors ask by themselves."""
_LONGEST_LABEL = 60
_WORD_BEFORE = re.compile(r"\w*\Z")


def completion(backend: Backend, params: types.CompletionParams) -> Awaitable[types.CompletionList | None]:
    """Propose one text, or nothing, for the document as it is now; the list is asked for again with each keystroke."""
    return _listed(backend, params, backend.session.documents.snapshot(params.text_document.uri))


async def _listed(
    backend: Backend, params: types.CompletionParams, document: Document | None
) -> types.CompletionList | None:
    if document is None or not is_offered(backend):
        return None
    position = from_proto.position(document, params.position, backend.encoding)
    found = await (await backend.completing()).propose(document, position)
    if found is None or not is_present(backend, document):
        return types.CompletionList(is_incomplete=True, items=[])
    backend.outcomes.shown(found.execution)
    entry = _entry(backend, document, position, found.edit.new_text)
    entry.command = accepting(found)
    return types.CompletionList(is_incomplete=True, items=[entry])


def _entry(backend: Backend, document: Document, position: Position, text: str) -> types.CompletionItem:
    """The entry; it replaces the word that was begun, by which editors choose what they show."""
    found = _WORD_BEFORE.search(document.lines[position.line][: position.column])
    begun = found[0] if found else ""
    whole = begun + text
    edit = Edit(Range(Position(position.line, position.column - len(begun)), position), whole)
    label = " ".join(whole.split("\n", 1)[0].split()) or whole.strip().splitlines()[0].strip()
    as_is = types.InsertTextMode.AsIs if backend.client.keeps_indentation else None
    return types.CompletionItem(
        label=label if len(label) <= _LONGEST_LABEL else f"{label[: _LONGEST_LABEL - 1]}…",
        kind=types.CompletionItemKind.Text,
        detail="CodeTune",
        documentation=_shown(backend, document, whole),
        sort_text="~",
        filter_text=whole.split("\n", 1)[0],
        insert_text_format=types.InsertTextFormat.PlainText,
        insert_text_mode=as_is,
        text_edit=to_proto.text_edit(document, edit, backend.encoding),
    )


def _shown(backend: Backend, document: Document, text: str) -> types.MarkupContent:
    if not backend.client.markdown_completions:
        return types.MarkupContent(types.MarkupKind.PlainText, text)
    return types.MarkupContent(types.MarkupKind.Markdown, fence(text, document.language))
