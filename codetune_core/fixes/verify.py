"""Verification of edits on a copy of the text: it parses, invents no name, removes its findings and adds none."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from codetune_core.domain.check import Check
from codetune_core.domain.document import Document
from codetune_core.domain.finding import Finding
from codetune_core.domain.fix import Verification
from codetune_core.fixes.protocol import Checker, Finder


@dataclass(frozen=True, slots=True)
class State:
    """What holds of a text: its soundness, and how many findings of each rule it has."""

    check: Check
    rules: Counter[str]


async def state_of(document: Document, checker: Checker, finder: Finder, also: Iterable[str] = ()) -> State:
    """Look at a text with the fast detectors and those named in ``also``; raises CodeTuneError where one cannot."""
    check, findings = await asyncio.gather(checker.check(document), finder.findings(document, also))
    return State(check, Counter(finding.rule.id for finding in findings))


def compare(before: State, after: State, removed: Iterable[Finding]) -> Verification:
    """What edits that were to remove these findings achieved."""
    fewer = Counter(finding.rule.id for finding in removed)
    invented = Counter(after.check.undefined_names) - Counter(before.check.undefined_names)
    parses = after.check.parses
    return Verification(
        parses=parses,
        names_resolve=parses and not invented,
        finding_gone=parses and all(after.rules[rule] <= before.rules[rule] - count for rule, count in fewer.items()),
        nothing_new=parses and not after.rules - before.rules,
    )
