"""``codetune.fixWithModel``, and its entry resolved: a model mends a finding, checked before anybody sees the edit."""

import asyncio
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from codetune_core.domain.document import Document
from codetune_core.domain.finding import Finding
from codetune_core.domain.text import Edit
from codetune_server import imports, to_proto
from codetune_server.applying import apply_edit
from codetune_server.backend import Backend
from codetune_server.deeds import finding_of, known
from codetune_server.errors import changed, failed
from codetune_server.following import Followed
from codetune_server.mending.unchanged import check_unchanged, while_unchanged
from codetune_server.offers import Deed, Wanted, model_name
from codetune_server.progress import progress

if TYPE_CHECKING:
    from codetune_server.mending.climbing import Ended
    from codetune_server.prompt_runs import Listener

COMMAND = "codetune.fixWithModel"

Spread = list[tuple[Document, list[Edit]]]


async def fix_with_model(backend: Backend, uri: str, version: int, finding: str) -> dict[str, Any]:
    """Mend a finding; answers whether an edit was ``applied``, what was ``verified``, and how many were ``dropped``."""
    if not backend.client.applies_to_versions:
        raise failed("This editor does not let the server apply edits to one version of a text.")
    wanted = Wanted(Deed.MEND, uri, version, finding)
    claim = finding_of(known(backend, wanted), finding)
    async with progress(backend.server, "CodeTune: fix with a model", measured=False) as shown:
        ended, spread = await _mended(backend, wanted, Followed(backend.server, shown))
    applied = await apply(backend, ended, spread, claim=claim) if ended.best else False
    if applied:
        backend.outcomes.answered(ended.answer["executionId"], uri)
    if not ended.best:
        backend.warn(nothing(ended))
    return answered(ended, applied=applied)


async def resolved(backend: Backend, action: types.CodeAction, wanted: Wanted) -> types.CodeAction:
    """Add the edit to an entry, and to its title what was verified; raises RequestError where no edit holds."""
    claim = finding_of(known(backend, wanted), wanted.finding)
    ended, spread = await _mended(backend, wanted, _Silent())
    if not ended.best:
        raise failed(nothing(ended))
    action.title = f"{action.title} ({ended.best.describe()})"
    if ended.best.is_preferred and backend.client.preferred_actions:
        action.is_preferred = True
    action.edit = workspace_edit(backend, ended, spread)
    for document, edits in spread:
        backend.outcomes.offered(ended.answer["executionId"], document, edits, claim)
    return action


async def apply(  # noqa: PLR0913 - what is applied, and what is known of it
    backend: Backend,
    ended: "Ended",
    spread: Spread,
    what: str = "fix",
    claim: Finding | None = None,
    *,
    created: bool = False,
) -> bool:
    """Apply a model's edits to the very texts that they are of, ``created`` where to a new file; say whether it was."""
    await check_unchanged(backend, tuple(document for document, _ in spread))
    edit = workspace_edit(backend, ended, spread)
    if created:
        made = [types.CreateFile(document.uri) for document, _ in spread]
        edit.document_changes = [*made, *(edit.document_changes or ())]
    label = f"CodeTune: {what} with {_who(ended)} ({ended.verified})"
    applied = await apply_edit(backend, edit, label)
    if applied:
        for document, edits in spread:
            backend.outcomes.applied(ended.answer["executionId"], document, edits, claim)
    return applied


def workspace_edit(backend: Backend, ended: "Ended", spread: Spread) -> types.WorkspaceEdit:
    """The edits, which a person is asked to confirm where the editor can ask."""
    risk = f"Written by {_who(ended)} ({ended.verified})."
    return to_proto.workspace_edit(spread, backend.client, backend.encoding, risk, "CodeTune: written by a model")


def answered(ended: "Ended", *, applied: bool) -> dict[str, Any]:
    """What a command answers of edits that climbed the ladder."""
    return {
        "applied": applied,
        "verified": ended.verified if ended.best else "",
        "checks": ended.best.explain() if ended.best else "",
        "model": ended.answer.get("model", ""),
        "executionId": ended.answer.get("executionId", ""),
        "repaired": ended.climbed.repaired,
        "dropped": sum(end is not ended.best for end in ended.climbed.dropped),
        "reason": ended.dropped,
    }


async def _mended(backend: Backend, wanted: Wanted, listener: "Listener") -> "tuple[Ended, Spread]":
    """What became of the candidates, and the edits of the best by the editor's documents."""
    state = known(backend, wanted)
    found = finding_of(state, wanted.finding)
    if found.stale:
        raise changed()
    fix = await asyncio.to_thread(imports.fix)
    ended = await while_unchanged(backend, state.subject.parts, fix(backend, state.subject, found, listener))
    log_dropped(backend, f"the fixes for {found.rule.id}", ended)
    spread = state.subject.spread(ended.best.edits if ended.best else ())
    if spread is None:
        raise failed("This edit goes beyond one cell of the notebook.")
    return ended, spread


def log_dropped(backend: Backend, what: str, ended: "Ended") -> None:
    """Count what was dropped where it can be looked up."""
    if ended.dropped:
        backend.log(f"CodeTune: of {what} that {_who(ended)} proposed, {ended.dropped}")


def nothing(ended: "Ended") -> str:
    """What is said where no edit of a model's holds."""
    return f"No edit of the model's holds, so nothing was edited: {ended.dropped}"


def _who(ended: "Ended") -> str:
    return model_name(ended.answer.get("model", ""))


class _Silent:
    def told(self, text: str) -> None:
        pass

    def grown(self, output: str) -> None:
        pass
