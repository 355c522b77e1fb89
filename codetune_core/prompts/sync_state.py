"""What a directory of prompt files and a library had in common when they were last synced."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from codetune_core.domain.prompt import Wording
from codetune_core.errors import PromptError
from codetune_core.prompts.exchange import write_inside
from codetune_core.prompts.files import PromptFile, read_prompt

FOLDER = ".codetune-sync"


class Base(BaseModel):
    """One prompt as it was on both sides: the path of its file in the directory, and the canonical text."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    text: str

    @property
    def name(self) -> str:
        """The prompt's name then."""
        return self._read().draft.name

    @property
    def wording(self) -> Wording:
        """The prompt's wording then."""
        return self._read().wording

    def _read(self) -> PromptFile:
        return read_prompt(self.text, self.path)


class _Written(BaseModel):
    """The file: by label, by the prompt's id, so that two libraries may share a directory."""

    model_config = ConfigDict(extra="forbid")

    format: Literal[1] = 1
    labels: dict[str, dict[str, Base]] = {}


class SyncState:
    """The bases of one directory for one label, in a folder that has its own ``.gitignore``."""

    def __init__(self, directory: Path, label: str, written: _Written) -> None:
        self._directory = directory
        self._written = written
        self._bases = written.labels.setdefault(label, {})

    @classmethod
    def load(cls, directory: Path, label: str) -> Self:
        """Read it, or begin; raises PromptError for a damaged file."""
        path = directory / FOLDER / "state.json"
        try:
            written = _Written.model_validate_json(path.read_bytes())
            for base in (base for bases in written.labels.values() for base in bases.values()):
                _ = base.name
        except FileNotFoundError:
            written = _Written()
        except (OSError, ValidationError, PromptError) as error:
            raise PromptError(f"{path} cannot be read; delete it, and what differs is shown as a conflict") from error
        return cls(directory, label, written)

    @property
    def bases(self) -> Mapping[str, Base]:
        """What was last synced, by the prompt's id."""
        return dict(self._bases)

    def remember(self, prompt_id: str, base: Base | None) -> None:
        """Write down what is equal now, None for a prompt that is gone on both sides."""
        if self._bases.get(prompt_id) == base:
            return
        if base is None:
            del self._bases[prompt_id]
        else:
            self._bases[prompt_id] = base
        folder = self._directory / FOLDER
        if not (folder / ".gitignore").exists():
            write_inside(self._directory, folder / ".gitignore", "*\n")
        write_inside(self._directory, folder / "state.json", f"{self._written.model_dump_json(indent=1)}\n")
