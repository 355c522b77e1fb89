"""A review holds what its detectors say; the fault of one costs only its own findings."""

import asyncio
from dataclasses import dataclass, field

import pytest

from codetune_core.detectors.protocol import Detection, Pace
from codetune_core.domain.document import Document
from codetune_core.domain.finding import Confidence, Finding, Rule, Severity
from codetune_core.domain.review import Notice, Review, Stage
from codetune_core.domain.text import Range
from codetune_core.errors import CodeTuneError, DetectorError
from codetune_core.reviewer import Reviewer
from codetune_core.settings import Settings


@dataclass
class WordDetector:
    """Reports every place where its word stands."""

    name: str
    word: str = "FLAW"
    pace: Pace = Pace.LIVE
    cwe: tuple[int, ...] = ()
    languages: tuple[str, ...] = ("python",)
    fails_with: Exception | None = None
    delay: float = 0
    asked: list[str] = field(default_factory=list)
    closed: int = 0

    def handles(self, document):
        return document.language in self.languages

    async def detect(self, document):
        self.asked.append(document.text)
        await asyncio.sleep(self.delay)
        if self.fails_with:
            raise self.fails_with
        rule = Rule(f"{self.name}-1", "a flaw", self.cwe)
        places = [o for o in range(len(document.text)) if document.text.startswith(self.word, o)]
        return Detection(tuple(self._finding(rule, document, offset) for offset in places))

    def _finding(self, rule, document, offset):
        place = Range(document.position(offset), document.position(offset + len(self.word)))
        return Finding(rule, place, "m", Severity.MEDIUM, Confidence.MEDIUM, (self.name,))

    async def aclose(self):
        self.closed += 1

    def describe(self):
        return self.name


async def reviews(text, *detectors, pace=Pace.SAVE, language="python", **settings) -> list[Review]:
    reviewer = Reviewer(detectors, Settings.model_validate(settings))
    return [review async for review in reviewer.review(Document("file:///a.py", text, language, 7), "a.py", pace)]


async def test_findings_carry_identity_and_the_documents_version():
    (review,) = await reviews("def f():\n    FLAW\n", WordDetector("one"))
    (finding,) = review.findings
    assert (review.stage, review.version, review.uri) == (Stage.COMPLETE, 7, "file:///a.py")
    assert (finding.symbol, len(finding.id), finding.detectors) == ("f", 16, ("one",))


async def test_the_fast_ones_are_heard_before_the_slow_ones():
    slow = WordDetector("slow", "SLOW", Pace.SAVE)
    first, last = await reviews("FLAW SLOW\n", WordDetector("fast"), slow)
    assert (first.stage, [f.rule.id for f in first.findings]) == (Stage.LIVE, ["fast-1"])
    assert (last.stage, [f.rule.id for f in last.findings]) == (Stage.COMPLETE, ["fast-1", "slow-1"])


async def test_while_typing_the_slow_ones_are_not_asked():
    slow = WordDetector("slow", pace=Pace.SAVE)
    (review,) = await reviews("FLAW\n", WordDetector("fast"), slow, pace=Pace.LIVE)
    assert review.stage is Stage.COMPLETE
    assert slow.asked == []


async def test_a_detector_is_asked_only_about_its_languages():
    detector = WordDetector("one")
    (review,) = await reviews("FLAW\n", detector, language="go")
    assert (detector.asked, review.findings) == ([], ())


async def test_one_flaw_seen_by_two_is_one_finding():
    (review,) = await reviews("FLAW\n", WordDetector("one", cwe=(89,)), WordDetector("two", cwe=(89,)))
    assert [f.detectors for f in review.findings] == [("one", "two")]


@pytest.mark.parametrize(
    ("fault", "key", "words"),
    [
        (RuntimeError("secret text"), "crashed:bad", "crashed (RuntimeError)"),
        (DetectorError("install it with pip"), "failed:bad", "install it with pip"),
        (ZeroDivisionError(), "crashed:bad", "ZeroDivisionError"),
    ],
)
async def test_a_detector_that_fails_is_named_and_the_others_stand(fault, key, words):
    (review,) = await reviews("FLAW\n", WordDetector("bad", fails_with=fault), WordDetector("good"))
    assert [f.detectors for f in review.findings] == [("good",)]
    assert review.notices[0].key == key
    assert words in review.notices[0].text
    assert "secret text" not in review.notices[0].text


async def test_a_detector_that_is_too_slow_is_named_and_the_others_stand():
    late = WordDetector("late", delay=30)
    (review,) = await reviews("FLAW\n", late, WordDetector("good"), detectors={"timeout_seconds": 0.05})
    assert [f.detectors for f in review.findings] == [("good",)]
    assert review.notices == (Notice("timeout:late", "late did not answer within 0.05 s: its findings are missing"),)


async def test_a_severity_chosen_in_the_settings_holds():
    (review,) = await reviews("FLAW\n", WordDetector("one"), rules={"severity": {"one-1": "critical"}})
    assert review.findings[0].severity is Severity.CRITICAL


async def test_what_is_set_aside_is_kept_apart_with_its_reason():
    (review,) = await reviews("FLAW  # codetune: ignore[one-1] known\nFLAW\n", WordDetector("one"))
    assert len(review.findings) == 1
    assert review.suppressed[0].suppression.reason == "known"


async def test_a_review_nobody_waits_for_stops_its_detectors():
    detector = WordDetector("late", delay=60)
    running = asyncio.create_task(reviews("FLAW\n", detector))
    while not detector.asked:
        await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_verification_hears_suppressed_findings_too_and_the_slow_ones_only_by_name():
    slow = WordDetector("slow", "SLOW", Pace.SAVE)
    reviewer = Reviewer([WordDetector("fast"), slow], Settings())
    document = Document("file:///a.py", "FLAW SLOW  # noqa\n", "python")
    assert [f.rule.id for f in await reviewer.findings(document)] == ["fast-1"]
    assert [f.rule.id for f in await reviewer.findings(document, ["slow"])] == ["fast-1", "slow-1"]


async def test_verification_fails_where_a_detector_cannot_answer():
    reviewer = Reviewer([WordDetector("bad", fails_with=RuntimeError())], Settings())
    with pytest.raises(CodeTuneError, match="bad crashed"):
        await reviewer.findings(Document("file:///a.py", "FLAW\n", "python"))
