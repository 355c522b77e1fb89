"""What a worker and its owner say to each other, and how it is framed.

A frame is its length in bytes (4, big-endian) and a pickle. Both ends are CodeTune's own processes joined by a pipe.
"""

import pickle
import struct
from dataclasses import dataclass

from codetune_core.detectors.protocol import Pace
from codetune_core.domain.document import Document
from codetune_core.domain.finding import Finding
from codetune_core.domain.text import Range
from codetune_core.fixes.ladder.request import Request
from codetune_core.fixes.ladder.result import Rung
from codetune_core.mending.proposal import Proposal
from codetune_core.model_reviewer.anchoring import Quoted
from codetune_core.settings import Settings

HEADER = struct.Struct(">I")
BACKGROUND = "--background"
"""Argument of a worker that gives way to everybody else."""


@dataclass(frozen=True, slots=True)
class ReviewTask:
    """Review a document; answered by Reviews that grow."""

    document: Document
    relative_path: str
    pace: Pace
    settings: Settings
    with_fixes: bool = True


@dataclass(frozen=True, slots=True)
class FixAllTask:
    """Fix these findings of a document together; answered by one FixedAll."""

    document: Document
    findings: tuple[Finding, ...]
    settings: Settings


@dataclass(frozen=True, slots=True)
class DescribeTask:
    """Say which detectors run; answered by one list of DetectorState."""

    settings: Settings


@dataclass(frozen=True, slots=True)
class SetAsideTask:
    """Part findings that no detector made by comments and settings; answered by those shown and those set aside."""

    document: Document
    relative_path: str
    findings: tuple[Finding, ...]
    settings: Settings


@dataclass(frozen=True, slots=True)
class ReadTask:
    """Cut a document into what a model is asked about; answered by one Reading."""

    document: Document


@dataclass(frozen=True, slots=True)
class AnchorTask:
    """Find what a model quotes; answered by one list, of a Range or None for each quote."""

    document: Document
    quotes: tuple[Quoted, ...]


@dataclass(frozen=True, slots=True)
class DetectorState:
    """One detector as ``codetune doctor`` shows it."""

    name: str
    runs: bool
    text: str


@dataclass(frozen=True, slots=True)
class ClimbTask:
    """Have what a model proposes climb the verification ladder; answered by Trying, and last by one Climbed.

    The model's answers are supplied while it runs: each Wanted is answered by a Supply.

    Attributes:
        request: what is to be changed; without ranges the code around its finding.
        settings: limits, and whether tests are run.
        trusted: whether the user trusts the workspace, so that its tools and tests may run.
        candidates: how many are asked for at once.
    """

    request: Request
    settings: Settings
    trusted: bool = False
    candidates: int = 1


@dataclass(frozen=True, slots=True)
class Wanted:
    """Worker to owner: a candidate, from 0, is to be asked for.

    Attributes:
        candidate: its number.
        reason: why its last attempt failed; empty at first.
        ranges: what it may change.
    """

    candidate: int
    reason: str
    ranges: tuple[Range, ...]


@dataclass(frozen=True, slots=True)
class Trying:
    """Worker to owner: a candidate tries a rung now."""

    candidate: int
    rung: Rung


ByDetectors = ReviewTask | FixAllTask | DescribeTask | ClimbTask
"""Tasks that detectors run for, as the settings say."""
Task = ByDetectors | SetAsideTask | ReadTask | AnchorTask


@dataclass(frozen=True, slots=True)
class Ask:
    """Owner to worker: begin."""

    number: int
    task: Task


@dataclass(frozen=True, slots=True)
class Supply:
    """Owner to worker: a candidate that was wanted, or a text for people that says why there is none."""

    number: int
    candidate: int
    proposal: Proposal | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Cancel:
    """Owner to worker: nobody waits for this any more."""

    number: int


@dataclass(frozen=True, slots=True)
class Part:
    """Worker to owner: one value of the answer."""

    number: int
    value: object


@dataclass(frozen=True, slots=True)
class End:
    """Worker to owner: the answer is complete, or failed with a text for people."""

    number: int
    error: str = ""


def pack(message: object) -> bytes:
    """One frame."""
    body = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    return HEADER.pack(len(body)) + body


def unpack(body: bytes) -> object:
    """The message of a frame without its header."""
    return pickle.loads(body)  # noqa: S301 - from our own process over a pipe that nobody else holds
