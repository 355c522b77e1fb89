"""An editor to test the server with: keeps its own texts, applies edits as editors do, answers what the server asks."""

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Union

from lsprotocol import types
from pygls.protocol import default_converter
from pytest_lsp.client import DEFAULT_CLIENT_FEATURES, LanguageClient, register_lsp_features

SECONDS = 20.0
"""How long to wait for what must come; the machine may be busy."""
NAMES = ("vscode", "neovim", "emacs", "emacs-29", "helix", "minimal", "old")
_CODECS = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}


def capabilities(name: str) -> types.ClientCapabilities:
    """What an editor says it can do."""
    text = Path(__file__).with_name("capabilities").joinpath(f"{name}.json").read_text()
    return _converter().structure(json.loads(text), types.ClientCapabilities)


def _converter() -> Any:
    converter = default_converter()

    def action(value: Any, _: Any) -> Any:  # lsprotocol's own takes an action with a command for a command
        kind = types.Command if isinstance(value.get("command"), str) else types.CodeAction
        return converter.structure(value, kind)

    converter.register_structure_hook(Union[types.Command, types.CodeAction], action)  # noqa: UP007 - as lsprotocol writes it

    def cells(value: Any, _: Any) -> Any:  # lsprotocol cannot read what it writes here
        return types.NotebookDocumentFilterWithCells([types.NotebookCellLanguage(**cell) for cell in value["cells"]])

    converter.register_structure_hook(types.NotebookDocumentFilterWithCells, cells)
    return converter


@dataclass
class Buffer:
    uri: str
    text: str
    version: int = 1


@dataclass
class Editor:
    """One editor window with a server of its own."""

    name: str
    roots: tuple[Path, ...]
    options: Any = None
    settings: dict[str, Any] = field(default_factory=dict)
    """What ``workspace/configuration`` answers, by folder URI; the empty one for every other."""
    environment: dict[str, str] = field(default_factory=dict)
    buffers: dict[str, Buffer] = field(default_factory=dict)
    published: list[types.PublishDiagnosticsParams] = field(default_factory=list)
    applied: list[types.ApplyWorkspaceEditParams] = field(default_factory=list)
    registered: list[types.Registration] = field(default_factory=list)
    progress: list[Any] = field(default_factory=list)
    before_applying: Callable[[], None] = lambda: None
    questions: list[types.ShowMessageRequestParams] = field(default_factory=list)
    """What the person was asked."""
    answering: Callable[[], Any] | None = None
    """Gives the title of the button that the person presses, or None, in time; without it there are no questions."""

    async def start(self) -> "Editor":
        self.client = LanguageClient(converter_factory=_converter, configuration={"": {}, **self.settings})
        register_lsp_features(self.client, {**DEFAULT_CLIENT_FEATURES, **self._features()})
        env = {**os.environ, "XDG_CONFIG_HOME": str(self.roots[0] / "no-config"), **self.environment}
        await self.client.start_io(sys.executable, "-m", "codetune_server", env=env)
        folders = [types.WorkspaceFolder(root.as_uri(), root.name) for root in self.roots]
        self.server = await self.client.initialize_session(
            types.InitializeParams(
                capabilities(self.name), workspace_folders=folders, initialization_options=self.options
            )
        )
        self.encoding = self.server.capabilities.position_encoding or "utf-16"
        return self

    async def stop(self) -> None:
        await self.client.shutdown_session()
        await self.client.stop()

    @property
    def can(self) -> types.ClientCapabilities:
        return self.client.capabilities

    @property
    def pulls(self) -> bool:
        return bool(self.can.text_document and self.can.text_document.diagnostic)

    @property
    def resolves(self) -> bool:
        action = self.can.text_document.code_action if self.can.text_document else None
        return bool(action and action.resolve_support and "edit" in action.resolve_support.properties)

    @property
    def versioned(self) -> bool:
        edit = self.can.workspace.workspace_edit if self.can.workspace else None
        return bool(edit and edit.document_changes)

    @property
    def literals(self) -> bool:
        return self.name != "old"

    @property
    def annotates(self) -> bool:
        return self.versioned and bool(self.can.workspace.workspace_edit.change_annotation_support)

    # Documents

    def open(self, name: str, text: str, *, language: str = "python", uri: str = "") -> str:
        """Open a text that is on no disk yet, in the first folder unless an URI is given."""
        uri = uri or (self.roots[0] / name).as_uri()
        self.buffers[uri] = Buffer(uri, text)
        self.client.text_document_did_open(
            types.DidOpenTextDocumentParams(types.TextDocumentItem(uri, language, 1, text))
        )
        return uri

    def edit(self, uri: str, text: str) -> None:
        """Replace a whole text."""
        buffer = self.buffers[uri]
        buffer.text, buffer.version = text, buffer.version + 1
        self.client.text_document_did_change(
            types.DidChangeTextDocumentParams(
                types.VersionedTextDocumentIdentifier(buffer.version, uri),
                [types.TextDocumentContentChangeWholeDocument(text)],
            )
        )

    def save(self, uri: str) -> None:
        self.client.text_document_did_save(types.DidSaveTextDocumentParams(types.TextDocumentIdentifier(uri)))

    def close(self, uri: str) -> None:
        del self.buffers[uri]
        self.client.text_document_did_close(types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(uri)))

    # Questions

    async def diagnostics(
        self, uri: str, wanted: Callable[[list[types.Diagnostic]], bool] = bool
    ) -> list[types.Diagnostic]:
        """What is shown of the present text once it is as wanted."""
        shown: list[types.Diagnostic] = []

        async def look() -> bool:
            nonlocal shown
            known = await self.pull(uri) if self.pulls else self._pushed(uri)
            shown = known or []
            return known is not None and wanted(shown)

        await until(look, lambda: f"{uri}: {[(d.code, d.data) for d in shown]}; {self.said()}")
        return shown

    async def rules(self, uri: str, *wanted: str) -> list[types.Diagnostic]:
        """The diagnostics once they are exactly these rules, in any order."""
        return await self.diagnostics(uri, lambda shown: sorted(str(d.code) for d in shown) == sorted(wanted))

    async def pull(self, uri: str) -> list[types.Diagnostic]:
        report = await self.client.text_document_diagnostic_async(
            types.DocumentDiagnosticParams(types.TextDocumentIdentifier(uri))
        )
        return list(report.items)

    async def actions(
        self, uri: str, place: types.Range, *only: str, context: list[types.Diagnostic] | None = None
    ) -> list[Any]:
        found = await self.client.text_document_code_action_async(
            types.CodeActionParams(
                types.TextDocumentIdentifier(uri),
                place,
                types.CodeActionContext(context or [], only=list(only) or None),
            )
        )
        return list(found or ())

    async def action(self, uri: str, place: types.Range, title: str, *only: str) -> Any:
        """The one entry whose title begins so, once it is offered: fixes come after the findings."""
        found: list[Any] = []

        async def look() -> bool:
            nonlocal found
            found = await self.actions(uri, place, *only)
            return any(action.title.startswith(title) for action in found)

        await until(look, lambda: f"{title!r} in {[action.title for action in found]}; {self.said()}")
        return next(action for action in found if action.title.startswith(title))

    async def choose(self, action: Any) -> Any:
        """Do what an editor does when its user chooses an entry; returns what a command answered."""
        if isinstance(action, types.Command):
            return await self.execute(action.command, *(action.arguments or ()))
        if action.edit is None and action.command is None:
            assert self.resolves
            action = await self.client.code_action_resolve_async(action)
            assert action.edit is not None or action.command is not None
        if action.edit:
            assert self.apply(action.edit)
        return await self.execute(action.command.command, *action.command.arguments) if action.command else None

    async def execute(self, command: str, *arguments: Any) -> Any:
        return await self.client.workspace_execute_command_async(types.ExecuteCommandParams(command, list(arguments)))

    async def hover(self, uri: str, position: types.Position) -> str:
        found = await self.client.text_document_hover_async(
            types.HoverParams(types.TextDocumentIdentifier(uri), position)
        )
        return found.contents.value if found else ""

    # Columns

    def place(self, uri: str, piece: str) -> types.Range:
        """The range of a piece of text, in the editor's units."""
        text = self.buffers[uri].text
        start = text.index(piece)
        return types.Range(self._position(text, start), self._position(text, start + len(piece)))

    def piece(self, uri: str, place: types.Range) -> str:
        """The text of a range."""
        text = self.buffers[uri].text
        return text[self._offset(text, place.start) : self._offset(text, place.end)]

    def apply(self, edit: types.WorkspaceEdit) -> bool:
        """Apply an edit unless it is for another version than the present one."""
        changes = {
            change.text_document.uri: (change.text_document.version, change.edits)
            for change in edit.document_changes or ()
        } | {uri: (None, edits) for uri, edits in (edit.changes or {}).items()}
        if any(version not in (None, self.buffers[uri].version) for uri, (version, _) in changes.items()):
            return False
        for uri, (_, edits) in changes.items():
            text = self.buffers[uri].text
            for each in sorted(
                edits, key=lambda each: (each.range.start.line, each.range.start.character), reverse=True
            ):
                start, end = self._offset(text, each.range.start), self._offset(text, each.range.end)
                text = text[:start] + each.new_text + text[end:]
            self.edit(uri, text)
        return True

    def said(self) -> list[str]:
        """Everything the server told its user."""
        return [each.message for each in (*self.client.messages, *self.client.log_messages)]

    def _position(self, text: str, offset: int) -> types.Position:
        codec, width = _CODECS[self.encoding]
        lines = _lines(text[:offset])
        return types.Position(len(lines) - 1, len(lines[-1].encode(codec)) // width)

    def _offset(self, text: str, position: types.Position) -> int:
        codec, width = _CODECS[self.encoding]
        lines = _lines(text)
        head = lines[position.line].encode(codec)[: position.character * width].decode(codec)
        return sum(len(line) for line in lines[: position.line]) + len(head)

    def _pushed(self, uri: str) -> list[types.Diagnostic] | None:
        """What was pushed for the present version, None where nothing was yet."""
        last = [params for params in self.published if params.uri == uri][-1:]
        current = self.buffers[uri].version if uri in self.buffers else None
        return list(last[0].diagnostics) if last and last[0].version == current else None

    def _features(self) -> dict[str, Any]:
        # pygls marks a handler, which a bound method does not allow.
        return {
            types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS: lambda params: self.published.append(params),  # noqa: PLW0108
            types.WORKSPACE_APPLY_EDIT: lambda params: self._apply_edit(params),  # noqa: PLW0108
            types.CLIENT_REGISTER_CAPABILITY: lambda params: self.registered.extend(params.registrations),
            types.PROGRESS: lambda params: self.progress.append(params),  # noqa: PLW0108
            types.WORKSPACE_CODE_LENS_REFRESH: lambda _: None,
            **({types.WINDOW_SHOW_MESSAGE_REQUEST: self._question()} if self.answering else {}),
        }

    def _question(self) -> Callable[[Any], Any]:
        async def ask(params: types.ShowMessageRequestParams) -> types.MessageActionItem | None:
            self.questions.append(params)
            title = await self.answering()
            return types.MessageActionItem(title) if title else None

        return ask

    def _apply_edit(self, params: types.ApplyWorkspaceEditParams) -> types.ApplyWorkspaceEditResult:
        self.applied.append(params)
        self.before_applying()
        return types.ApplyWorkspaceEditResult(applied=self.apply(params.edit))


def _lines(text: str) -> list[str]:
    """Lines with their ends, by the protocol's ends only."""
    lines, start = [], 0
    for end, character in enumerate(text, start=1):
        if character == "\n" or (character == "\r" and text[end : end + 1] != "\n"):
            lines.append(text[start:end])
            start = end
    return [*lines, text[start:]]


async def until(look: Callable[[], Any], explain: Callable[[], Any] = str, seconds: float = SECONDS) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not await look():
        assert time.monotonic() < deadline, explain()
        await asyncio.sleep(0.05)
