"""A Review: what is known about one version of a Document."""

from dataclasses import dataclass
from enum import StrEnum

from codetune_core.domain.finding import Finding

TIMED_OUT = "timeout:"
"""How the key of a notice about a detector that did not answer in time begins."""


class Stage(StrEnum):
    """How far a review has come; each stage holds everything of the one before."""

    LIVE = "live"
    """The fast detectors have answered."""
    COMPLETE = "complete"
    """Every detector has answered."""
    FIXED = "fixed"
    """Fixes were proposed and verified."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a person should be told once, by its key."""

    key: str
    text: str


@dataclass(frozen=True, slots=True)
class Review:
    """Findings of one version of a document.

    Attributes:
        uri: the document's.
        version: the document's, None for a file on the disk.
        stage: how far the review has come.
        findings: what is shown, in the order of the text.
        suppressed: what was set aside, with why.
        notices: what went wrong, such as a detector that crashed.
        skipped: why the document was not looked at; empty where it was.
    """

    uri: str
    version: int | None
    stage: Stage
    findings: tuple[Finding, ...] = ()
    suppressed: tuple[Finding, ...] = ()
    notices: tuple[Notice, ...] = ()
    skipped: str = ""
