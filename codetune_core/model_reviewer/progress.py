"""How far a review with a model has come, and what it shows at each moment."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from codetune_core.domain.finding import Finding
from codetune_core.domain.text import Range
from codetune_core.model_reviewer.anchoring import Anchoring, places_of
from codetune_core.model_reviewer.claims import Dropped
from codetune_core.model_reviewer.question import Question
from codetune_core.model_reviewer.reading import Reading
from codetune_core.model_reviewer.verdicts import Answers, Settled, quotes_of, settle


@dataclass(frozen=True, slots=True)
class ModelReview:
    """How far a model has come with one version of a document.

    Attributes:
        uri: the document's.
        version: the document's, None for a file on the disk.
        findings: those of the detectors with verdicts, each else as it was, and new ones; in the order of the text.
        asked: units that are asked about.
        answered: how many of these are done.
        dropped: claims that are not shown, by why.
        held_back: new findings beyond the budget.
        failures: why units have no answer, in words to be shown.
        settled: lines whose findings and verdicts this update says: what is found elsewhere stays as it was.
        suppressed: new findings that comments, settings or the baseline set aside.
    """

    uri: str
    version: int | None
    findings: tuple[Finding, ...]
    asked: int = 0
    answered: int = 0
    dropped: Mapping[Dropped, int] = field(default_factory=dict)
    held_back: int = 0
    failures: tuple[str, ...] = ()
    settled: tuple[Range, ...] = ()
    suppressed: tuple[Finding, ...] = ()

    @property
    def complete(self) -> bool:
        """Nothing more will come."""
        return self.answered == self.asked


@dataclass(slots=True)
class Progress:
    """The findings of one reading while a model is asked about them; changes as answers come."""

    reading: Reading
    findings: Sequence[Finding]
    asked: int = 0
    answered: int = 0
    failures: dict[str, None] = field(default_factory=dict)
    _settled: dict[tuple[Range, ...], Settled] = field(default_factory=dict)
    fresh: list[tuple[Range, ...]] = field(default_factory=list)
    """Places of the units that the next review says something of."""

    async def settle(self, question: Question, answers: Answers, anchoring: Anchoring) -> None:
        """Take what a model said of a unit, now or before, instead of what is known of it."""
        places = await places_of(self.reading, quotes_of(question, answers), anchoring)
        self._settled[question.unit.places] = settle(self.reading, question, answers, places, self.findings)
        self.fresh.append(question.unit.places)

    def new(self) -> tuple[Finding, ...]:
        """Every finding that only the model makes."""
        return tuple(finding for settled in self._settled.values() for finding in settled.new)

    def review(self, chosen: Sequence[Finding], suppressed: tuple[Finding, ...] = ()) -> ModelReview:
        """Return what is shown when these of the new findings are, and those set aside."""
        verdicts = {key: verdict for settled in self._settled.values() for key, verdict in settled.verdicts.items()}
        judged = [replace(finding, verdict=verdicts.get(finding.id)) for finding in self.findings]
        shown = sorted([*judged, *chosen], key=lambda finding: finding.range)
        dropped = Counter(reason for settled in self._settled.values() for reason in settled.dropped)
        document = self.reading.document
        return ModelReview(
            document.uri, document.version, tuple(shown), self.asked, self.answered, dropped,
            len(self.new()) - len(chosen) - len(suppressed), tuple(self.failures),
            tuple(place for places in self.fresh for place in places), suppressed,
        )  # fmt: skip
