"""Keeps a directory of prompt files and the library equal, three-way: nothing that somebody wrote is overwritten."""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from codetune_core.domain.deployment import PRODUCTION
from codetune_core.errors import PromptError
from codetune_core.prompts.exchange import bring_in, file_name, prompt_files, read_all, write_inside
from codetune_core.prompts.files import PromptFile, load_prompt
from codetune_core.prompts.library import PromptLibrary
from codetune_core.prompts.sync_sides import Item, compared_sides
from codetune_core.prompts.sync_state import Base, SyncState


class Kind(StrEnum):
    """What became of one prompt, or would."""

    EQUAL = "equal"
    TO_LIBRARY = "to_library"
    TO_DIRECTORY = "to_directory"
    CONFLICT = "conflict"
    DELETED_IN_DIRECTORY = "deleted_in_directory"
    DELETED_IN_LIBRARY = "deleted_in_library"


@dataclass(frozen=True, slots=True)
class SyncChange:
    """One prompt, compared.

    Attributes:
        name: the prompt's.
        path: of its file, relative to the directory.
        kind: what became of it; for a conflict and a deletion nothing was done.
        detail: in words, with what to do where something is to be done.
        diff: what changed since the last sync, on each side that did; empty for equal ones.
    """

    name: str
    path: str
    kind: Kind
    detail: str
    diff: str = ""


async def sync(
    library: PromptLibrary, directory: Path, *, by: str, label: str = PRODUCTION, dry_run: bool = False
) -> list[SyncChange]:
    """Bring what changed on one side since the last sync to the other side, prompt by prompt.

    The library's side is what stands under the label: a changed file becomes a version and is deployed there. What
    changed on both sides is a conflict, and what is missing on one side is told; neither side is touched for these.
    What was last synced is kept in a folder ``.codetune-sync`` that git ignores, since it is about this library. All
    files are read first: raises PromptFileError for bad ones, nothing done. Broken off, it goes on when called again.
    """
    files = {path.relative_to(directory).as_posix(): file for path, file in read_all(prompt_files(directory)).items()}
    state = SyncState.load(directory, label)
    run = _Run(library, directory, state, by, label, dry_run)
    return [await run.settle(item) for item in await compared_sides(library, label, files, state.bases)]


@dataclass(frozen=True, slots=True)
class _Run:
    """One pass over a directory and a library."""

    library: PromptLibrary
    directory: Path
    state: SyncState
    by: str
    label: str
    dry_run: bool

    async def settle(self, item: Item) -> SyncChange:
        change = self._compared(item)
        if self.dry_run:
            return change
        if change.kind is Kind.TO_LIBRARY:
            await self._to_library(item)
        elif change.kind is Kind.TO_DIRECTORY:
            self._to_directory(item, change.path)
        elif change.kind is Kind.EQUAL:
            self.state.remember(item.prompt_id, Base(path=item.path, text=item.text) if item.text else None)
        return change

    def _compared(self, item: Item) -> SyncChange:
        path = item.path or (item.base.path if item.base else "") or file_name(item.name)
        base = item.base.text if item.base else None
        change = SyncChange(item.name, path, Kind.CONFLICT, "", "".join(self._diffs(item, path)))
        if item.text == item.standing:
            return replace(change, kind=Kind.EQUAL, detail="" if item.text else "gone on both sides", diff="")
        if base is not None and (item.text is None or item.standing is None):
            return _deleted(change, item)
        if item.standing == base and item.text is not None:
            return self._for_library(change, item)
        if item.text == base:
            return self._for_directory(change, item)
        how = "both changed since the last sync" if base is not None else "they differ and were never synced"
        return replace(change, detail=f"{how}; {_SETTLE}")

    def _for_library(self, change: SyncChange, item: Item) -> SyncChange:
        if item.experiment:
            return replace(
                change, detail=f"the file changed while an experiment runs under {self.label!r}; stop it first"
            )
        return replace(change, kind=Kind.TO_LIBRARY, detail="new prompt" if item.prompt is None else "the file changed")

    def _for_directory(self, change: SyncChange, item: Item) -> SyncChange:
        if item.file and item.file.is_foreign:
            return replace(
                change, detail="the library changed, and the file is one of Visual Studio Code's; change it there"
            )
        path = change.path
        if item.base and path == file_name(item.base.name):
            path = file_name(item.name)
        if path != item.path and (self.directory / path).exists():
            return replace(change, detail=f"{path} is in the way; move it")
        detail = "the library changed" if item.file else "new file"
        return replace(change, kind=Kind.TO_DIRECTORY, path=path, detail=detail)

    async def _to_library(self, item: Item) -> None:
        if item.file is None:
            return
        state = (await self.library.states(item.prompt.name)).get(self.label) if item.prompt else None
        if (state.stands.number if state else None) != item.version:
            raise PromptError(f"{item.name} was deployed while it was synced, so it was left as it is; sync again")
        path = self.directory / item.path
        notes = f"synced from {item.path}"
        await bring_in(self.library, item.prompt, item.file, path, by=self.by, label=self.label, notes=notes)
        prompt = await self.library.show(item.file.draft.name)
        self.state.remember(str(prompt.id), Base(path=item.path, text=item.text or ""))

    def _to_directory(self, item: Item, path: str) -> None:
        if item.standing is None:
            return
        if item.file and _changed(self.directory / item.path, item.file):
            raise PromptError(f"{item.path} changed while it was synced, so it was left as it is; sync again")
        write_inside(self.directory, self.directory / path, item.standing)
        if item.path and item.path != path:
            (self.directory / item.path).unlink(missing_ok=True)
        self.state.remember(item.prompt_id, Base(path=path, text=item.standing))

    def _diffs(self, item: Item, path: str) -> Iterator[str]:
        base = item.base.text if item.base else None
        where = f"{self.label} in the library" + (f", version {item.version}" if item.version else "")
        if base is None and item.text is not None and item.standing is not None:
            yield _diff(item.standing, item.text, where, path)
            return
        for text, title in ((item.text, path), (item.standing, where)):
            if text is not None and text != base:
                yield _diff(base or "", text, "last synced" if base is not None else "nothing", title)


_SETTLE = "bring both together in the file and import it, or export the prompt over it, then sync again"


def _deleted(change: SyncChange, item: Item) -> SyncChange:
    changed = "; it was changed here since" if change.diff else ""
    if item.text is None:
        detail = f"the file is gone{changed}; archive the prompt too, or export it again"
        return replace(change, kind=Kind.DELETED_IN_DIRECTORY, detail=detail)
    detail = f"nothing of it is deployed in this library any more{changed}; delete the file too, or import it again"
    return replace(change, kind=Kind.DELETED_IN_LIBRARY, detail=detail)


def _changed(path: Path, file: PromptFile) -> bool:
    now = load_prompt(path)
    return (now.draft, now.wording) != (file.draft, file.wording)


def _diff(before: str, after: str, old: str, new: str) -> str:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), old, new, lineterm="")
    return "".join(f"{line}\n" for line in lines)
