"""Prompts out of the library into files, and out of files into the library, each time because somebody asked for it."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from hashlib import sha256
from pathlib import Path

from codetune_core.domain.deployment import PRODUCTION
from codetune_core.domain.prompt import Prompt, PromptDraft, Wording
from codetune_core.errors import CodeTuneError, IdenticalVersion, PromptError, PromptFileError
from codetune_core.prompts.check import check_wording
from codetune_core.prompts.files import SUFFIX, PromptFile, load_prompt, write_prompt
from codetune_core.prompts.library import PromptLibrary
from codetune_core.prompts.storable import refuse_unstorable
from codetune_core.workspace.write import replace_file

_SAFE = re.compile(r"[a-z0-9][a-z0-9_-]*(?:\.[a-z0-9_-]+)*")
_DEVICES = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?")
_LONGEST = 80


class Outcome(StrEnum):
    """What an export or import did with one prompt."""

    CREATED = "created"
    """A new prompt, or a new file."""
    ADDED = "added"
    """A new version of a prompt that there was."""
    IDENTICAL = "identical"
    """The version, or the file, was there already."""
    REPLACED = "replaced"
    """A file that said something else."""
    KEPT = "kept"
    """A file that says something else was left as it is."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """One prompt moved.

    Attributes:
        name: the prompt's.
        path: of its file.
        outcome: what was done.
        version: number of the version that the file says.
        notes: what a person should know besides.
    """

    name: str
    path: Path
    outcome: Outcome
    version: int
    notes: tuple[str, ...] = ()


def file_name(name: str) -> str:
    """Return the file name of a prompt: one that every file system takes, different for every name.

    A name of small letters, digits and ``-_.`` stands as it is; any other one is brought to that, with a part of its
    hash, so that no two differ in case or accents only.
    """
    if _SAFE.fullmatch(name) and not _DEVICES.fullmatch(name) and len(name) <= _LONGEST:
        return f"{name}{SUFFIX}"
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:_LONGEST] or "prompt"
    return f"{words}~{sha256(name.encode()).hexdigest()[:10]}{SUFFIX}"


async def export_prompts(  # noqa: PLR0913 - what, where to, and how
    library: PromptLibrary,
    directory: Path,
    names: Sequence[str] = (),
    *,
    label: str = PRODUCTION,
    number: int | None = None,
    overwrite: bool = False,
) -> list[Transfer]:
    """Write prompts, all active ones where no names are given, as files of a directory, which is made.

    What is written is the version of a number, else what stands under the label, else the newest. A file that says
    something else is only replaced with ``overwrite``. Raises PromptNotFound and PromptError, before anything is
    written where a name is unknown.
    """
    prompts = [await library.show(name) for name in names] or await library.list()
    chosen = [(prompt, await _number(library, prompt, label, number)) for prompt in prompts]
    return [await _export(library, prompt, version, directory, overwrite=overwrite) for prompt, version in chosen]


async def import_prompts(
    library: PromptLibrary, paths: Iterable[Path], *, by: str, label: str | None = None, notes: str = ""
) -> list[Transfer]:
    """Add what files say: new prompts, or new versions of those there are; with a label, also deployed to it.

    A directory stands for its prompt files. All files are read and checked before anything is written: raises
    PromptFileError that names every bad one, the library as it was.
    """
    found = [path for given in paths for path in (prompt_files(given) if given.is_dir() else [given])]
    files = read_all(found)
    active = {prompt.name: prompt for prompt in await library.list()}
    return [
        await bring_in(library, active.get(file.draft.name), file, path, by=by, label=label, notes=notes)
        for path, file in files.items()
    ]


def prompt_files(directory: Path) -> list[Path]:
    """Return the prompt files of a directory and its folders by path; hidden folders are left out.

    Raises PromptFileError for a link that leads out of the directory.
    """
    found = sorted(path for path in directory.rglob(f"*{SUFFIX}") if path.is_file() and not _hidden(path, directory))
    inside = directory.resolve()
    for path in found:
        if not path.resolve().is_relative_to(inside):
            raise PromptFileError(
                f"{path}: leads out of {directory}; put a copy in its place, or import it by its name"
            )
    return found


def read_all(paths: Iterable[Path]) -> dict[Path, PromptFile]:
    """Read and check files; raises PromptFileError that names every bad one, and those that say one name twice."""
    files: dict[Path, PromptFile] = {}
    names: dict[str, Path] = {}
    problems = []
    for path in dict.fromkeys(paths):
        try:
            files[path] = checked(load_prompt(path), path)
        except PromptFileError as error:
            problems.append(str(error))
            continue
        name = files[path].draft.name
        if name in names:
            problems.append(f"{path}: {names[name]} is named {name!r} too; give one of them another name")
        names.setdefault(name, path)
    if problems:
        raise PromptFileError("\n".join(problems))
    return files


def checked(file: PromptFile, source: Path) -> PromptFile:
    """Try out what a file says, and note what is odd about it; raises PromptFileError."""
    try:
        refuse_unstorable(file.draft, file.wording)
        return replace(file, notes=(*file.notes, *check_wording(file.wording)))
    except PromptError as error:
        raise PromptFileError(f"{source}: {error}") from error


async def bring_in(  # noqa: PLR0913 - what, where to, and who
    library: PromptLibrary,
    prompt: Prompt | None,
    file: PromptFile,
    path: Path,
    *,
    by: str,
    label: str | None,
    notes: str,
) -> Transfer:
    """Let a prompt, or a new one, say what a file says; doing it again, or going on after it broke off, is no harm."""
    if prompt is None:
        _, version = await library.create(file.draft, file.wording, by=by, notes=notes, deploy=False)
        outcome, number = Outcome.CREATED, version.number
    else:
        outcome, number = await _edit(library, prompt.name, file.wording, by, notes)
        if prompt.draft != file.draft:
            await library.describe(prompt.name, file.draft)
    if label:
        await library.deploy(file.draft.name, number, label=label, by=by, reason=notes)
    return Transfer(file.draft.name, path, outcome, number, file.notes)


def write_inside(directory: Path, path: Path, text: str) -> None:
    """Write a file of a directory in one step; raises PromptError rather than follow a link out of the directory."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink() or not path.parent.resolve().is_relative_to(directory.resolve()):
            raise PromptError(f"{path} is a link, so it was not written; put a file in its place")
        replace_file(path, text.encode())
    except OSError as error:
        raise PromptError(f"{path} cannot be written: {(error.strerror or str(error)).lower()}") from error


async def _edit(library: PromptLibrary, name: str, wording: Wording, by: str, notes: str) -> tuple[Outcome, int]:
    try:
        return Outcome.ADDED, (await library.edit(name, wording, by=by, notes=notes)).number
    except IdenticalVersion as error:
        return Outcome.IDENTICAL, error.number


async def _number(library: PromptLibrary, prompt: Prompt, label: str, number: int | None) -> int:
    if number is not None:
        return (await library.version(prompt.name, number)).number
    state = (await library.states(prompt.name)).get(label)
    return state.stands.number if state else (await library.versions(prompt.name))[0].number


async def _export(library: PromptLibrary, prompt: Prompt, number: int, directory: Path, *, overwrite: bool) -> Transfer:
    version = await library.version(prompt.name, number)
    path = directory / file_name(prompt.name)
    outcome = _compare(path, prompt.draft, version.wording, overwrite=overwrite)
    if outcome in (Outcome.CREATED, Outcome.REPLACED):
        write_inside(directory, path, write_prompt(prompt.draft, version.wording))
    notes = ("says something else; it was left as it is",) if outcome is Outcome.KEPT else ()
    return Transfer(prompt.name, path, outcome, number, notes)


def _compare(path: Path, draft: PromptDraft, wording: Wording, *, overwrite: bool) -> Outcome:
    if not path.exists() and not path.is_symlink():
        return Outcome.CREATED
    try:
        file = load_prompt(path)
    except CodeTuneError:
        file = None
    if file and not file.is_foreign and (file.draft, file.wording) == (draft, wording):
        return Outcome.IDENTICAL
    return Outcome.REPLACED if overwrite else Outcome.KEPT


def _hidden(path: Path, directory: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(directory).parts)
