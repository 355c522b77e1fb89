"""Puts the three sides of a sync side by side: what was last synced, what a file says, what stands in the library."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from codetune_core.domain.prompt import Prompt
from codetune_core.prompts.files import PromptFile, read_prompt, write_prompt
from codetune_core.prompts.library import PromptLibrary
from codetune_core.prompts.sync_state import Base


@dataclass(frozen=True, slots=True)
class Item:
    """One prompt on its three sides; each may be missing.

    Attributes:
        prompt_id: empty for a file that belongs to no prompt.
        base: what was last synced.
        path: of the file in the directory, empty where there is none.
        file: what it says.
        prompt: the active one.
        standing: canonical text of what stands under the label in the library, None for nothing.
        version: its number.
        experiment: whether one runs under the label.
    """

    prompt_id: str
    base: Base | None
    path: str
    file: PromptFile | None
    prompt: Prompt | None
    standing: str | None
    version: int | None
    experiment: bool

    @property
    def text(self) -> str | None:
        """What the file says, in the canonical form."""
        return write_prompt(self.file.draft, self.file.wording) if self.file else None

    @property
    def name(self) -> str:
        """The prompt's: as the library has it, else as the file or the last sync."""
        for text in (self.standing, self.text, self.base.text if self.base else None):
            if text is not None:
                return read_prompt(text, self.path).draft.name
        return ""


@dataclass(frozen=True, slots=True)
class _Sides:
    files: Mapping[str, PromptFile]
    bases: Mapping[str, Base]
    prompts: Mapping[str, Prompt]


async def compared_sides(
    library: PromptLibrary, label: str, files: Mapping[str, PromptFile], bases: Mapping[str, Base]
) -> list[Item]:
    """Match files, by path, with bases, by the prompt's id, and with the library's active prompts."""
    prompts = {str(prompt.id): prompt for prompt in await library.list()}
    sides = _Sides(files, bases, prompts)
    items = [await _item(library, label, sides, prompt_id, path) for prompt_id, path in _pairs(sides)]
    return [item for item in items if item.base or item.file or item.standing is not None]


def _pairs(sides: _Sides) -> list[tuple[str, str]]:
    """Ids of prompts with paths of files, either empty: by name, by the path last synced, by equal wording."""
    left = dict(sides.files)
    ids = dict.fromkeys([*sides.bases, *sides.prompts])
    found: dict[str, str] = {}
    for finder in (_by_name, _by_path, _by_wording):
        for prompt_id in ids:
            base, prompt = sides.bases.get(prompt_id), sides.prompts.get(prompt_id)
            if prompt_id not in found and (path := finder(left, base, prompt)):
                found[prompt_id] = path
                del left[path]
    return [*((prompt_id, found.get(prompt_id, "")) for prompt_id in ids), *(("", path) for path in left)]


def _by_name(files: Mapping[str, PromptFile], base: Base | None, prompt: Prompt | None) -> str:
    names = {base.name} if base else set()
    names |= {prompt.name} if prompt else set()
    return next((path for path, file in files.items() if file.draft.name in names), "")


def _by_path(files: Mapping[str, PromptFile], base: Base | None, prompt: Prompt | None) -> str:  # noqa: ARG001 - one of three finders
    return base.path if base and base.path in files else ""


def _by_wording(files: Mapping[str, PromptFile], base: Base | None, prompt: Prompt | None) -> str:  # noqa: ARG001 - one of three finders
    return next((path for path, file in files.items() if base and file.wording == base.wording), "")


async def _item(library: PromptLibrary, label: str, sides: _Sides, prompt_id: str, path: str) -> Item:
    prompt = sides.prompts.get(prompt_id)
    item = Item(
        prompt_id, sides.bases.get(prompt_id), path, sides.files.get(path), prompt, None, None, experiment=False
    )
    state = (await library.states(prompt.name)).get(label) if prompt else None
    if prompt is None or state is None:
        return item
    version = await library.version(prompt.name, state.stands.number)
    standing = write_prompt(prompt.draft, version.wording)
    return replace(item, standing=standing, version=version.number, experiment=state.experiment is not None)
