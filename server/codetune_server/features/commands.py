"""``workspace/executeCommand``: what CodeTune does when it is told to."""

import time
from collections.abc import Callable
from typing import Any

from codetune_core.detectors.protocol import Pace
from codetune_core.domain.finding import Finding
from codetune_server import from_proto
from codetune_server.applying import apply_edit
from codetune_server.backend import Backend
from codetune_server.deeds import edit_of, finding_of
from codetune_server.errors import changed, failed, not_open
from codetune_server.explain import explain, ignored
from codetune_server.features import diagnostic, fix_with_model, inline_completion, rate, review_with_model, run_action
from codetune_server.features.configuration import review_open
from codetune_server.features.run_prompt import run_prompt
from codetune_server.features.status import status
from codetune_server.features.trust import show_trust, trust_workspace
from codetune_server.pages.page import Page
from codetune_server.progress import progress
from codetune_server.session import State

_REPORT_SECONDS = 0.1
"""Progress is told no more often: each message costs the editor as much as a request."""


async def review_workspace(backend: Backend) -> dict[str, int]:
    """Review every file of the workspace; answers how many were looked at and how much was found."""
    workspace = await backend.workspace()
    counts, next_report = {"files": 0, "findings": 0}, 0.0
    async with progress(backend.server, "CodeTune reviews the workspace") as shown:
        for folder in backend.session.folders:
            async for reviewed in workspace.files(folder, Pace.SAVE):
                counts["files"] += 1
                counts["findings"] += len(reviewed.state.review.findings)
                diagnostic.show_file(backend, reviewed.state)
                if reviewed.number == reviewed.total or time.monotonic() > next_report:
                    next_report = time.monotonic() + _REPORT_SECONDS
                    name, done = reviewed.state.subject.document.name, 100 * reviewed.number // reviewed.total
                    shown.report(f"{name} ({reviewed.number} of {reviewed.total})", done)
    for key in backend.session.keys():  # noqa: SIM118 - not a dictionary
        state = backend.session.current(key)
        counts["files"] += 1
        counts["findings"] += len(state.review.findings) if state else 0
    backend.changed()
    return counts


async def review_file(backend: Backend, uri: str) -> dict[str, int]:
    """Review an open document with every detector; answers how much was found."""
    key = backend.session.key(uri)
    if backend.session.subject(key) is None:
        raise failed("This file is not open. Open it, or run codetune.reviewWorkspace.")
    backend.scheduler.now(key, thorough=True)
    await backend.scheduler.complete(key)
    state = backend.session.current(key)
    return {"findings": len(state.review.findings) if state else 0}


async def show_ignored(backend: Backend, uri: str = "") -> list[dict[str, Any]]:
    """Show the findings that were set aside in a document, or in all that are open, and by what."""
    states = [_state(backend, key) for key in ([uri] if uri else backend.session.keys())]
    pages = [ignored(state.subject.document, state.review.suppressed) for state in states]
    await Page(backend, "ignored").finish("\n\n".join(pages) or "Nothing is open.")
    return [_aside(state, finding) for state in states for finding in state.review.suppressed]


async def restart_detectors(backend: Backend) -> None:
    """Start the workers and detectors anew, and review what is open."""
    await (await backend.service()).restart()
    review_open(backend)


async def accept_in_baseline(backend: Backend, uri: str, finding: str, reason: str = "") -> None:
    """Write a finding into the workspace's baseline file."""
    state = _state(backend, uri)
    service, found = await backend.service(), finding_of(state, finding)
    await service.accept(state.subject.document, found, reason or "accepted in the editor")
    review_with_model.dismissed(backend, found, reason)
    await service.reread(always=True)
    review_open(backend)


async def explain_finding(backend: Backend, uri: str, finding: str) -> str:
    """Show what is known about a finding; answers the same in markdown."""
    found = finding_of(_state(backend, uri), finding)
    text = explain(found)
    await Page(backend, found.rule.id).finish(text)
    return text


async def apply(backend: Backend, wanted: dict[str, Any]) -> bool:
    """Apply the edit of an entry that the editor could not resolve; answers whether it was applied."""
    if not backend.client.applies_edits:
        raise failed("This editor does not let the server apply edits.")
    return await apply_edit(backend, await edit_of(backend, from_proto.wanted(wanted)), "CodeTune")


COMMANDS: dict[str, Callable[..., Any]] = {
    "codetune.reviewWorkspace": review_workspace,
    "codetune.reviewFile": review_file,
    "codetune.showIgnored": show_ignored,
    "codetune.restartDetectors": restart_detectors,
    "codetune.acceptInBaseline": accept_in_baseline,
    "codetune.explain": explain_finding,
    "codetune.apply": apply,
    "codetune.runPrompt": run_prompt,
    "codetune.status": status,
    run_action.COMMAND: run_action.run_action,
    fix_with_model.COMMAND: fix_with_model.fix_with_model,
    run_action.ASK_COMMAND: run_action.ask,
    rate.COMMAND: rate.rate,
    "codetune.trustWorkspace": trust_workspace,
    "codetune.showTrust": show_trust,
    review_with_model.COMMAND: review_with_model.review_with_model,
    inline_completion.ACCEPTED: inline_completion.completion_accepted,
}


def _state(backend: Backend, uri: str) -> State:
    state = backend.session.current(uri)
    if state is None:
        raise changed() if backend.session.subject(uri) else not_open()
    return state


def _aside(state: State, finding: Finding) -> dict[str, Any]:
    why = finding.suppression
    return {
        "uri": state.subject.document.uri,
        "id": finding.id,
        "rule": finding.rule.id,
        "line": finding.range.start.line + 1,
        "message": finding.message,
        "by": why.kind if why else "",
        "reason": why.reason if why else "",
    }
