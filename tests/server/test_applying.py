"""An edit that the editor did not apply is no success, and what the editor says of it can be looked up."""

import asyncio

import pytest
from lsprotocol import types

from codetune_server import applying
from codetune_server.applying import apply_edit
from codetune_server.errors import RequestError

EDIT = types.WorkspaceEdit(changes={})


class Editor:
    """A server's side of an editor that answers this, or nothing."""

    def __init__(self, answer=None):
        self.answer, self.logged = answer, []
        self.server = self
        self.log = self.logged.append

    async def ask(self, answer, seconds):
        async with asyncio.timeout(seconds):
            return await answer

    async def workspace_apply_edit_async(self, params):
        assert params.label == "mend it"
        return self.answer or await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("applied", "reason", "logged"),
    [(True, None, []), (False, None, []), (False, "busy", ["CodeTune: the editor did not apply an edit: busy"])],
)
async def test_what_the_editor_answers_is_what_is_said(applied, reason, logged):
    editor = Editor(types.ApplyWorkspaceEditResult(applied, failure_reason=reason))
    assert await apply_edit(editor, EDIT, "mend it") is applied
    assert editor.logged == logged


async def test_an_editor_that_says_nothing_is_not_taken_for_one_that_refused(monkeypatch):
    monkeypatch.setattr(applying, "_SECONDS", 0.01)
    with pytest.raises(RequestError, match="did not say whether"):
        await apply_edit(Editor(), EDIT, "mend it")
