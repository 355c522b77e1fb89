"""What a detector is: the seam third parties implement."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from codetune_core.domain.document import Document
from codetune_core.domain.finding import Finding
from codetune_core.domain.review import Notice


class Pace(StrEnum):
    """How often a detector can be asked."""

    LIVE = "live"
    """Milliseconds: asked on every change."""
    SAVE = "save"
    """Longer: asked when a file is opened or saved, and by ``codetune review``."""


@dataclass(frozen=True, slots=True)
class Detection:
    """What a detector says of one document: findings in any order, and what a person should be told once."""

    findings: tuple[Finding, ...] = ()
    notices: tuple[Notice, ...] = ()


class Detector(Protocol):
    """From a Document to Findings.

    Register a factory that takes ``Settings`` under the entry point group ``codetune.detectors``.
    """

    name: str
    pace: Pace

    def handles(self, document: Document) -> bool:
        """Say whether this document is of a kind the detector knows."""
        ...

    async def detect(self, document: Document) -> Detection:
        """Look at one document.

        Must not block the event loop (long computation belongs in ``asyncio.to_thread``), must stop when cancelled,
        and leaves ``id`` and ``symbol`` of its findings empty. Raises DetectorError with what the user can do.
        """
        ...

    async def aclose(self) -> None:
        """End what was started; called once."""
        ...

    def describe(self) -> str:
        """One line for ``codetune doctor``: version and state. Raises DetectorError where it cannot run."""
        ...
