"""Has the editor apply an edit, which may ask its person first."""

from lsprotocol import types

from codetune_server.backend import Backend
from codetune_server.errors import failed

_SECONDS = 600.0
"""A person who is to confirm an edit reads it before."""


async def apply_edit(backend: Backend, edit: types.WorkspaceEdit, label: str) -> bool:
    """Say whether the editor has applied an edit; raises RequestError where it does not answer."""
    params = types.ApplyWorkspaceEditParams(edit=edit, label=label)
    try:
        done = await backend.server.ask(backend.server.workspace_apply_edit_async(params), _SECONDS)
    except TimeoutError:
        raise failed("The editor did not say whether it has applied the edit: look before you ask again.") from None
    if not done.applied and done.failure_reason:
        backend.log(f"CodeTune: the editor did not apply an edit: {done.failure_reason}")
    return done.applied
