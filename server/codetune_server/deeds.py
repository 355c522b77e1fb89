"""The edit of an entry that was chosen in an editor's menu, computed for the text it was offered for and no other."""

from lsprotocol import types

from codetune_core.domain.finding import Finding
from codetune_core.domain.text import Edit
from codetune_server import to_proto
from codetune_server.backend import Backend
from codetune_server.errors import changed, failed
from codetune_server.offers import Deed, Wanted, of_rule, safe
from codetune_server.session import State

_REASON = "say here why"


async def edit_of(backend: Backend, wanted: Wanted) -> types.WorkspaceEdit:
    """The edit; raises RequestError where the text has changed since or the deed cannot be done."""
    state = known(backend, wanted)
    edits, risk = await _edits(backend, state, wanted)
    spread = state.subject.spread(edits)
    if spread is None:
        raise failed("This edit goes beyond one cell of the notebook.")
    known(backend, wanted)
    return to_proto.workspace_edit(spread, backend.client, backend.encoding, risk)


def known(backend: Backend, wanted: Wanted) -> State:
    """What is known of the text a deed was offered for; raises RequestError where that is not the present text."""
    state = backend.session.current(wanted.uri)
    if state is None or state.subject.document.version != wanted.version:
        raise changed()
    return state


def finding_of(state: State, finding_id: str) -> Finding:
    """A finding by its id; raises RequestError where it is gone."""
    for finding in state.review.findings:
        if finding.id == finding_id:
            return finding
    raise changed()


async def _edits(backend: Backend, state: State, wanted: Wanted) -> tuple[tuple[Edit, ...], str]:
    """The edits, and what a person should confirm, empty where nothing."""
    service = await backend.service()
    match wanted.deed:
        case Deed.FIX:
            fixes = finding_of(state, wanted.finding).fixes
            if wanted.fix >= len(fixes):
                raise changed()
            fix = fixes[wanted.fix]
            return fix.edits, to_proto.risk_of(fix)
        case Deed.FIX_RULE:
            findings = of_rule(state.review.findings, wanted.rule)
            risks = [risk for finding in findings if (risk := to_proto.risk_of(finding.fixes[0]))]
            return (await service.fix_all(state, findings)).edits, next(iter(risks), "")
        case Deed.FIX_ALL:
            return (await service.fix_all(state, safe(state.review.findings))).edits, ""
        case Deed.SILENCE:
            edit = await service.silence(state.subject.document, finding_of(state, wanted.finding), _REASON)
            if edit is None:
                raise failed("This language has no comments: accept the finding in the baseline instead.")
            return (edit,), ""
        case _:
            raise failed("Nothing is edited by this.")
