"""Schemas of answers that judge code: findings, the explanation of one, a review of a diff, a threat model."""

from enum import StrEnum
from typing import Annotated

from pydantic import BeforeValidator, Field, StringConstraints

from codetune_core.domain.finding import Confidence
from codetune_core.prompts.schemas.parts import (
    AnswerModel,
    AnyConfidence,
    AnySeverity,
    Cwe,
    FilledProse,
    Line,
    Prose,
    Quote,
    Word,
)


class FindingClaim(AnswerModel):
    """One flaw that the model claims to see."""

    quote: Quote = Field(description="the flawed code, copied exactly, without line numbers")
    rule: Word = Field(description="short name of the kind of flaw, such as sql-injection")
    cwe: Cwe | None = Field(default=None, description="such as CWE-89, or null")
    severity: AnySeverity
    confidence: AnyConfidence = Confidence.MEDIUM
    message: FilledProse = Field(description="what is wrong, and what an attacker or a user can make of it")
    remedy: Prose = Field(default="", description="how to mend it")


class Findings(AnswerModel):
    """A review: an empty list where nothing is wrong."""

    findings: tuple[FindingClaim, ...] = Field(max_length=50)


class Judgement(StrEnum):
    """Whether a finding holds."""

    TRUE_POSITIVE = "true_positive"
    FALSE_POSITIVE = "false_positive"
    UNSURE = "unsure"


class FindingExplanation(AnswerModel):
    """Why a finding matters, or why it does not."""

    judgement: Judgement
    explanation: FilledProse = Field(description="what the code does and why that is a flaw, or is not")
    exploit: Prose = Field(default="", description="how it could be used, step by step; empty for a false positive")
    remedy: Prose = Field(default="", description="how to mend it")
    evidence: tuple[Quote, ...] = Field(
        default=(), max_length=10, description="code that the explanation rests on, copied exactly"
    )


class Call(StrEnum):
    """What is said of a candidate; the later the stricter with the code."""

    REFUTE = "refute"
    UNSURE = "unsure"
    CONFIRM = "confirm"


def _lower(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


class CandidateVerdict(AnswerModel):
    """Whether one candidate holds."""

    candidate: int = Field(ge=1, le=50, description="the candidate's number in the list")
    call: Annotated[Call, BeforeValidator(_lower)]
    reason: Line = Field(description="why, in one sentence")
    evidence: tuple[Quote, ...] = Field(
        default=(), max_length=5, description="code that decides it, copied exactly; a refutation needs some"
    )


class NewClaim(AnswerModel):
    """One flaw that no candidate names."""

    quote: Quote = Field(description="the flawed code, copied exactly, without line numbers")
    symbol: Annotated[str, StringConstraints(max_length=300, strip_whitespace=True)] = Field(
        default="", description="name of the function or class that it stands in; empty at module level"
    )
    rule: Word = Field(description="short name of the kind of flaw, such as sql-injection")
    cwe: Cwe | None = Field(default=None, description="such as CWE-89, or null")
    severity: AnySeverity
    confidence: AnyConfidence = Confidence.LOW
    message: Line = Field(description="what an attacker can do, in one sentence")
    evidence: tuple[Quote, ...] = Field(
        default=(), max_length=5, description="code that leads to it, copied exactly, the source first"
    )
    fix: Prose = Field(default="", description="sketch of a fix")


class Verdicts(AnswerModel):
    """What a model makes of the candidates, and what it sees besides."""

    verdicts: tuple[CandidateVerdict, ...] = Field(max_length=50)
    claims: tuple[NewClaim, ...] = Field(max_length=20)


class DiffComment(AnswerModel):
    """One remark on a changed place."""

    path: Line = Field(description="file as named in the diff")
    quote: Quote = Field(description="changed code, copied exactly, without the leading + or -")
    severity: AnySeverity
    cwe: Cwe | None = None
    message: FilledProse


class DiffVerdict(StrEnum):
    """What a review of a diff comes to."""

    APPROVE = "approve"
    COMMENT = "comment"
    REQUEST_CHANGES = "request_changes"


class DiffReview(AnswerModel):
    """A review of a diff."""

    summary: FilledProse = Field(description="what the change does")
    verdict: DiffVerdict
    comments: tuple[DiffComment, ...] = Field(default=(), max_length=50)


class Stride(StrEnum):
    """Kinds of threat by STRIDE (Kohnfelder and Garg, 1999)."""

    SPOOFING = "spoofing"
    TAMPERING = "tampering"
    REPUDIATION = "repudiation"
    INFORMATION_DISCLOSURE = "information_disclosure"
    DENIAL_OF_SERVICE = "denial_of_service"
    ELEVATION_OF_PRIVILEGE = "elevation_of_privilege"


def _stride(value: object) -> object:
    return value.strip().lower().replace(" ", "_").replace("-", "_") if isinstance(value, str) else value


class Threat(AnswerModel):
    """What could go wrong at one place."""

    title: Line
    kind: Annotated[Stride, BeforeValidator(_stride)]
    quote: Quote = Field(description="the code that is exposed, copied exactly")
    severity: AnySeverity
    attack: FilledProse = Field(description="who does what, and what they gain")
    mitigation: FilledProse


class ThreatModel(AnswerModel):
    """A threat model of one module."""

    purpose: FilledProse = Field(description="what the module does")
    assets: tuple[Line, ...] = Field(max_length=20, description="what is worth protecting")
    entry_points: tuple[Line, ...] = Field(max_length=30, description="where outside data or callers come in")
    trust_boundaries: tuple[Line, ...] = Field(default=(), max_length=20)
    threats: tuple[Threat, ...] = Field(max_length=30)
