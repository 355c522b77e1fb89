"""Finds plugins without running them: in installed packages, in the user's folder, in a workspace that is trusted."""

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from importlib.machinery import PathFinder
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from platformdirs import user_data_path
from pydantic import ValidationError

from codetune_core.errors import NoSuchPlugin, PluginError
from codetune_core.plugins.metadata import INTERFACE, Kind, ToolMetadata
from codetune_core.plugins.static import read_class, read_file, summary
from codetune_core.settings import Settings

GROUP = "codetune.plugins"
"""Each entry point names an AgentTool."""
DETECTORS = "codetune.detectors"
WORKSPACE_FOLDER = Path(".codetune") / "plugins"


class Status(StrEnum):
    """What can be done with a plugin now."""

    NOT_LOADED = "not loaded"
    """It is loaded when it is first used."""
    LOADED = "loaded"
    ERROR = "error"
    DISABLED = "disabled"
    NOT_TRUSTED = "not trusted"
    """It comes with a workspace that is not trusted: nothing but its name is known."""


@dataclass(frozen=True, slots=True)
class Found:
    """A plugin as it is known without running it.

    Attributes:
        metadata: what it says of itself; for a package that does not say it in literals, what its distribution says.
        kind: what it gives, as far as it is known.
        origin: where it comes from, for people.
        file: its source, where it is a file.
        target: ``module:Class``, where it is in a package.
        status: not loaded, disabled, not trusted, or error.
        reason: of the status, and what to do.
    """

    metadata: ToolMetadata
    kind: Kind
    origin: str
    file: Path | None = None
    target: str = ""
    status: Status = Status.NOT_LOADED
    reason: str = ""

    @property
    def name(self) -> str:
        """What users call it."""
        return self.metadata.name


def plugin_folder(settings: Settings) -> Path:
    """Where the user's plugins are that are single files."""
    return settings.plugins.folder or user_data_path("codetune") / "plugins"


def unknown(name: str, known: Iterable[str]) -> NoSuchPlugin:
    """Return the error for a name that no plugin has, with the nearest that one has."""
    folded = {each.casefold(): each for each in known}
    near = difflib.get_close_matches(name.casefold(), folded, n=1)
    hint = f"; did you mean {folded[near[0]]}?" if near else ""
    return NoSuchPlugin(f"there is no plugin {name!r}{hint}: `codetune plugins list` shows what there is")


def discover(settings: Settings, workspace: Path | None = None, *, trusted: bool = False) -> tuple[Found, ...]:
    """Return every plugin and detector, sorted by name; of a name that is taken, the first holds and the rest is said.

    Packages come first, then the user's folder, then the workspace's.
    """
    candidates = [*_packaged(), *_detectors(settings), *_in_folder(plugin_folder(settings))]
    if workspace:
        folder = workspace / WORKSPACE_FOLDER
        candidates += _in_folder(folder) if trusted else _untrusted(folder, workspace)
    found = (_judged(each, settings) for each in _distinct(candidates))
    return tuple(sorted(found, key=lambda each: (each.name, each.origin)))


def _packaged() -> Iterator[Found]:
    for point in entry_points(group=GROUP):
        source, said = _source(point), _distribution(point)
        metadata, kind = (source and read_class(source, point.attr)) or (said, Kind.TOOL)
        metadata = metadata if metadata.name == point.name else said
        yield Found(metadata, kind, _package(point), target=point.value)


def _detectors(settings: Settings) -> Iterator[Found]:
    for point in entry_points(group=DETECTORS):
        source, metadata = _source(point), _distribution(point)
        about = summary(source, point.attr) if source else ""
        metadata = metadata.model_copy(update={"description": about or metadata.description})
        yield Found(metadata, Kind.DETECTOR, _package(point), target=point.value)
    for name, tool in settings.detectors.sarif.items():
        metadata = _named(name).model_copy(
            update={"description": f"The command {tool.command[0]}, which writes SARIF."}
        )
        yield Found(metadata, Kind.DETECTOR, "detectors.sarif")


def _package(point: EntryPoint) -> str:
    return f"package {point.dist.name}" if point.dist else point.value


def _distribution(point: EntryPoint) -> ToolMetadata:
    """Return what a package says of a plugin: of itself."""
    if point.dist is None:
        return _named(point.name)
    about = point.dist.metadata
    author = about["Author"] or about["Author-email"] or ""
    said = {
        "description": (about["Summary"] or "")[:1000],
        "version": point.dist.version[:64],
        "author": author[:200],
    }
    return _named(point.name).model_copy(update=said)


def _source(point: EntryPoint) -> Path | None:
    """Find the module's source along the path, without importing the packages around it."""
    path: list[str] | None = None
    spec = None
    parts = point.module.split(".")
    for depth in range(1, len(parts) + 1):
        spec = PathFinder.find_spec(".".join(parts[:depth]), path)
        if spec is None:
            return None
        path = list(spec.submodule_search_locations or [])
    return Path(spec.origin) if spec and spec.has_location and spec.origin else None


def _in_folder(folder: Path) -> Iterator[Found]:
    for path in _files(folder):
        try:
            metadata, kind = read_file(path)
        except PluginError as error:
            yield Found(_named(path.stem), Kind.TOOL, str(path), path, status=Status.ERROR, reason=str(error))
        else:
            yield Found(metadata, kind, str(path), path)


def _untrusted(folder: Path, workspace: Path) -> Iterator[Found]:
    why = f"read it, then run `codetune trust {workspace}`"
    for path in _files(folder):
        yield Found(_named(path.stem), Kind.TOOL, str(path), status=Status.NOT_TRUSTED, reason=why)


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(
            path for path in folder.iterdir() if path.suffix == ".py" and not path.name.startswith(("_", "."))
        )
    except OSError:
        return []


def _named(name: str) -> ToolMetadata:
    try:
        return ToolMetadata(name=name)
    except ValidationError:
        return ToolMetadata(
            name="".join(part if part.isalnum() and part.isascii() else "-" for part in f"x{name}")[:64]
        )


def _distinct(candidates: Iterable[Found]) -> Iterator[Found]:
    holders: dict[str, Found] = {}
    for each in candidates:
        first = holders.setdefault(each.name, each)
        if first is each:
            yield each
        else:
            yield replace(each, status=Status.ERROR, reason=f"its name is that of {first.origin}: rename one of them")


def _judged(found: Found, settings: Settings) -> Found:
    if found.status is not Status.NOT_LOADED:
        return found
    section = "detectors" if found.kind is Kind.DETECTOR else "plugins"
    if found.name in getattr(settings, section).disabled:
        return replace(found, status=Status.DISABLED, reason=f"switched off by {section}.disabled")
    if not found.metadata.fits:
        return replace(found, status=Status.ERROR, reason=unfit(found.metadata))
    return found


def unfit(metadata: ToolMetadata) -> str:
    """Say that a plugin was written for another interface, and what to do."""
    here = ".".join(str(number) for number in INTERFACE)
    return f"it needs interface {metadata.interface}, and this CodeTune has {here}: update the older of the two"
