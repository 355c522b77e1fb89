"""``textDocument/diagnostic`` for editors that pull, ``publishDiagnostics`` for those that do not: never both."""

import asyncio
import hashlib

from lsprotocol import types

from codetune_core.domain.document import Document
from codetune_core.domain.review import Stage
from codetune_server import to_proto
from codetune_server.backend import Backend
from codetune_server.session import State

_PATIENCE_SECONDS = 5.0
"""How long an editor that cannot be told to pull again waits for the slow detectors."""


async def diagnostic(
    backend: Backend, params: types.DocumentDiagnosticParams
) -> types.RelatedFullDocumentDiagnosticReport | types.RelatedUnchangedDocumentDiagnosticReport:
    """What was found in the present text, once the fast detectors have looked at it."""
    uri = params.text_document.uri
    with backend.pulling(backend.session.key(uri)):
        await _reviewed(backend, backend.session.key(uri))
    state = backend.session.current(uri)
    part = state.subject.part(uri) if state else None
    items = of_part(backend, state, part) if state and part else []
    fingerprint, result_id = fingerprints(items)
    if part:
        backend.session.shown.setdefault(backend.session.key(uri), {})[part.uri] = fingerprint
    if result_id == params.previous_result_id:
        return types.RelatedUnchangedDocumentDiagnosticReport(result_id)
    return types.RelatedFullDocumentDiagnosticReport(items, result_id=result_id)


def announce(backend: Backend, key: str, stage: Stage) -> None:
    """Bring new findings to the editor: push them, or have them pulled."""
    state = backend.session.current(key)
    if state is None:
        return
    if backend.client.pulls:
        _have_pulled(backend, key, state)
    elif state is backend.session.state(key):
        _push(backend, key, state)
    if stage is Stage.COMPLETE:
        backend.refresh_lenses()


def show_file(backend: Backend, state: State) -> None:
    """Push the findings of a file that is not open; an editor that pulls asks for them itself."""
    if backend.client.pulls:
        return
    document = state.subject.document
    items, known = of_part(backend, state, document), backend.session.shown.pop(document.uri, None)
    if items:
        backend.session.shown[document.uri] = {document.uri: fingerprints(items)[1]}
    if items or known:
        _publish(backend, document.uri, None, items)


def clear(backend: Backend, key: str) -> None:
    """Take back what an editor shows of a document that is closed."""
    for uri in backend.session.shown.pop(key, {}):
        if not backend.client.pulls:
            _publish(backend, uri, None, [])


def of_part(backend: Backend, state: State, part: Document) -> list[types.Diagnostic]:
    """The diagnostics of one of the editor's documents."""
    return to_proto.diagnostics(state.subject, part, state.review.findings, backend.client, backend.encoding)


def fingerprints(items: list[types.Diagnostic]) -> tuple[str, str]:
    """Two digests of diagnostics: of what is seen, and of that with the titles of the fixes; neither of versions."""
    seen = repr(
        [(item.range, item.severity, item.code, item.message, item.tags, item.related_information) for item in items]
    )
    titles = repr([item.data["fixes"] for item in items if isinstance(item.data, dict)])
    return _digest(seen), _digest(seen + titles)


async def _reviewed(backend: Backend, key: str) -> None:
    if backend.client.refreshes_diagnostics:
        await backend.scheduler.live(key)
        return
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await backend.scheduler.complete(key)
    except TimeoutError:
        await backend.scheduler.live(key)


def _have_pulled(backend: Backend, key: str, state: State) -> None:
    """Ask for a pull where the editor shows something else, unless a pull is waiting for this very review."""
    shown = backend.session.shown.get(key, {})
    parts = [part for part in state.subject.parts if part.uri in shown]
    differs = any(fingerprints(of_part(backend, state, part))[0] != shown[part.uri] for part in parts)
    if differs and not backend.is_pulled(key):
        backend.refresh_diagnostics()


def _push(backend: Backend, key: str, state: State) -> None:
    shown = backend.session.shown.setdefault(key, {})
    for gone in shown.keys() - {part.uri for part in state.subject.parts}:
        del shown[gone]
        _publish(backend, gone, None, [])
    for part in state.subject.parts:
        items = of_part(backend, state, part)
        mark = f"{part.version} {fingerprints(items)[1]}"
        if shown.get(part.uri) != mark:
            shown[part.uri] = mark
            _publish(backend, part.uri, part.version, items)


def _publish(backend: Backend, uri: str, version: int | None, items: list[types.Diagnostic]) -> None:
    backend.server.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, items, version))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
