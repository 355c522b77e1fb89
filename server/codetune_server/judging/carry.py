"""What a model said, kept when a text is reviewed anew, and put in place as the model goes on."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from codetune_core.domain.document import Document
from codetune_core.domain.finding import Finding
from codetune_core.domain.review import Review
from codetune_core.domain.text import Range
from codetune_core.model_reviewer.claims import DETECTOR
from codetune_core.model_reviewer.progress import ModelReview
from codetune_server.follow import Shift, follow
from codetune_server.session import State


def is_claim(finding: Finding) -> bool:
    """Say whether only a model reports a finding."""
    return finding.detectors == (DETECTOR,)


def by_detectors(state: State) -> tuple[Finding, ...]:
    """Return the findings that detectors report."""
    return tuple(finding for finding in state.review.findings if not is_claim(finding))


def claims(older: State, document: Document) -> tuple[Finding, ...]:
    """Return what only the model reported of an older text and still stands, whether it was set aside or not."""
    every = (*older.review.findings, *older.review.suppressed)
    own = [replace(finding, suppression=None) for finding in every if is_claim(finding)]
    return follow(own, older.subject.document, document) if own else ()


def with_verdicts(findings: Iterable[Finding], older: State, document: Document) -> tuple[Finding, ...]:
    """Return findings of a text with the verdicts that they had in an older one."""
    judged = {finding.id: finding for finding in older.review.findings if finding.verdict and not is_claim(finding)}
    if not judged:
        return tuple(findings)
    shift = Shift.between(older.subject.document, document)
    verdicts = {key: shift.verdict(finding.verdict) for key, finding in judged.items()}
    return tuple(replace(finding, verdict=finding.verdict or verdicts.get(finding.id)) for finding in findings)


def told(state: State, said: ModelReview, about: Document) -> Review:
    """Return what is known of a text once a model has said something of the same text or an older one, ``about``.

    Only what it settles is changed, and of that only what stands on lines that nobody has edited since.
    """
    shift = Shift.between(about, state.subject.document)
    lines = [moved for place in said.settled if (moved := shift.range(place))]
    judged = {finding.id: shift.verdict(finding.verdict) for finding in said.findings if not is_claim(finding)}
    findings = [
        replace(finding, verdict=judged[finding.id]) if finding.id in judged and _is_in(finding, lines) else finding
        for finding in by_detectors(state)
    ]
    review = state.review
    return replace(
        review,
        findings=in_order([*findings, *_replaced(review.findings, said.findings, shift, lines)]),
        suppressed=(
            *(finding for finding in review.suppressed if not is_claim(finding)),
            *_replaced(review.suppressed, said.suppressed, shift, lines),
        ),
    )


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Sort findings by place."""
    return tuple(sorted(findings, key=lambda finding: (finding.range, finding.rule.id)))


def _replaced(known: Iterable[Finding], said: Iterable[Finding], shift: Shift, lines: Sequence[Range]) -> list[Finding]:
    """Claims as they are said on these lines, and elsewhere as they were."""
    kept = [finding for finding in known if is_claim(finding) and not _is_in(finding, lines)]
    moved = (shift.finding(finding) for finding in said if is_claim(finding))
    return [*kept, *(finding for finding in moved if finding and _is_in(finding, lines))]


def _is_in(finding: Finding, lines: Iterable[Range]) -> bool:
    start = finding.range.start
    return any(place.contains(Range(start, start)) for place in lines)
