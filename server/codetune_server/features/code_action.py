"""``textDocument/codeAction`` and ``codeAction/resolve``: what can be done about findings, from what is known."""

import asyncio

from lsprotocol import types

from codetune_core.domain.finding import Finding
from codetune_core.domain.text import Range
from codetune_core.errors import CodeTuneError
from codetune_server import from_proto, to_proto
from codetune_server.backend import Backend
from codetune_server.deeds import edit_of
from codetune_server.errors import RequestError
from codetune_server.features import fix_with_model, rate, review_with_model, run_action
from codetune_server.offers import SETS_ASIDE, Deed, Offer, Wanted, offers
from codetune_server.session import State

_VERIFIED_LATER = (Deed.FIX_RULE, Deed.FIX_ALL)
_RESOLVED = (*_VERIFIED_LATER, Deed.SILENCE)
"""Deeds whose edit is left to ``codeAction/resolve`` where the editor knows that."""
_PATIENCE_SECONDS = 1.5
"""For such an edit in the answer itself, where the editor cannot resolve it and asked for nothing else."""


async def code_action(
    backend: Backend, params: types.CodeActionParams
) -> list[types.CodeAction | types.Command] | None:
    """The entries for the findings at a range, and those of prompts."""
    reviews = await review_with_model.entries(backend, params)
    prompts = [*reviews, *run_action.entries(backend, params), *rate.entries(backend, params)]
    state = backend.session.current(params.text_document.uri)
    if state is None:
        return prompts or None
    found = offers(state, _chosen(backend, state, params), params.context.only, _writer(backend))
    only_source = all(kind.startswith(types.CodeActionKind.Source) for kind in params.context.only or [""])
    ways = await (await backend.service()).ways_to_set_aside(state.subject.document)
    found = [offer for offer in found if offer.wanted.deed in ways or offer.wanted.deed not in SETS_ASIDE]
    entries = [await _action(backend, offer, params, wait=only_source) for offer in found]
    return [*(entry for entry in entries if entry), *prompts]


async def resolve(backend: Backend, action: types.CodeAction) -> types.CodeAction:
    """Add the edit of an entry; raises RequestError where the text has changed since it was offered.

    Some editors ask this of every entry without an edit: one that has a command stays as it is.
    """
    if action.command:
        return action
    wanted = from_proto.wanted(action.data)
    if wanted.deed is Deed.MEND:
        return await fix_with_model.resolved(backend, action, wanted)
    action.edit = await edit_of(backend, wanted)
    return action


def _writer(backend: Backend) -> str | None:
    """Who may be asked for fixes; None where nobody, or where the editor could not take one for one version."""
    return backend.catalogue.writer if backend.catalogue and backend.client.applies_to_versions else None


def _chosen(backend: Backend, state: State, params: types.CodeActionParams) -> list[Finding]:
    """The findings at the range, else those on its lines, and those named by the diagnostics the editor sent.

    Of what the editor sent only the ids are believed.
    """
    part = state.subject.part(params.text_document.uri)
    if part is None:
        return []
    place = state.subject.whole(part, from_proto.range_(part, params.range, backend.encoding))
    named = {
        diagnostic.data.get("id")
        for diagnostic in params.context.diagnostics
        if diagnostic.source == to_proto.SOURCE and isinstance(diagnostic.data, dict)
    }
    findings = state.subject.of(part, state.review.findings)
    at_place = [finding for finding in findings if finding.range.overlaps(place) or finding.id in named]
    return at_place or [finding for finding in findings if _shares_line(finding.range, place)]


def _shares_line(one: Range, other: Range) -> bool:
    return one.start.line <= other.end.line and other.start.line <= one.end.line


async def _action(
    backend: Backend, offer: Offer, params: types.CodeActionParams, *, wait: bool
) -> types.CodeAction | types.Command | None:
    """The entry as the editor can take it; None where its edit cannot be made."""
    client = backend.client
    command = to_proto.command(offer)
    if client.applies_edits and not client.action_literals:
        return command
    action = to_proto.code_action(offer, _diagnostics(params, offer), client)
    if offer.wanted.deed is Deed.MEND and not (client.resolves_actions and backend.fix_latency.is_short):
        action.command = command
        return action
    if (offer.wanted.deed in _RESOLVED or offer.wanted.deed is Deed.MEND) and client.resolves_actions:
        return action
    late_by_command = offer.wanted.deed in _VERIFIED_LATER and client.applies_edits and not wait
    if late_by_command or offer.wanted.deed in (Deed.EXPLAIN, Deed.ACCEPT):
        action.command = command
    else:
        action.edit = await _edit_in_time(backend, offer.wanted)
    return action if action.edit or action.command else None


async def _edit_in_time(backend: Backend, wanted: Wanted) -> types.WorkspaceEdit | None:
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            return await edit_of(backend, wanted)
    except (TimeoutError, CodeTuneError, RequestError):
        return None


def _diagnostics(params: types.CodeActionParams, offer: Offer) -> list[types.Diagnostic] | None:
    """Those of the editor's own diagnostics that an entry is about."""
    ids = {finding.id for finding in offer.findings}
    echoed = params.context.diagnostics
    return [each for each in echoed if isinstance(each.data, dict) and each.data.get("id") in ids] or None
