"""``workspace/diagnostic``: the findings of files that are not open, as they are found.

Some editors ask again as soon as they have an answer, for ever. So where nothing differs from what the editor has, the
answer waits until something may have changed; an editor that asks once, for everything at once, has it at once.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from lsprotocol import types

from codetune_core.detectors.protocol import Pace
from codetune_server.backend import Backend
from codetune_server.features.diagnostic import fingerprints, of_part
from codetune_server.session import State

_LOOK_AGAIN_SECONDS = 20.0
"""How often files are looked at where nobody tells of changes."""

Report = types.WorkspaceFullDocumentDiagnosticReport | types.WorkspaceUnchangedDocumentDiagnosticReport


async def workspace_diagnostic(
    backend: Backend, params: types.WorkspaceDiagnosticParams
) -> types.WorkspaceDiagnosticReport:
    """The findings of every file of the workspace that is not open."""
    had = {previous.uri: previous.value for previous in params.previous_result_ids}
    token = params.partial_result_token
    changed = backend.workspace_changed
    reports = [report async for report in _reports(backend, had, token)]
    if not reports and (had or token is not None):
        with suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_AGAIN_SECONDS):
                await changed.wait()
        reports = [report async for report in _reports(backend, had, token)]
    return types.WorkspaceDiagnosticReport([] if token is not None else reports)


async def _reports(backend: Backend, had: dict[str, str], token: types.ProgressToken | None) -> AsyncIterator[Report]:
    """Yield what differs from what the editor has, sending each at once where it takes partial results."""
    seen: set[str] = set()
    workspace = await backend.workspace()
    for folder in backend.session.folders:
        async for reviewed in workspace.files(folder, Pace.LIVE):
            report, result_id = _report(backend, reviewed.state)
            seen.add(report.uri)
            if had.get(report.uri) == result_id or (report.uri not in had and not report.items):
                continue
            _send(backend, token, report)
            yield report
    for gone in had.keys() - seen:
        if backend.session.subject(gone) is None:
            report = types.WorkspaceFullDocumentDiagnosticReport(gone, [], version=None)
            _send(backend, token, report)
            yield report


def _report(backend: Backend, state: State) -> tuple[types.WorkspaceFullDocumentDiagnosticReport, str]:
    document = state.subject.document
    items = of_part(backend, state, document)
    result_id = fingerprints(items)[1]
    return types.WorkspaceFullDocumentDiagnosticReport(
        document.uri, items, version=None, result_id=result_id
    ), result_id


def _send(backend: Backend, token: types.ProgressToken | None, report: Report) -> None:
    if token is not None:
        partial = types.WorkspaceDiagnosticReportPartialResult([report])
        backend.server.progress(types.ProgressParams(token, partial))
