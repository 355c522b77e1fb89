"""The boundary of the fixes: a text goes in, the verified fixes of one of its findings come out."""

import asyncio
import textwrap
from functools import cache

from codetune_core.domain.document import Document
from codetune_core.domain.finding import Finding
from codetune_core.domain.fix import Applicability, Fix
from codetune_core.fixer import Fixer
from codetune_core.reviewer import Reviewer
from codetune_core.settings import Settings
from tests.core.fixes.interim import detectors


class Bench:
    """The real detectors and the real fixer on an event loop of their own, for tests that are not asynchronous."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self._detectors = detectors()
        self._reviewer = Reviewer(self._detectors, Settings())
        self._fixer = Fixer(self._detectors[0], self._reviewer)

    def findings(self, document: Document) -> tuple[Finding, ...]:
        return self._runner.run(self._reviewer.findings(document))

    def fixes(self, document: Document, finding: Finding) -> tuple[Fix, ...]:
        return self._runner.run(self._fixer.with_fixes(document, [finding]))[0].fixes

    def close(self) -> None:
        for detector in self._detectors:
            self._runner.run(detector.aclose())
        self._runner.close()


@cache
def bench() -> Bench:
    """The one bench of the test run; ``conftest.py`` closes it."""
    return Bench()


def python(text: str) -> Document:
    """A Python document from a text that is indented as the test is."""
    return Document("untitled:case.py", textwrap.dedent(text).removeprefix("\n"), "python", 1)


def fixes_of(text: str, rule: str, *, at: int = 0) -> tuple[Document, tuple[Fix, ...]]:
    """The verified fixes of the finding number ``at`` of a rule; fails where the rule finds fewer."""
    document = python(text)
    found = bench().findings(document)
    matching = [finding for finding in found if rule in finding.names]
    assert len(matching) > at, f"{rule} is not found; found: {[finding.rule.id for finding in found]}"
    return document, bench().fixes(document, matching[at])


def check_fix(
    before: str, after: str, rule: str, *, at: int = 0, choice: int = 0, applicability: Applicability | None = None
) -> Fix:
    """The fix number ``choice`` turns the whole text ``before`` into ``after``, and everything was verified."""
    document, fixes = fixes_of(before, rule, at=at)
    applicable = [fix for fix in fixes if fix.applicability is not Applicability.DISPLAY_ONLY]
    assert len(applicable) > choice, f"no verified fix for {rule} in {document.text!r}"
    fix = applicable[choice]
    assert document.edited(fix.edits).text == python(after).text
    assert fix.verification.passed
    assert applicability in (None, fix.applicability)
    return fix


def check_declined(before: str, rule: str, *, at: int = 0) -> tuple[Fix, ...]:
    """The finding is there, and nothing is offered that would edit the text; returns what is only displayed."""
    _, fixes = fixes_of(before, rule, at=at)
    assert [fix.title for fix in fixes if fix.applicability is not Applicability.DISPLAY_ONLY] == []
    return fixes
