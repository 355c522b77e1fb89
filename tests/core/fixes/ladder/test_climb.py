"""Candidates climb in parallel; each is repaired once with the reason, and the highest is taken."""

import asyncio
import json
from pathlib import Path

import pytest
from ladder_cases import Marks, document, edit, finding, request

from codetune_core.errors import CodeTuneError, DetectorError
from codetune_core.fixes.ladder.climb import Ladder, Means, climb
from codetune_core.fixes.ladder.interpreter import running
from codetune_core.fixes.ladder.result import Climb, Outcome, Refused, Rung, failed, not_run, passed

SHOP = document("import os\n\n\ndef price(text):\n    return eval(text)\n")
BODY = "return eval(text)"
FAIL, PASS, NOT = Outcome.FAILED, Outcome.PASSED, Outcome.NOT_RUN
GOOD, BROKEN, UNKNOWN, WORSE = "return int(text)", "return (", "return unknown_thing", "return exec(text)"


def means(**more):
    marks = Marks()
    return Means(marks, marks, running(), **more)


def body(new):
    return [edit(SHOP, BODY, new)]


async def climbed(new, *, about=True, of=SHOP):
    asked = request(of, BODY, about=finding(of) if about else None)
    ladder = await Ladder.at(asked, means())
    return await ladder.climb([edit(of, BODY, new)])


@pytest.mark.parametrize(
    ("new", "outcomes", "says"),
    [
        (GOOD, [PASS, PASS, PASS, NOT, NOT], "verified: parses, names, rescan"),
        (BROKEN, [FAIL, NOT, NOT, NOT, NOT], "does not parse"),
        (UNKNOWN, [PASS, FAIL, NOT, NOT, NOT], "the name `unknown_thing` is not defined"),
        ("return os.jion(text)", [PASS, FAIL, NOT, NOT, NOT], "`os` has no `jion`"),
        ("return eval(text) + 1", [PASS, PASS, FAIL, NOT, NOT], "the finding is still there: E1, use of eval"),
        (f"return {'-' * 1400}1", [FAIL, NOT, NOT, NOT, NOT], "nested too deeply"),
        (f"return {'-' * 100_000}1", [FAIL, NOT, NOT, NOT, NOT], "does not parse"),
        (WORSE, [PASS, PASS, FAIL, NOT, NOT], "the edit brings new findings: E2"),
    ],
)
async def test_a_climb_ends_at_the_first_rung_that_fails(new, outcomes, says):
    end = await climbed(new)
    assert [step.outcome for step in end.steps] == outcomes
    assert [step.rung for step in end.steps] == list(Rung)
    assert says in (end.reason or end.describe())
    assert end.is_preferred == (new == GOOD)


@pytest.mark.parametrize(
    ("new", "outcomes", "says"),
    [(GOOD, [PASS, NOT, NOT, NOT, NOT], "verified: applies"), (BROKEN, [FAIL, NOT, NOT, NOT, NOT], "does not parse")],
)
async def test_a_text_that_does_not_parse_is_not_asked_to_and_its_changed_part_is(new, outcomes, says):
    end = await climbed(new, of=document(f"{SHOP.text}\n\ndef begun(\n"))
    assert [step.outcome for step in end.steps] == outcomes
    assert says in (end.reason or end.describe())
    assert not end.is_preferred


async def test_an_answer_without_edits_fails_with_its_reason():
    ladder = await Ladder.at(request(SHOP, BODY), means())
    end = await ladder.climb(Refused("no JSON"))
    assert (end.reason, [step.outcome for step in end.steps]) == ("no JSON", [FAIL, NOT, NOT, NOT, NOT])


async def test_without_a_finding_the_rescan_asks_that_nothing_is_new():
    assert (await climbed("return eval(text) or 1", about=False)).height == 3
    assert "new findings: E1" in (await climbed("return eval(text) + eval('1')", about=False)).reason


async def test_a_finding_that_only_a_model_has_cannot_be_seen_to_be_gone():
    text = document(f"{SHOP.text}# M9\n")
    asked = request(text, BODY, about=finding(text, "text", rule="M9"))
    end = await (await Ladder.at(asked, means())).climb([edit(text, BODY, GOOD)])
    assert end.describe() == "verified: parses, names"
    assert not end.is_preferred
    assert "no detector reports M9" in end.explain()


async def test_a_detector_that_cannot_answer_about_the_copy_leaves_its_rungs_open():
    end = await climbed("return 'cannot look'")
    assert [step.outcome for step in end.steps] == [PASS, NOT, NOT, NOT, NOT]
    assert end.describe() == "verified: parses"
    assert not end.is_preferred


async def test_a_detector_that_cannot_answer_about_the_current_text_ends_it_all():
    with pytest.raises(DetectorError):
        await climb(request(document("cannot look")), asking(GOOD), means())


def asking(*answers, told=None):
    """Answer each candidate by its own texts, the first at first and the next for a repair."""

    async def ask(number, rejected):
        if told is not None:
            told.append((number, rejected))
        texts = answers[number] if isinstance(answers[number], tuple) else (answers[number],)
        new = texts[bool(rejected) and len(texts) > 1]
        if isinstance(new, Exception):
            raise new
        return body(new)

    return ask


async def outcome(*answers, told=None):
    asked = request(SHOP, BODY, about=finding(SHOP))
    return await climb(asked, asking(*answers, told=told), means(), len(answers))


async def test_a_candidate_that_fails_is_repaired_once_with_the_reason():
    told = []
    end = await outcome((UNKNOWN, GOOD), told=told)
    assert end.best.describe() == "verified: parses, names, rescan"
    assert (end.repaired, end.dropped) == (1, ())
    assert told == [(0, ""), (0, "the name `unknown_thing` is not defined")]


async def test_one_that_fails_again_is_dropped_and_counted():
    told = []
    end = await outcome((UNKNOWN, BROKEN), WORSE, told=told)
    assert end.best is None
    assert sorted(drop.failure.rung for drop in end.dropped) == [Rung.APPLIES, Rung.RESCAN]
    assert end.repaired == 2
    assert len(told) == 4


async def test_the_highest_is_taken():
    lower = "return 'cannot look'"
    end = await outcome(lower, (BROKEN, GOOD), BROKEN)
    assert end.best.edits == tuple(body(GOOD))


async def test_once_one_is_at_the_top_the_others_are_stopped():
    stopped = asyncio.Event()

    async def ask(number, rejected):
        if number:
            try:
                await asyncio.Event().wait()
            finally:
                stopped.set()
        await asyncio.sleep(0)
        return body(GOOD)

    end = await climb(request(SHOP, BODY, about=finding(SHOP)), ask, means(), 2)
    assert end.best.height == 3
    assert stopped.is_set()


async def test_one_that_cannot_be_asked_for_does_not_hold_up_the_others():
    error = CodeTuneError("the engine is gone")
    assert (await outcome(error, GOOD)).best.height == 3
    with pytest.raises(CodeTuneError, match="the engine is gone"):
        await outcome(error, error)


async def test_what_an_ask_does_wrong_is_not_hidden():
    with pytest.raises(ZeroDivisionError):
        await outcome(ZeroDivisionError())


async def test_the_current_text_is_looked_at_once():
    marks = Marks()
    with_marks = Means(marks, marks, running())
    await climb(request(SHOP, BODY, about=finding(SHOP)), asking(UNKNOWN, UNKNOWN), with_marks, 2)
    assert marks.looked.count(SHOP.text) == 1


@pytest.mark.parametrize(
    ("path", "language", "trusted", "reason"),
    [
        (None, "python", False, "the workspace is not trusted"),
        (None, "python", True, "the document is in no workspace"),
        (Path("/else/where.py"), "python", True, "the document is in no workspace"),
        (None, "go", True, "only projects in Python"),
    ],
)
async def test_why_the_project_s_programs_were_not_run_is_said(tmp_path, path, language, trusted, reason):
    text = document("x = 1\n", path, language)
    ladder = await Ladder.at(request(text, root=tmp_path), means(trusted=trusted, with_tests=True))
    end = await ladder.climb([edit(text, "1", "2")])
    assert all(reason in step.words for step in end.steps[3:])


def test_the_title_names_every_rung_that_holds():
    steps = [passed(Rung.APPLIES, "parses"), passed(Rung.NAMES, "names"), passed(Rung.RESCAN, "rescan")]
    tools, tests = not_run(Rung.TOOLS, "none"), passed(Rung.TESTS, "12 tests")
    whole = Climb((), (*steps, tools, tests))
    assert whole.describe() == "verified: parses, names, rescan, 12 tests"
    assert whole.explain().splitlines()[3] == "tools: not run (none)"
    assert whole.is_preferred
    fallen = Climb((), (*steps, tools, failed(Rung.TESTS, "1 test fails")))
    assert (fallen.describe(), fallen.is_preferred) == ("not verified", False)
    assert Climb((), (not_run(Rung.APPLIES, ""),)).describe() == "not verified"


def test_a_result_can_be_told_to_another_process():
    import pickle  # noqa: PLC0415 - here alone

    end = Climb(tuple(body(GOOD)), (passed(Rung.APPLIES, "parses"),))
    assert pickle.loads(pickle.dumps(end)) == end
    assert json.dumps([step.rung for step in end.steps]) == '["applies"]'
