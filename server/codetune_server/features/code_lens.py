"""``textDocument/codeLens``: how many findings each function has; off unless ``editor.code_lens`` is set."""

from collections import Counter

from lsprotocol import types

from codetune_core.domain.finding import Severity
from codetune_server import to_proto
from codetune_server.backend import Backend


async def code_lens(backend: Backend, params: types.CodeLensParams) -> list[types.CodeLens]:
    """Count the findings of each function and class."""
    uri = params.text_document.uri
    service = await backend.service()
    subject = backend.session.subject(uri)
    if subject is None or not (await service.holding(subject.document)).settings.editor.code_lens:
        return []
    backend.shows_lenses = True
    await backend.scheduler.live(backend.session.key(uri))
    state = backend.session.current(uri)
    if state is None or subject.document.language != "python":
        return []
    counted: dict[str, Counter[Severity]] = {}
    for finding in state.review.findings:
        counted.setdefault(finding.symbol, Counter())[finding.severity] += 1
    lenses = []
    for symbol in await service.symbols(state.subject.document):
        at = state.subject.locate(symbol.name_range)
        if symbol.name in counted and at and at[0].uri == uri:
            lenses.append(_lens(to_proto.range_(*at, backend.encoding), counted[symbol.name]))
    return lenses


def _lens(place: types.Range, severities: Counter[Severity]) -> types.CodeLens:
    total = severities.total()
    by_severity = ", ".join(
        f"{severities[severity]} {severity}" for severity in reversed(Severity) if severities[severity]
    )
    title = f"{total} finding{'s' if total > 1 else ''}: {by_severity}"
    return types.CodeLens(place, command=types.Command(title, ""))
