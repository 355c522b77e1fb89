"""``textDocument/hover``: findings explained, and answers for an editor that opens no page."""

from lsprotocol import types

from codetune_core.domain.text import Range
from codetune_server import from_proto, to_proto
from codetune_server.backend import Backend
from codetune_server.explain import explain, plain

_BETWEEN = "\n\n---\n\n"


def hover(backend: Backend, params: types.HoverParams) -> types.Hover | None:
    """Explain the findings under the cursor, and show what was answered about the code there."""
    explained, at = _findings(backend, params)
    texts = [*explained, *_answers(backend, params)]
    if not texts:
        return None
    text, markdown = _BETWEEN.join(texts), backend.client.markdown_hover
    kind = types.MarkupKind.Markdown if markdown else types.MarkupKind.PlainText
    return types.Hover(types.MarkupContent(kind, text if markdown else plain(text)), at)


def _findings(backend: Backend, params: types.HoverParams) -> tuple[list[str], types.Range | None]:
    state = backend.session.current(params.text_document.uri)
    part = state.subject.part(params.text_document.uri) if state else None
    if state is None or part is None:
        return [], None
    place = from_proto.position(part, params.position, backend.encoding)
    whole = state.subject.whole(part, Range(place, place))
    findings = [finding for finding in state.review.findings if finding.range.contains(whole)]
    at = state.subject.locate(findings[0].range) if findings else None
    return [explain(finding) for finding in findings], to_proto.range_(*at, backend.encoding) if at else None


def _answers(backend: Backend, params: types.HoverParams) -> list[str]:
    document = backend.session.documents.snapshot(params.text_document.uri)
    if document is None:
        return []
    return backend.answers.at(document, from_proto.position(document, params.position, backend.encoding))
