"""A Finding: a claim about a range of a Document, with what supports it."""

from dataclasses import dataclass
from enum import StrEnum

from codetune_core.domain.fix import Fix
from codetune_core.domain.text import Range


class _Ordered(StrEnum):
    @property
    def rank(self) -> int:
        """Place in the order of definition, from 0."""
        return list(type(self)).index(self)


class Severity(_Ordered):
    """How much harm the flaw does if the claim is true."""

    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Confidence(_Ordered):
    """How likely the claim is true."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


@dataclass(frozen=True, slots=True)
class Rule:
    """What a detector looks for.

    Attributes:
        id: short and unique, such as ``S608``.
        title: a noun phrase naming the flaw.
        cwe: numbers of the Common Weakness Enumeration, the closest one first.
        severity: of findings, unless a finding says otherwise.
        confidence: of findings, unless a finding says otherwise.
        message: what an attacker can do; ``{code}`` is the flagged text, ``{where}`` the function it stands in.
        explanation: markdown: why it is a flaw, when it is not, how to fix it.
        references: links.
        aliases: the same rule's names in other tools, such as ``B608``.
    """

    id: str
    title: str
    cwe: tuple[int, ...] = ()
    severity: Severity = Severity.MEDIUM
    confidence: Confidence = Confidence.MEDIUM
    message: str = ""
    explanation: str = ""
    references: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """Every name the rule answers to."""
        return frozenset({self.id, *self.aliases, *(f"CWE-{number}" for number in self.cwe)})


@dataclass(frozen=True, slots=True)
class Step:
    """One located step of the evidence: ``uri`` is None for the finding's own document."""

    range: Range
    message: str
    uri: str | None = None


class SuppressionKind(StrEnum):
    """By what a finding was set aside."""

    COMMENT = "comment"
    NOQA = "noqa"
    NOSEC = "nosec"
    SETTING = "setting"
    BASELINE = "baseline"


@dataclass(frozen=True, slots=True)
class Suppression:
    """Why a finding is not shown."""

    kind: SuppressionKind
    reason: str = ""


class Standing(StrEnum):
    """What a model's verdict makes of a claim."""

    CONFIRMED = "confirmed"
    DOUBTFUL = "doubtful"
    """The model refutes it, with evidence; it is shown all the same."""
    NEW = "new"
    """The model itself makes the claim."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a model says of a finding: why, in one sentence, on which located code, and for a new one how to mend it.

    ``reason`` and ``remedy`` are the model's words: plain text, never to be shown as markup. ``model`` is who said so,
    in the execution ``execution_id``.
    """

    standing: Standing
    reason: str
    evidence: tuple[Step, ...] = ()
    remedy: str = ""
    model: str = ""
    execution_id: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """A claim about a range of a document.

    Attributes:
        rule: what was looked for.
        range: the text the claim is about.
        message: what an attacker can do, and where.
        severity: how bad.
        confidence: how sure.
        detectors: names of those who made the claim, the first one's words are used.
        evidence: located steps that lead to it.
        aliases: ids of the rules under which other detectors reported the same flaw.
        id: stable over edits elsewhere, renames of the file and re-formatting of other lines; set by ``identify``.
        symbol: qualified name of the enclosing function or class, empty at module level; set by ``identify``.
        stale: kept from the last text that parsed, because the present one does not.
        fixes: verified ways to remove it, the best first.
        suppression: why it is not shown, None where it is.
        verdict: what a model says of it, None where none was asked or it has not decided.
    """

    rule: Rule
    range: Range
    message: str
    severity: Severity
    confidence: Confidence
    detectors: tuple[str, ...]
    evidence: tuple[Step, ...] = ()
    aliases: tuple[str, ...] = ()
    id: str = ""
    symbol: str = ""
    stale: bool = False
    fixes: tuple[Fix, ...] = ()
    suppression: Suppression | None = None
    verdict: Verdict | None = None

    @property
    def names(self) -> frozenset[str]:
        """Every rule name under which it can be suppressed or asked for."""
        return self.rule.names | frozenset(self.aliases)
