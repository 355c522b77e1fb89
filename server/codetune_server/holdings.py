"""What holds in a folder: its settings and its baseline, read from files; blocking, so called in a thread."""

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from platformdirs import user_config_path

from codetune_core.domain.document import Document
from codetune_core.domain.finding import Finding
from codetune_core.domain.review import Notice, Review
from codetune_core.errors import BaselineError
from codetune_core.findings.baseline import Baseline, apply, entry_of, load, render
from codetune_core.settings import FILE_NAME, UNTRUSTED, Options, Settings, read_options, resolve
from codetune_core.workspace.ignores import why_ignored
from codetune_core.workspace.skip import why_skipped
from codetune_core.workspace.trust import is_trusted, trust_file
from codetune_core.workspace.write import replace_file
from codetune_server.folders import Folder
from codetune_server.told import Told

EDITOR = "The editor's settings"
"""How the editor is named as a source of settings."""

_Stamps = tuple[tuple[int, int] | None, ...]


@dataclass(frozen=True, slots=True)
class Holding:
    """What holds in a folder, valid until a file it was read from changes."""

    folder: Folder | None
    settings: Settings
    baseline: Baseline
    notices: tuple[Notice, ...]
    sources: tuple[Path, ...]
    stamps: _Stamps

    @property
    def baseline_path(self) -> Path | None:
        """Where accepted findings are written, None outside of folders."""
        path = self.folder.path if self.folder else None
        return path / self.settings.baseline if path else None

    @property
    def refused(self) -> tuple[Notice, ...]:
        """What was not used because the workspace is not trusted."""
        return tuple(notice for notice in self.notices if notice.key.startswith(UNTRUSTED))

    @property
    def is_current(self) -> bool:
        """Whether every file is as it was when it was read."""
        return _stamps(self.sources) == self.stamps

    def relative(self, document: Document) -> str:
        """Path of a document in the folder, with ``/``; empty where it has none."""
        return self.folder.relative(document) if self.folder else ""

    def why_skipped(self, document: Document) -> str:
        """Say why a document is not reviewed, empty where it is."""
        path, root = document.path, self.folder.path if self.folder else None
        ignored = why_ignored(path, root, self.settings.files) if path and root else ""
        return ignored or why_skipped(document, self.relative(document), self.settings.files)

    def part(self, document: Document, review: Review, is_open: Callable[[str], bool]) -> Review:
        """Set the findings aside that the baseline accepts; ``is_open`` says so of a URI, on the disk or not."""
        if not self.baseline.entries:
            return review
        shown, accepted = apply(
            self.baseline, self.relative(document), review.findings, lambda path: self._exists(path, is_open)
        )
        return replace(review, findings=shown, suppressed=(*review.suppressed, *accepted))

    def _exists(self, path: str, is_open: Callable[[str], bool]) -> bool:
        file = self.folder.path / path if self.folder and self.folder.path else None
        return bool(file and (file.exists() or is_open(file.as_uri())))


def read(folder: Folder | None, editor: Told) -> Holding:
    """Read a folder's settings and baseline; what is wrong is left out and stands in the notices."""
    root = folder.path if folder else None
    trusted = is_trusted(root)
    options, unread = read_options(root, trusted=trusted)
    own = (Options(EDITOR, values) for values in editor.own)
    told = (Options(EDITOR, values, trusted=trusted or root is None, workspace=root) for values in editor.told)
    resolved = resolve([*options, *own, *told])
    sources = tuple(_sources(root, resolved.settings))
    stamps = _stamps(sources)
    try:
        accepted, broken = load(root / resolved.settings.baseline) if root else Baseline(), []
    except BaselineError as error:
        accepted, broken = Baseline(), [Notice(f"baseline:{root}", str(error))]
    return Holding(folder, resolved.settings, accepted, (*unread, *resolved.notices, *broken), sources, stamps)


def accept(holding: Holding, document: Document, finding: Finding, reason: str) -> None:
    """Write a finding into the folder's baseline; raises BaselineError where that cannot be done."""
    path, root = holding.baseline_path, holding.relative(document)
    if path is None or not root:
        raise BaselineError(f"{document.name} lies in no folder of the workspace, so it has no baseline")
    entry = entry_of(finding, document, root, reason, dt.datetime.now(dt.UTC).date())
    try:
        replace_file(path, render(load(path).added([entry])).encode())
    except OSError as error:
        raise BaselineError(f"{path} cannot be written: {error.strerror or error}") from error


def _sources(root: Path | None, settings: Settings) -> Iterable[Path]:
    yield user_config_path("codetune") / FILE_NAME
    yield trust_file()
    if root:
        yield from (root / name for name in (FILE_NAME, "pyproject.toml", ".gitignore", settings.baseline))


def _stamps(paths: Iterable[Path]) -> _Stamps:
    return tuple(_stamp(path) for path in paths)


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
