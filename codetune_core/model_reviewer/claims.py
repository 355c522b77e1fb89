"""New claims of a model become findings, if they stand in the unit and nobody has made them yet."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from codetune_core.domain.document import Document
from codetune_core.domain.finding import Finding, Rule, Standing, Step, Verdict
from codetune_core.domain.text import Range
from codetune_core.model_reviewer.hidden import sentence, shown
from codetune_core.model_reviewer.question import Question
from codetune_core.model_reviewer.reading import Reading
from codetune_core.prompts.schemas.claims import NewClaim

DETECTOR = "model"
_PREFIX = "model/"


class Dropped(StrEnum):
    """Why a claim is not shown."""

    OUTSIDE = "outside"
    """It is about another function than the one that was asked about."""
    UNANCHORED = "unanchored"
    """Its quote stands nowhere, or in several places, or is a comment."""
    KNOWN = "known"
    """A detector or the model itself has made it."""


@dataclass(frozen=True, slots=True)
class Located:
    """A claim with the range of its quote, None where it has none, what leads to it, and who made it."""

    claim: NewClaim
    place: Range | None
    steps: tuple[Step, ...] = ()
    model: str = ""
    execution_id: str = ""


def claimed(
    reading: Reading, question: Question, claims: Iterable[Located], known: Sequence[Finding]
) -> tuple[tuple[Finding, ...], tuple[Dropped, ...]]:
    """Make findings of claims with their ranges and evidence; the first of equal ones counts."""
    new: list[Finding] = []
    dropped = []
    seen: Counter[str] = Counter()
    for located in claims:
        if located.place is None:
            dropped.append(Dropped.UNANCHORED)
        elif reason := _refused(question, located.claim, located.place, (*known, *new)):
            dropped.append(reason)
        else:
            new.append(_finding(reading.stripped, question, located, located.place, seen))
    return tuple(new), tuple(dropped)


def _refused(question: Question, claim: NewClaim, place: Range, known: Iterable[Finding]) -> Dropped | None:
    if not question.unit.contains(place):
        return Dropped.OUTSIDE
    rule = _rule(claim)
    same = (each for each in known if each.range.overlaps(place))
    return Dropped.KNOWN if any(each.names & rule.names for each in same) else None


def _finding(stripped: Document, question: Question, located: Located, place: Range, seen: Counter[str]) -> Finding:
    claim, steps = located.claim, located.steps
    rule, symbol = _rule(claim), question.unit.symbol(claim.symbol) or ""
    lines = stripped.lines[place.start.line : place.end.line + 1]
    essence = "\0".join((rule.id, symbol, "".join("".join(lines).split())))
    digest = hashlib.sha256(f"{essence}\0{seen[essence]}".encode("utf-8", "surrogatepass")).hexdigest()
    seen[essence] += 1
    message, by = sentence(claim.message), (located.model, located.execution_id)
    return Finding(
        rule, place, message, claim.severity, claim.confidence, (DETECTOR,), evidence=steps,
        id=digest[:16], symbol=symbol, verdict=Verdict(Standing.NEW, message, steps, shown(claim.fix), *by),
    )  # fmt: skip


def _rule(claim: NewClaim) -> Rule:
    name = claim.rule.lower().removeprefix(_PREFIX)
    cwe = (int(claim.cwe.removeprefix("CWE-")),) if claim.cwe else ()
    title = name.replace("-", " ").replace("_", " ")
    return Rule(f"{_PREFIX}{name}", title, cwe, claim.severity, claim.confidence)
