"""What became of a model's answers: told by the features, watched over, and sent without anybody waiting."""

import asyncio
import logging
import subprocess
from uuid import UUID

import pytest

from codetune_core.domain.document import Document
from codetune_core.domain.execution import Feedback, Outcome
from codetune_core.domain.finding import Confidence, Finding, Rule, Severity, Standing, Verdict
from codetune_core.domain.identifiers import new_id
from codetune_core.domain.text import Edit, Range
from codetune_core.execution.remote.faults import Unreachable
from codetune_core.model_reviewer.tallies import claim_outcomes
from codetune_server.outcomes import watcher
from codetune_server.outcomes.outcomes import Outcomes, Surroundings

TEXT = "def total(prices):\n    result = 0\n    for price in prices:\n        result += price\n    return result\n"
BODY = Edit(Range.of(1, 0, 5, 0), "    return sum(prices)\n")
MADE = "def total(prices):\n    return sum(prices)\n"


class Daemon:
    """Who keeps the history: what it was told, in order; it can be gone."""

    def __init__(self):
        self.told: list[tuple[UUID, Feedback]] = []
        self.gone = False
        self.answers = asyncio.Event()
        self.answers.set()

    async def rate(self, execution_id: UUID, feedback: Feedback) -> bool:
        await self.answers.wait()
        if self.gone:
            raise Unreachable("gone")
        self.told.append((execution_id, feedback))
        return True

    def execute(self, request):
        raise NotImplementedError


class Window:
    """An editor's texts and what the server knows of outcomes."""

    def __init__(self, path):
        self.texts: dict[str, Document] = {}
        self.daemon = Daemon()
        self.records = True
        self.uri = path.as_uri()
        self.path = path
        self.outcomes = Outcomes(Surroundings(self._wanted, self.texts.get, self._executor))

    async def _wanted(self) -> bool:
        return self.records

    async def _executor(self) -> Daemon:
        return self.daemon

    def type(self, text: str) -> Document:
        before = self.texts.get(self.uri)
        version = (before.version or 0) + 1 if before else 1
        self.texts[self.uri] = Document(self.uri, text, "python", version)
        self.outcomes.changed(self.uri)
        return self.texts[self.uri]

    async def save(self) -> None:
        self.path.write_text(self.texts[self.uri].text)
        self.outcomes.saved(self.uri)
        await self.outcomes.settled()

    async def close(self) -> None:
        del self.texts[self.uri]
        self.outcomes.closed(self.uri)
        await self.outcomes.settled()

    async def apply(self, execution_id: UUID) -> None:
        before = self.type(TEXT)
        self.outcomes.applied(execution_id, before, [BODY])
        self.type(MADE)
        await self.outcomes.settled()

    async def check(self, *outcomes: Outcome) -> None:
        await self.outcomes.settled()
        assert [feedback.outcome for _, feedback in self.daemon.told] == list(outcomes)

    async def later(self) -> None:
        """Let what is due be looked at."""
        self.outcomes._do(lambda watching: watching.tick())
        await self.outcomes.settled()


@pytest.fixture
async def window(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    found = Window(tmp_path / "shop.py")
    yield found
    await found.outcomes.aclose()


@pytest.fixture
def five_minutes_over(monkeypatch):
    monkeypatch.setattr(watcher, "SETTLED_SECONDS", 0.0)
    monkeypatch.setattr(watcher.Watcher, "_wait", lambda _: None)


@pytest.fixture
def repository(tmp_path):
    def git(*words):
        identity = ("-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false")
        subprocess.run(["git", *identity, *words], cwd=tmp_path, check=True, capture_output=True)

    git("init", "-q", "-b", "main")
    git("commit", "-q", "--allow-empty", "-m", "first")
    return git


async def test_nothing_is_loaded_before_a_model_has_answered(window):
    window.type(TEXT)
    window.outcomes.saved(window.uri)
    window.outcomes.closed(window.uri)
    window.outcomes.shown("")
    assert window.outcomes._watcher is None
    assert window.outcomes._working is None


async def test_what_is_shown_and_then_applied_is_told_once_each(window):
    execution = new_id()
    window.outcomes.shown(execution)
    window.outcomes.shown(str(execution))
    await window.outcomes.settled()
    await window.apply(execution)
    window.outcomes.shown(execution)
    window.outcomes.rejected(execution)
    await window.save()
    await window.check(Outcome.SHOWN, Outcome.ACCEPTED)
    assert {told for told, _ in window.daemon.told} == {execution}


async def test_what_is_not_wanted_is_rejected_with_the_reason(window):
    window.outcomes.shown(execution := new_id())
    await window.outcomes.settled()
    window.outcomes.rejected(execution, "our tests need it")
    await window.check(Outcome.SHOWN, Outcome.REJECTED)
    assert window.daemon.told[-1][1].text == "our tests need it"


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        (MADE.replace("sum(prices)", "sum(prices, start=1)"), Outcome.EDITED),
        (TEXT, Outcome.REVERTED),
        ("", Outcome.REVERTED),
    ],
)
async def test_after_five_minutes_the_text_says_what_became_of_it(window, five_minutes_over, text, outcome):
    await window.apply(new_id())
    window.type(text)
    await window.later()
    await window.check(Outcome.ACCEPTED, outcome)


async def test_a_save_tells_what_was_changed_but_not_that_it_is_kept(window):
    await window.apply(new_id())
    await window.save()
    await window.check(Outcome.ACCEPTED)
    window.type(MADE.replace("sum(prices)", "math.fsum(prices)").replace("return", "yield"))
    await window.save()
    await window.check(Outcome.ACCEPTED, Outcome.EDITED)
    window.type(TEXT)
    await window.save()
    await window.check(Outcome.ACCEPTED, Outcome.EDITED, Outcome.REVERTED)


async def test_an_edit_that_was_undone_and_done_again_is_kept(window, five_minutes_over):
    await window.apply(new_id())
    window.type(TEXT)
    await window.later()
    window.type(MADE)
    await window.later()
    await window.check(Outcome.ACCEPTED, Outcome.REVERTED, Outcome.KEPT)


async def test_a_closed_file_is_read_from_the_disk(window, five_minutes_over):
    await window.apply(new_id())
    await window.save()
    await window.close()
    window.path.write_text(TEXT)
    await window.later()
    assert window.daemon.told[-1][1].outcome is Outcome.REVERTED


async def test_a_save_counts_while_what_watches_is_still_loaded(window):
    window.outcomes.applied(new_id(), window.type(TEXT), [BODY])
    window.type(TEXT)
    window.outcomes.saved(window.uri)
    await window.outcomes.settled()
    assert window.daemon.told[-1][1].outcome is Outcome.REVERTED


async def test_a_commit_settles_it(window, repository):
    await window.apply(new_id())
    await window.save()
    await window.check(Outcome.ACCEPTED)
    repository("add", "shop.py")
    repository("commit", "-q", "-m", "second")
    await window.save()
    await window.check(Outcome.ACCEPTED, Outcome.KEPT)
    window.type(TEXT)
    await window.save()
    await window.check(Outcome.ACCEPTED, Outcome.KEPT)


async def test_another_branch_settles_nothing(window, repository):
    await window.apply(new_id())
    repository("switch", "-q", "-c", "other")
    repository("commit", "-q", "--allow-empty", "-m", "there")
    await window.save()
    await window.check(Outcome.ACCEPTED)


async def test_an_edit_that_the_editor_applies_by_itself_is_recognised(window):
    before = window.type(TEXT)
    window.outcomes.offered(new_id(), before, [Edit(Range.of(0, 0, 0, 0), "import os\n")])
    window.outcomes.offered(execution := new_id(), before, [BODY])
    window.type(MADE)
    await window.check(Outcome.ACCEPTED)
    assert window.daemon.told[0][0] == execution


async def test_a_text_that_came_about_otherwise_is_no_acceptance(window):
    window.outcomes.offered(new_id(), window.type(TEXT), [BODY])
    window.type(MADE + "\n")
    await window.check()


async def test_an_offer_is_not_waited_for_without_end(window):
    window.outcomes.offered(new_id(), window.type(TEXT), [BODY])
    for number in range(40):
        window.type(f"{TEXT}# {number}\n")
    window.type(MADE)
    await window.check()


async def test_where_it_is_switched_off_nothing_is_told_or_kept(window, five_minutes_over):
    window.records = False
    window.outcomes.shown(new_id())
    window.outcomes.offered(new_id(), window.type(TEXT), [BODY])
    window.outcomes.judged("S608", Confidence.HIGH, accepted=True)
    await window.apply(new_id())
    await window.later()
    await window.check()
    assert not window.outcomes._watcher._applied
    assert not window.outcomes._watcher._offered
    assert claim_outcomes() == {}


async def test_who_is_gone_is_told_later_and_nobody_waits(window, caplog):
    window.daemon.gone = True
    with caplog.at_level(logging.INFO):
        await window.apply(new_id())
        await window.save()
    assert [record for record in caplog.records if record.levelno > logging.INFO] == []
    window.daemon.gone = False
    window.outcomes.shown(new_id())
    await window.check(Outcome.ACCEPTED, Outcome.SHOWN)


async def test_of_what_waits_only_the_last_is_sent(window):
    window.daemon.answers.clear()
    first, second = new_id(), new_id()
    window.outcomes.shown(first)
    window.outcomes.shown(second)
    window.outcomes.applied(second, window.type(TEXT), [BODY])
    await window.outcomes._work.join()
    window.daemon.answers.set()
    await window.check(Outcome.SHOWN, Outcome.ACCEPTED)


async def test_the_end_does_not_wait_for_one_who_does_not_answer(window):
    window.daemon.answers.clear()
    window.outcomes.shown(new_id())
    async with asyncio.timeout(10):
        await window.outcomes.aclose()
    assert window.daemon.told == []


async def test_at_the_end_everything_is_looked_at_once_more(window):
    await window.apply(new_id())
    window.type(TEXT)
    await window.outcomes.aclose()
    assert [feedback.outcome for _, feedback in window.daemon.told] == [Outcome.ACCEPTED, Outcome.REVERTED]


async def test_what_is_wrong_stops_nothing(window):
    window.outcomes.shown("no id")
    window.outcomes.applied(new_id(), window.type(TEXT), [BODY, BODY])
    window.outcomes.shown(new_id())
    await window.check(Outcome.SHOWN)


@pytest.mark.parametrize(
    ("standing", "told", "counted"),
    [(Standing.NEW, 2, 1), (Standing.CONFIRMED, 2, 0), (Standing.DOUBTFUL, 1, 0)],
)
async def test_who_made_a_claim_that_is_mended_hears_of_it_too(window, standing, told, counted):
    claim_id, before = new_id(), window.type(TEXT)
    verdict = Verdict(standing, "because", execution_id=str(claim_id))
    rule = Rule("S608", "SQL")
    claim = Finding(rule, BODY.range, "m", Severity.HIGH, Confidence.HIGH, ("model",), verdict=verdict)
    window.outcomes.offered(new_id(), before, [BODY], claim)
    window.type(MADE)
    await window.check(*[Outcome.ACCEPTED] * told)
    assert (window.daemon.told[-1][0] == claim_id) is (told == 2)
    assert sum(each.accepted for each in claim_outcomes().values()) == counted


async def test_only_so_many_edits_are_watched_over(window):
    before = window.type(TEXT)
    for _ in range(80):
        window.outcomes.applied(new_id(), before, [BODY])
    await window.outcomes.settled()
    assert len(window.outcomes._watcher._applied) == 64


async def test_what_becomes_of_claims_is_counted(window):
    for accepted in (True, False, False):
        window.outcomes.judged("S608", Confidence.HIGH, accepted=accepted)
    window.outcomes.judged("CWE-22", Confidence.LOW, accepted=True)
    await window.outcomes.settled()
    found = claim_outcomes()
    assert {key: (each.accepted, each.dismissed) for key, each in found.items()} == {
        ("S608", Confidence.HIGH): (1, 2),
        ("CWE-22", Confidence.LOW): (1, 0),
    }


async def test_a_rating_goes_at_once_and_says_whether_anything_is_kept(window):
    window.records = False
    execution = new_id()
    assert await window.outcomes.rate(execution, 5, "just right")
    assert window.daemon.told == [(execution, Feedback(rating=5, text="just right"))]
    window.daemon.gone = True
    with pytest.raises(Unreachable):
        await window.outcomes.rate(execution, 1)


async def test_the_last_answer_about_a_file_can_be_rated_once(window):
    execution = new_id()
    assert window.outcomes.answer_about(window.uri) == ""
    window.outcomes.answered(execution, window.uri)
    assert window.outcomes.answer_about(window.uri) == str(execution)
    assert window.outcomes.answer_about("file:///other.py") == ""
    await window.outcomes.rate(execution, 1)
    assert window.outcomes.answer_about(window.uri) == ""
