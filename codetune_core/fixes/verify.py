"""Verification of edits on a copy of the text: it parses, invents no name, removes its findings and adds none."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from codetune_core.domain.check import Check
from codetune_core.domain.document import Document
from codetune_core.domain.finding import Finding
from codetune_core.domain.fix import Verification
from codetune_core.domain.text import Edit
from codetune_core.fixes.protocol import Checker, Finder


@dataclass(frozen=True, slots=True)
class State:
    """What holds of a text: its soundness, and how many findings of each rule it has."""

    check: Check
    rules: Counter[str]


async def state_of(document: Document, checker: Checker, finder: Finder, also: Iterable[str] = ()) -> State:
    """Look at a text with the fast detectors and those named in ``also``."""
    findings = await finder.findings(document, also)
    return State(await checker.check(document), Counter(finding.rule.id for finding in findings))


def compare(before: State, after: State, removed: Iterable[Finding]) -> Verification:
    """What edits that were to remove these findings achieved."""
    goal = before.rules - Counter(finding.rule.id for finding in removed)
    invented = Counter(after.check.undefined_names) - Counter(before.check.undefined_names)
    return Verification(
        parses=after.check.parses,
        names_resolve=after.check.parses and not invented,
        finding_gone=after.check.parses and all(after.rules[rule.id] <= goal[rule.id] for rule in {f.rule for f in removed}),
        nothing_new=after.check.parses and not after.rules - before.rules,
    )
