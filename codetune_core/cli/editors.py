"""Which editors are on this machine, and how each is told about CodeTune."""

import re
import shutil
import subprocess
from dataclasses import dataclass

_SECONDS = 3
_NUMBER = re.compile(r"\d+(?:\.\d+)+")


@dataclass(frozen=True, slots=True)
class Editor:
    """An editor that speaks the Language Server Protocol, itself or with a plugin.

    Attributes:
        name: as its makers write it.
        programs: names it is started by, any of them.
        section: of the README that says how to set it up.
        oldest: the first version that it works with, empty where any does.
        asks: argument that prints its version at once, empty where the program would open a window.
    """

    name: str
    programs: tuple[str, ...]
    section: str
    oldest: str = ""
    asks: str = ""


@dataclass(frozen=True, slots=True)
class FoundEditor:
    """An editor on this machine; version empty where it was not asked for or not said."""

    editor: Editor
    program: str
    version: str


EDITORS = (
    Editor("Neovim", ("nvim",), "neovim", "0.5", "--version"),
    Editor("Vim", ("vim",), "vim", "8.2", "--version"),
    Editor("Emacs", ("emacs",), "emacs", "26.3", "--version"),
    Editor("Helix", ("hx", "helix"), "helix", "", "--version"),
    Editor("Visual Studio Code", ("code", "codium", "code-insiders"), "vs-code", "", "--version"),
    Editor("Kate", ("kate",), "kate"),
    Editor("Sublime Text", ("subl", "sublime_text"), "sublime-text"),
    Editor("Zed", ("zed", "zeditor"), "zed"),
    Editor("JetBrains IDEs", ("idea", "pycharm", "webstorm", "goland"), "jetbrains"),
)


def found_editors() -> list[FoundEditor]:
    """The editors whose program is on the PATH, with their versions where that is cheap to learn."""
    found = []
    for editor in EDITORS:
        program = next(filter(None, map(shutil.which, editor.programs)), None)
        if program:
            found.append(FoundEditor(editor, program, _version(program, editor.asks)))
    return found


def _version(program: str, argument: str) -> str:
    if not argument:
        return ""
    try:
        answer = subprocess.run(  # noqa: S603 - an editor of the user's own, from their PATH
            [program, argument], capture_output=True, text=True, errors="replace", timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    number = _NUMBER.search(answer.stdout)
    return number[0] if number else ""


def too_old(found: FoundEditor) -> bool:
    """Say whether an editor is older than what CodeTune works with; an unknown version is taken as new enough."""
    if not (found.version and found.editor.oldest):
        return False
    return _numbers(found.version) < _numbers(found.editor.oldest)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
