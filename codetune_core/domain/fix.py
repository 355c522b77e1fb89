"""A Fix: edits, how safe they are, and what was verified about them."""

from dataclasses import dataclass
from enum import StrEnum

from codetune_core.domain.text import Edit


class Applicability(StrEnum):
    """Who decides that a fix is applied."""

    SAFE = "safe"
    """Keeps the meaning of correct programs: may be applied with all others at once."""
    UNSAFE = "unsafe"
    """May change behaviour: applied one at a time, by a person who has read it."""
    DISPLAY_ONLY = "display-only"
    """A direction, not an edit: nothing is applied."""


@dataclass(frozen=True, slots=True)
class Verification:
    """What was checked on a copy of the text with the edits applied."""

    parses: bool = False
    names_resolve: bool = False
    finding_gone: bool = False
    nothing_new: bool = False

    @property
    def passed(self) -> bool:
        """Whether every check held."""
        return self.parses and self.names_resolve and self.finding_gone and self.nothing_new

    def describe(self) -> str:
        """The checks that held, in the words shown to people."""
        held = {
            "parses": self.parses,
            "names resolve": self.names_resolve,
            "finding gone": self.finding_gone,
            "nothing new": self.nothing_new,
        }
        return ", ".join(words for words, holds in held.items() if holds)


@dataclass(frozen=True, slots=True)
class Fix:
    """A way to remove a finding.

    Attributes:
        title: imperative, without the "Fix:" before it.
        applicability: who decides that it is applied.
        edits: empty for a display-only fix.
        verification: what was checked; nothing for a display-only fix.
        note: markdown shown with the fix: what changes in behaviour, or how to go about it by hand.
    """

    title: str
    applicability: Applicability
    edits: tuple[Edit, ...] = ()
    verification: Verification = Verification()
    note: str = ""

    @property
    def label(self) -> str:
        """The title as an editor's menu shows it, with what was verified."""
        if self.applicability is Applicability.DISPLAY_ONLY:
            return f"How to fix: {self.title}"
        return f"Fix: {self.title} ({self.verification.describe()})"


@dataclass(frozen=True, slots=True)
class FixedAll:
    """Fixes of several findings, verified together: edits in the order of the text, ids of the findings they remove."""

    edits: tuple[Edit, ...]
    fixed: tuple[str, ...]
