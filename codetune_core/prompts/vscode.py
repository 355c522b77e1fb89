"""Reads a prompt file of Visual Studio Code: Markdown with ``${input:name}`` becomes a template with variables.

Format: https://code.visualstudio.com/docs/copilot/customization/prompt-files
"""

import re
from collections.abc import Mapping

from pydantic import JsonValue

from codetune_core.domain.prompt import Variable, VariableType

_PLACE = re.compile(r"\$\{(input:)?([A-Za-z][\w-]*)(?::([^}\n]*))?\}")
_KNOWN = {
    "selection": ("selection", VariableType.CODE, "What is selected in the editor."),
    "selectedText": ("selection", VariableType.CODE, "What is selected in the editor."),
    "file": ("file", VariableType.LINE, "Path of the open file."),
    "fileBasename": ("file_basename", VariableType.LINE, "Name of the open file."),
    "fileDirname": ("file_dirname", VariableType.LINE, "Folder of the open file."),
    "fileBasenameNoExtension": ("file_basename_no_extension", VariableType.LINE, "Name of the open file, bare."),
    "workspaceFolder": ("workspace_folder", VariableType.LINE, "Path of the workspace."),
    "workspaceFolderBasename": ("workspace_folder_basename", VariableType.LINE, "Name of the workspace's folder."),
}
_BRACE = re.compile(r"\{(?=[{%#]|\Z)")
_TAKEN = {
    *(known for known, _, _ in _KNOWN.values()),
    *("and", "chain_of_thought", "else", "false", "if", "in", "is", "loop"),
    *("elif", "for", "none", "not", "or", "output_schema", "range", "recursive", "self", "true"),
}
_UNUSED = {
    "agent": "CodeTune's tasks stand in its place",
    "mode": "CodeTune's tasks stand in its place",
    "model": "the model is chosen in the settings",
    "tools": "prompts use no tools here",
    "argument-hint": "each variable has its own description",
}


def template(body: str) -> tuple[str, tuple[Variable, ...]]:
    """Return the Jinja template that says what a body says, and its variables, in the order of their first places.

    What would mean something to Jinja is literal text. A ``${...}`` that VS Code does not know stays as it is.
    """
    variables: dict[str, Variable] = {}
    parts = []
    end = 0
    for place in _PLACE.finditer(body):
        variable = _variable(place)
        parts.append(_literal(body[end : place.start()]))
        parts.append(f"{{{{ {variable.name} }}}}" if variable else _literal(place[0]))
        end = place.end()
        if variable:
            variables.setdefault(variable.name, variable)
    return "".join([*parts, _literal(body[end:])]), tuple(variables.values())


def notes(front: Mapping[str, JsonValue]) -> tuple[str, ...]:
    """Say which keys of the front matter have no effect here, and why."""
    others = (key for key in front if key not in ("name", "description"))
    return tuple(f"{key!r} is not used: {_UNUSED.get(key, 'it is not known')}" for key in others)


def _variable(place: re.Match[str]) -> Variable | None:
    asked, name, hint = place[1], place[2], place[3] or ""
    if asked:
        return Variable(name=_identifier(name), type=VariableType.LINE, description=hint or f"Asked for: {name}.")
    if name not in _KNOWN:
        return None
    known, kind, description = _KNOWN[name]
    return Variable(name=known, type=kind, description=description)


def _identifier(name: str) -> str:
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).replace("-", "_").lower()
    return (f"input_{words}" if words in _TAKEN else words)[:50]


def _literal(text: str) -> str:
    return _BRACE.sub(lambda brace: f'{{{{ "{brace[0]}" }}}}', text)
