"""What the editor at the other end can do, read once from what it said in ``initialize``."""

from dataclasses import dataclass
from functools import reduce
from typing import Any

from lsprotocol import types

STATUS_CAPABILITY = "codetuneStatus"
"""Among the editor's experimental ones."""
_HEEDS_VERSIONS = frozenset({"Neovim"})
"""Editors that apply edits only to the version they are for, and do not say so."""


@dataclass(frozen=True, slots=True)
class Client:
    """The abilities that change what the server sends; each is off where the editor did not name it."""

    pulls: bool = False
    """Asks for diagnostics, so that none may be pushed."""
    refreshes_diagnostics: bool = False
    refreshes_lenses: bool = False
    related_information: bool = False
    code_descriptions: bool = False
    tags: frozenset[types.DiagnosticTag] = frozenset()
    action_literals: bool = False
    resolves_actions: bool = False
    preferred_actions: bool = False
    model_actions: bool = False
    """Marks entries that a model answers."""
    document_changes: bool = False
    """Applies edits to the version they are for, and to no other."""
    change_annotations: bool = False
    creates_files: bool = False
    applies_edits: bool = False
    hovers: bool = False
    markdown_hover: bool = False
    shows_documents: bool = False
    reads_pages: bool = False
    """Shows documents whose text it asks the server for."""
    shows_status: bool = False
    """Wants to be told how it stands with who answers."""
    shows_progress: bool = False
    configuration: bool = False
    registers_configuration: bool = False
    registers_watchers: bool = False
    inline_completions: bool = False
    """Shows what is proposed behind the cursor."""
    registers_inline_completions: bool = False
    completions: bool = False
    registers_completions: bool = False
    markdown_completions: bool = False
    keeps_indentation: bool = False
    """Inserts a completion of several lines as it is, where it is told to."""

    @property
    def applies_to_versions(self) -> bool:
        """Whether the server may edit one version of a text, and no other."""
        return self.applies_edits and self.document_changes

    @classmethod
    def of(cls, capabilities: types.ClientCapabilities, name: str = "") -> "Client":
        """Read the capabilities of an editor that goes by a name."""
        text, workspace, window = capabilities.text_document, capabilities.workspace, capabilities.window
        pushed, pulled = _at(text, "publish_diagnostics"), _at(text, "diagnostic")
        described = pulled or pushed
        action, edit = _at(text, "code_action"), _at(workspace, "workspace_edit")
        return cls(
            pulls=pulled is not None,
            refreshes_diagnostics=bool(_at(workspace, "diagnostics.refresh_support")),
            refreshes_lenses=bool(_at(workspace, "code_lens.refresh_support")),
            related_information=bool(_at(described, "related_information") or _at(pushed, "related_information")),
            code_descriptions=bool(
                _at(described, "code_description_support") or _at(pushed, "code_description_support")
            ),
            tags=frozenset(_at(described, "tag_support.value_set") or _at(pushed, "tag_support.value_set") or ()),
            action_literals=_at(action, "code_action_literal_support") is not None,
            resolves_actions=bool(
                _at(action, "data_support") and "edit" in (_at(action, "resolve_support.properties") or ())
            ),
            model_actions=types.CodeActionTag.LlmGenerated in (_at(action, "tag_support.value_set") or ()),
            preferred_actions=bool(_at(action, "is_preferred_support")),
            document_changes=bool(_at(edit, "document_changes")) or name in _HEEDS_VERSIONS,
            change_annotations=bool(_at(edit, "document_changes") and _at(edit, "change_annotation_support")),
            creates_files=types.ResourceOperationKind.Create in (_at(edit, "resource_operations") or ()),
            applies_edits=bool(_at(workspace, "apply_edit")),
            hovers=_at(text, "hover") is not None,
            markdown_hover=types.MarkupKind.Markdown in (_at(text, "hover.content_format") or ()),
            shows_documents=bool(_at(window, "show_document.support")),
            reads_pages=_at(workspace, "text_document_content") is not None,
            shows_status=isinstance(capabilities.experimental, dict)
            and capabilities.experimental.get(STATUS_CAPABILITY) is True,
            shows_progress=bool(_at(window, "work_done_progress")),
            configuration=bool(_at(workspace, "configuration")),
            registers_configuration=bool(_at(workspace, "did_change_configuration.dynamic_registration")),
            registers_watchers=bool(_at(workspace, "did_change_watched_files.dynamic_registration")),
            inline_completions=_at(text, "inline_completion") is not None,
            registers_inline_completions=bool(_at(text, "inline_completion.dynamic_registration")),
            completions=_at(text, "completion") is not None,
            registers_completions=bool(_at(text, "completion.dynamic_registration")),
            markdown_completions=types.MarkupKind.Markdown
            in (_at(text, "completion.completion_item.documentation_format") or ()),
            keeps_indentation=types.InsertTextMode.AsIs
            in (_at(text, "completion.completion_item.insert_text_mode_support.value_set") or ()),
        )


def _at(holder: Any, path: str) -> Any:
    return reduce(lambda value, name: getattr(value, name, None), path.split("."), holder)
