"""``textDocument/hover`` on a finding: what it is, why, by which path, how to fix it."""

from lsprotocol import types

from codetune_core.domain.text import Range
from codetune_server import from_proto, to_proto
from codetune_server.backend import Backend
from codetune_server.explain import explain, plain


def hover(backend: Backend, params: types.HoverParams) -> types.Hover | None:
    """Explain the findings under the cursor."""
    state = backend.session.current(params.text_document.uri)
    part = state.subject.part(params.text_document.uri) if state else None
    if state is None or part is None:
        return None
    place = from_proto.position(part, params.position, backend.encoding)
    whole = state.subject.whole(part, Range(place, place))
    findings = [finding for finding in state.review.findings if finding.range.contains(whole)]
    if not findings:
        return None
    text = "\n\n---\n\n".join(explain(finding) for finding in findings)
    kind = types.MarkupKind.Markdown if backend.client.markdown_hover else types.MarkupKind.PlainText
    contents = types.MarkupContent(kind, text if backend.client.markdown_hover else plain(text))
    at = state.subject.locate(findings[0].range)
    return types.Hover(contents, to_proto.range_(*at, backend.encoding) if at else None)
