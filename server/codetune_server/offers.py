"""What can be done about findings: the entries of an editor's menu, before they are put into the protocol's words."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from lsprotocol import types

from codetune_core.domain.finding import Finding
from codetune_core.domain.fix import Applicability, Fix
from codetune_server.session import State

FIX_ALL = "source.fixAll.codetune"
ASKING = "codetune"
"""Kind of the entries that only answer."""
_QUICK_FIX = types.CodeActionKind.QuickFix.value


class Deed(StrEnum):
    """What choosing an entry does."""

    FIX = "fix"
    FIX_RULE = "fix rule"
    FIX_ALL = "fix all"
    SILENCE = "silence"
    ACCEPT = "accept"
    EXPLAIN = "explain"
    MEND = "fix with model"


REASONS = ("false positive", "accepted risk", "test code")
"""Why what a model has judged is dismissed."""
SETS_ASIDE = (Deed.SILENCE, Deed.ACCEPT)
"""Deeds that leave the flaw where it is."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A deed, named so that the server finds it again: what an editor sends back.

    Attributes:
        deed: what to do.
        uri: of the document, or of the notebook.
        version: for which the deed was offered.
        finding: id of the finding, empty for a deed about several.
        rule: id of the rule, for a deed about one rule.
        fix: which of the finding's fixes.
        reason: why a finding is set aside, where the entry says so.
    """

    deed: Deed
    uri: str
    version: int | None
    finding: str = ""
    rule: str = ""
    fix: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Offer:
    """An entry of the menu, and the findings it is about."""

    title: str
    wanted: Wanted
    findings: tuple[Finding, ...]
    kind: str = _QUICK_FIX
    preferred: bool = False


def offers(
    state: State, chosen: Iterable[Finding], only: Sequence[str] | None, model: str | None = None
) -> list[Offer]:
    """The entries for some findings of a text, fixes first; ``only`` names the kinds of entry that are asked for.

    ``model`` writes fixes: an empty name where the team's service chooses, None where nobody does.
    """
    return [offer for offer in _offers(state, tuple(chosen), model) if is_wanted(offer.kind, only)]


def safe(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Those findings that have a safe fix, each with its first safe fix only."""
    first = ((finding, next(filter(_is_safe, finding.fixes), None)) for finding in findings)
    return tuple(replace(finding, fixes=(fix,)) for finding, fix in first if fix)


def of_rule(findings: Iterable[Finding], rule: str) -> tuple[Finding, ...]:
    """Those findings of a rule whose first fix is an edit."""
    return tuple(finding for finding in findings if finding.rule.id == rule and _editable(finding))


def _offers(state: State, chosen: tuple[Finding, ...], model: str | None) -> Iterator[Offer]:
    document = state.subject.document
    every = state.review.findings
    for finding in chosen:
        for number, fix in enumerate(finding.fixes):
            yield _fix(Wanted(Deed.FIX, document.uri, document.version, finding.id, fix=number), finding, fix)
        if model is not None and not finding.stale:
            title = f"Fix with {model_name(model)}: {finding.rule.title}"
            yield Offer(title, Wanted(Deed.MEND, document.uri, document.version, finding.id), (finding,))
    for rule in dict.fromkeys(finding.rule.id for finding in chosen):
        same = of_rule(every, rule)
        if len(same) > 1:
            wanted = Wanted(Deed.FIX_RULE, document.uri, document.version, rule=rule)
            yield Offer(f"Fix all {len(same)} findings of {rule} in this file", wanted, same)
    if fixable := safe(every):
        wanted = Wanted(Deed.FIX_ALL, document.uri, document.version)
        yield Offer("Apply every safe CodeTune fix in this file", wanted, fixable, FIX_ALL)
    for finding in chosen:
        yield from _without_fix(state, finding)


def _fix(wanted: Wanted, finding: Finding, fix: Fix) -> Offer:
    if fix.applicability is Applicability.DISPLAY_ONLY:
        return Offer(fix.label, replace(wanted, deed=Deed.EXPLAIN), (finding,))
    return Offer(fix.label, wanted, (finding,), preferred=_is_safe(fix) and wanted.fix == 0)


def _without_fix(state: State, finding: Finding) -> Iterator[Offer]:
    document, rule = state.subject.document, finding.rule.id
    wanted = Wanted(Deed.SILENCE, document.uri, document.version, finding.id)
    yield Offer(f"Ignore {rule} here, with a comment that says why", wanted, (finding,))
    for reason in REASONS if finding.verdict else ("",):
        title = f"Dismiss this {rule}: {reason}" if reason else f"Accept this {rule} in the baseline"
        yield Offer(title, replace(wanted, deed=Deed.ACCEPT, reason=reason), (finding,))
    yield Offer(f"Explain {rule}: {finding.rule.title}", replace(wanted, deed=Deed.EXPLAIN), (finding,))


def _is_safe(fix: Fix) -> bool:
    return fix.applicability is Applicability.SAFE


def _editable(finding: Finding) -> bool:
    return bool(finding.fixes) and finding.fixes[0].applicability is not Applicability.DISPLAY_ONLY


def is_wanted(kind: str, only: Sequence[str] | None) -> bool:
    """Say whether a kind of entry is of a kind that is asked for; None, and an empty kind, ask for every one."""
    return only is None or any(not asked or f"{kind}.".startswith(f"{asked}.") for asked in only)


def model_name(name: str) -> str:
    """What people are told of who answers; ``name`` is empty where the team's service chooses."""
    return name or "the model of your team"
