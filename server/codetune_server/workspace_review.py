"""Reviews the files of a folder that are not open, each again only when it or the settings changed."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

from codetune_core.detectors.protocol import Pace
from codetune_core.domain.review import Notice
from codetune_core.errors import CodeTuneError, UnreadableFile
from codetune_core.workspace.discover import discover
from codetune_core.workspace.read import read
from codetune_server.folders import Folder
from codetune_server.holdings import Holding
from codetune_server.review_service import ReviewService
from codetune_server.session import Session, State
from codetune_server.subject import Subject

_Stamp = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Known:
    stamp: _Stamp
    holding: Holding
    pace: Pace
    state: State


@dataclass(frozen=True, slots=True)
class Reviewed:
    """One file's review, and how far the folder is."""

    state: State
    number: int
    total: int


class WorkspaceReview:
    """What is known of the files on the disk."""

    def __init__(self, session: Session, service: ReviewService) -> None:
        self._session = session
        self._service = service
        self._known: dict[Path, _Known] = {}

    async def files(self, folder: Folder, pace: Pace) -> AsyncIterator[Reviewed]:
        """Yield the review of each file of a folder that is looked at and not open, in a stable order."""
        if folder.path is None:
            return
        holding = await self._service.holding_of(folder)
        discovery = await asyncio.to_thread(discover, [folder.path], folder.path, holding.settings.files)
        paths = [target.path for target in discovery.targets]
        for number, path in enumerate(paths, start=1):
            state = await self._state(path, holding, pace)
            if state and self._session.subject(state.subject.document.uri) is None:
                yield Reviewed(state, number, len(paths))
        for gone in [path for path in self._known if path.is_relative_to(folder.path) and path not in set(paths)]:
            del self._known[gone]

    async def _state(self, path: Path, holding: Holding, pace: Pace) -> State | None:
        """The review of a file as it is now; None where it cannot be read."""
        stamp = await asyncio.to_thread(_stamp, path)
        known = self._known.get(path)
        if stamp is None:
            return None
        if known and known.stamp == stamp and known.holding is holding and pace in (known.pace, Pace.LIVE):
            return known.state
        try:
            document = (await asyncio.to_thread(read, path)).document
            review = await self._service.review_file(document, pace)
        except UnreadableFile:
            return None
        except CodeTuneError as error:
            self._session.tell(Notice(f"failed:{path}:{error}", f"{path.name} was not reviewed: {error}"))
            return None
        # Only texts with findings are needed again, to count columns.
        subject = Subject(document if review.findings else replace(document, text=""))
        state = State(subject, review)
        self._known[path] = _Known(stamp, holding, pace, state)
        return state


def _stamp(path: Path) -> _Stamp | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
