"""Editing a prompt in the user's editor, so that nothing written there is ever lost."""

import shutil
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

import click

from codetune_core.errors import CodeTuneError, PromptError, PromptFileError
from codetune_core.prompts.check import check_wording
from codetune_core.prompts.files import SUFFIX, PromptFile, load_prompt


class EditedFile:
    """A file to be edited, which is removed where all went well, and kept and named where it did not."""

    def __init__(self, name: str, text: str) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="codetune-"))
        self.path = self._folder / f"{name.replace('/', '-')}{SUFFIX}"
        self._text = text
        self.path.write_text(text, "utf-8")

    def edit(self) -> PromptFile | None:
        """Open the editor until the file is a prompt; None where nothing was changed."""
        while True:
            click.edit(filename=str(self.path))
            if self.path.read_text("utf-8", errors="replace") == self._text:
                return None
            try:
                return _checked(load_prompt(self.path), self.path)
            except PromptError as error:
                if not sys.stdin.isatty():
                    raise
                click.echo(f"codetune: {error}", err=True)
                if not click.confirm("Edit it again?", default=True, err=True):
                    raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            shutil.rmtree(self._folder)
            return
        if self.path.read_text("utf-8", errors="replace") != self._text:
            click.echo(f"your text is kept in {self.path}", err=True)
        if isinstance(error, click.ClickException):
            raise CodeTuneError(f"{error.format_message()}: set EDITOR to a program that edits files") from error


def _checked(found: PromptFile, path: Path) -> PromptFile:
    if found.is_foreign:
        raise PromptFileError(
            f"{path}: the first lines, from '---' with 'codetune: 1' to '---', are gone: put them back"
        )
    check_wording(found.wording)
    return found
