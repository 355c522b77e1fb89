"""Two readings of one unit become one: where they disagree, the stricter one wins, and no comment adds certainty."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from codetune_core.domain.finding import Confidence, Finding, Standing, Step, Verdict
from codetune_core.domain.text import Range
from codetune_core.model_reviewer.anchoring import Places, Quoted
from codetune_core.model_reviewer.claims import Dropped, Located, claimed
from codetune_core.model_reviewer.hidden import sentence
from codetune_core.model_reviewer.question import Question
from codetune_core.model_reviewer.reading import Reading
from codetune_core.prompts.schemas.claims import Call, CandidateVerdict, NewClaim, Verdicts

_STRICTNESS = list(Call)


@dataclass(frozen=True, slots=True)
class Said:
    """One answer, by which model and in which execution."""

    verdicts: Verdicts
    model: str = ""
    execution_id: str = ""


@dataclass(frozen=True, slots=True)
class Answers:
    """What a model said about a unit: without comments, and with them; the same where there are none.

    ``seen`` is None where it could not be asked.
    """

    ids: tuple[str, ...]
    """Of the candidates, in the order of their numbers."""
    stripped: Said
    seen: Said | None

    def passes(self) -> Iterator[tuple[bool, Said]]:
        """Each pass that there is, with whether it is the stripped one."""
        yield True, self.stripped
        if self.seen is not None and self.seen is not self.stripped:
            yield False, self.seen


@dataclass(frozen=True, slots=True)
class Settled:
    """What becomes of the findings of one unit: verdicts by their ids, new ones, and what was dropped, by why."""

    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    new: tuple[Finding, ...] = ()
    dropped: tuple[Dropped, ...] = ()


def quotes_of(question: Question, answers: Answers) -> Iterator[Quoted]:
    """Everything that has to be anchored before the answers can be settled."""
    for stripped, said in answers.passes():
        for each in said.verdicts.verdicts:
            yield from evidence_of(each, question, stripped=stripped)
        for claim, quoted in claims_of(said.verdicts, question, stripped=stripped):
            yield quoted
            yield from evidence_of(claim, question, stripped=stripped)


def claims_of(said: Verdicts, question: Question, *, stripped: bool) -> Iterator[tuple[NewClaim, Quoted]]:
    """Claims about what is inside the unit, each with its quote."""
    seen: dict[Quoted, int] = {}
    for claim in said.claims:
        symbol = question.unit.symbol(claim.symbol)
        if symbol is not None:
            quoted = Quoted(claim.quote, symbol, claim.rule, stripped=stripped)
            order = seen.setdefault(quoted, 0)
            seen[quoted] += 1
            yield claim, replace(quoted, order=order)


def evidence_of(said: CandidateVerdict | NewClaim, question: Question, *, stripped: bool) -> list[Quoted]:
    """Quotes of evidence, each in the unit first and then anywhere."""
    symbols = dict.fromkeys((question.unit.name, ""))
    about = f"{said.candidate}" if isinstance(said, CandidateVerdict) else f"{said.rule} {said.quote}"
    numbered = enumerate(said.evidence)
    return [Quoted(text, symbol, f"{about} {at}", stripped=stripped) for at, text in numbered for symbol in symbols]


def settle(reading: Reading, question: Question, answers: Answers, places: Places, known: Iterable[Finding]) -> Settled:
    """Put both readings together; nothing in them is believed that the document does not show."""
    verdicts: dict[str, Verdict] = {}
    for number, finding_id in enumerate(answers.ids, start=1):
        if verdict := _verdict(number, question, answers, places):
            verdicts[finding_id] = verdict
    new, dropped = claimed(reading, question, _claims(question, answers, places), tuple(known))
    made = (claim for _, said in answers.passes() for claim in said.verdicts.claims)
    outside = sum(question.unit.symbol(claim.symbol) is None for claim in made)
    return Settled(verdicts, new, (*dropped, *[Dropped.OUTSIDE] * outside))


def _verdict(number: int, question: Question, answers: Answers, places: Places) -> Verdict | None:
    """Say what becomes of a candidate; None where nobody can tell, so that it stays as its detector made it.

    The reading without comments decides. Of the other one only the objection to a refutation counts: it cannot
    refute, confirm, or take a verdict away by its silence.
    """
    stripped = [each for each in answers.stripped.verdicts.verdicts if each.candidate == number]
    chosen = max(stripped, key=lambda each: _STRICTNESS.index(_proven(each, question, places)), default=None)
    if chosen is None or (call := _proven(chosen, question, places)) is Call.UNSURE:
        return None
    seen = [each.call for each in (answers.seen or answers.stripped).verdicts.verdicts if each.candidate == number]
    if call is Call.REFUTE and any(each is not Call.REFUTE for each in seen):
        return None
    standing = Standing.CONFIRMED if call is Call.CONFIRM else Standing.DOUBTFUL
    steps, by = steps_of(evidence_of(chosen, question, stripped=True), places), answers.stripped
    return Verdict(standing, sentence(chosen.reason), steps, model=by.model, execution_id=by.execution_id)


def _proven(said: CandidateVerdict, question: Question, places: Places) -> Call:
    """What is said without comments, but a refutation only with code of the unit as evidence."""
    if said.call is not Call.REFUTE:
        return said.call
    found = (places.get(quoted) for quoted in evidence_of(said, question, stripped=True))
    return Call.REFUTE if any(place and question.unit.contains(place) for place in found) else Call.UNSURE


def _claims(question: Question, answers: Answers, places: Places) -> Iterator[Located]:
    """Claims with their places; one that is made only where comments are seen has low confidence."""
    certain = set[tuple[str, Range]]()
    for stripped, said in answers.passes():
        for claim, quoted in claims_of(said.verdicts, question, stripped=stripped):
            place = places.get(quoted)
            steps = steps_of(evidence_of(claim, question, stripped=stripped), places)
            if stripped and place:
                certain.add((claim.rule, place))
            elif (claim.rule, place) in certain:
                continue
            doubted = claim if stripped else claim.model_copy(update={"confidence": Confidence.LOW})
            yield Located(doubted, place, steps, said.model, said.execution_id)


def steps_of(quotes: Iterable[Quoted], places: Places) -> tuple[Step, ...]:
    """Located evidence, each range once."""
    found = dict[Range, Step]()
    for quoted in quotes:
        if place := places.get(quoted):
            found.setdefault(place, Step(place, "the model's evidence"))
    return tuple(found.values())
