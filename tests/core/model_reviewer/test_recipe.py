"""A review with a model: verdicts arrive in place, nothing is asked twice, and nothing outside is believed."""

import asyncio
import subprocess
import sys
from collections import Counter
from contextlib import aclosing
from dataclasses import replace

import pytest
from reviewing_bench import SHOP, Bench, claim, found, honest, honest_model, standings
from reviewing_models import ReviewingModel

from codetune_core.domain.document import Document
from codetune_core.domain.execution import ErrorKind, Priority, Task
from codetune_core.domain.finding import Confidence, Severity
from codetune_core.errors import CodeTuneError
from codetune_core.execution.events import Failed, Finished
from codetune_core.model_reviewer.claims import Dropped
from codetune_core.model_reviewer.memory import Memory
from codetune_core.model_reviewer.question import Asker, questions
from codetune_core.model_reviewer.units import read
from codetune_core.model_reviewer.verdicts import Answers, Said
from codetune_core.prompts.schemas.claims import Verdicts

COMMENTED = SHOP.replace("    return rows", "    # read by the shop\n    return rows")
SECOND = "\n\ndef second(db, owner):\n    return db.execute(f\"SELECT 1 FROM x WHERE owner = '{owner}'\")\n"
DOUBT = {"candidate": 2, "call": "refute", "reason": "not for security", "evidence": ["usedforsecurity=False"]}


def says(stripped, seen=None):
    """A model with one answer without comments, and another one with them."""
    return ReviewingModel(lambda request, text: seen if seen and "# read" in request.variables["code"] else stripped)


def answer(*verdicts, claims=()):
    return {"verdicts": list(verdicts), "claims": list(claims)}


def verdict(call, number=2, **more):
    return {**DOUBT, "candidate": number, "call": call, **more}


def ids(review):
    return [finding.id for finding in review.findings]


async def test_the_first_update_is_what_the_detectors_say_and_asks_nobody():
    bench = Bench(honest_model())
    async with aclosing(bench.review(SHOP)) as updates:
        first = await anext(updates)
        assert standings(first) == {"S608": "open", "S324": "open"}
        assert first.findings == found(Document("file:///shop.py", SHOP, "python", 1))
        assert bench.model.asked == []


async def test_findings_keep_place_severity_and_confidence_whatever_the_model_says():
    review = await Bench(honest_model()).last(SHOP)
    before = {each.id: each for each in found(Document("file:///shop.py", SHOP, "python", 1))}
    for finding in review.findings:
        if finding.id in before:
            own = before[finding.id]
            assert (finding.range, finding.severity, finding.confidence) == (own.range, own.severity, own.confidence)


async def test_evidence_becomes_ranges_and_a_new_finding_stands_on_its_quote():
    review = await Bench(honest_model()).last(SHOP)
    document = Document("file:///shop.py", SHOP, "python", 1)
    new = next(each for each in review.findings if each.rule.id == "model/path-traversal")
    assert document.slice(new.range) == claim()["quote"]
    assert [document.slice(step.range) for step in new.evidence] == claim()["evidence"]
    assert (new.symbol, new.rule.cwe, new.severity, new.detectors) == ("orders", (22,), Severity.HIGH, ("model",))
    assert new.verdict.remedy == "Use an identifier."
    assert list(review.findings) == sorted(review.findings, key=lambda finding: finding.range)


@pytest.mark.parametrize(
    ("stripped", "seen", "standing"),
    [
        ("refute", "refute", "doubtful"), ("refute", "confirm", "open"), ("refute", "unsure", "open"),
        ("confirm", "refute", "confirmed"), ("confirm", "unsure", "confirmed"), ("confirm", "confirm", "confirmed"),
        ("unsure", "refute", "open"), ("unsure", "confirm", "open"), ("unsure", "unsure", "open"),
        ("refute", None, "doubtful"), ("confirm", None, "confirmed"), (None, "refute", "open"),
        (None, "confirm", "open"), (None, None, "open"),
    ],
)  # fmt: skip
async def test_where_the_readings_disagree_the_stricter_one_wins(stripped, seen, standing):
    model = says(*(answer(*([verdict(call)] if call else [])) for call in (stripped, seen)))
    review = await Bench(model).last(COMMENTED)
    assert standings(review)["S324"] == standing
    assert [request.variables["code"].count("# read") for request in model.asked if "S324" in str(request)] == [0, 1]


@pytest.mark.parametrize(
    "evidence", [[], ["no such code"], ["# read by the shop"], ['TABLE = "orders"'], ["import hashlib"]]
)
async def test_a_refutation_without_evidence_from_the_code_it_is_about_does_not_count(evidence):
    review = await Bench(says(answer(verdict("refute", evidence=evidence)))).last(COMMENTED)
    assert standings(review)["S324"] == "open"


async def test_of_two_verdicts_about_one_candidate_the_stricter_counts():
    review = await Bench(says(answer(verdict("refute"), verdict("confirm")))).last(SHOP)
    assert standings(review)["S324"] == "confirmed"


@pytest.mark.parametrize(
    ("stripped", "seen", "confidence"),
    [(True, True, Confidence.HIGH), (True, False, Confidence.HIGH), (False, True, Confidence.LOW)],
)
async def test_a_claim_that_needs_the_comments_has_low_confidence(stripped, seen, confidence):
    answers = [answer(claims=[claim()] if made else []) for made in (stripped, seen)]
    review = await Bench(says(*answers)).last(COMMENTED)
    assert [each.confidence for each in review.findings if each.rule.id.startswith("model/")] == [confidence]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"symbol": "second"}, Dropped.OUTSIDE),
        ({"quote": "no such code"}, Dropped.UNANCHORED),
        ({"quote": "owner"}, Dropped.UNANCHORED),
        ({"quote": 'TABLE = "orders"', "symbol": ""}, Dropped.UNANCHORED),
        ({"quote": "# read by the shop"}, Dropped.UNANCHORED),
        ({"quote": "hashlib.md5(owner.encode(), usedforsecurity=False)", "cwe": "CWE-327"}, Dropped.KNOWN),
    ],
)
async def test_a_claim_that_the_asked_code_does_not_show_is_dropped_and_counted(changes, reason):
    model = ReviewingModel(
        lambda request, text: answer(claims=[claim(**changes)] if "def orders" in request.variables["code"] else [])
    )
    review = await Bench(model).last(SHOP + SECOND)
    assert not [each for each in review.findings if each.rule.id.startswith("model/")]
    assert review.dropped[reason] >= 1


async def test_the_same_claim_twice_is_one_finding():
    review = await Bench(says(answer(claims=[claim(), claim(), claim(rule="traversal")]))).last(SHOP)
    assert Counter(each.detectors for each in review.findings)["model",] == 1


async def test_the_nth_equal_quote_of_a_claim_is_the_nth_place():
    text = "def f(a):\n    eval(a)\n    x = 1\n    eval(a)\n"
    same = claim(quote="eval(a)", symbol="f", rule="code-injection", cwe=None, evidence=[])
    review = await Bench(says(answer(claims=[same, same]))).last(text)
    assert [each.range.start.line for each in review.findings] == [1, 3]
    assert len(set(ids(review))) == 2


async def test_what_is_hidden_in_the_models_words_is_not_shown():
    review = await Bench(says(answer(claims=[claim(message="safe\u202e\u200b\n evil")]))).last(SHOP)
    assert "safe evil" in {each.message for each in review.findings}


async def test_an_unchanged_function_is_never_asked_about_again_and_its_findings_follow_the_text():
    bench = Bench(honest_model())
    before = await bench.last(SHOP + SECOND)
    asked = len(bench.model.asked)
    after = await bench.updates("\n\n\n" + SHOP + SECOND)
    assert len(bench.model.asked) == asked
    assert len(after) == 1
    assert standings(after[0]) == standings(before)
    assert [each.range.start.line - 3 for each in after[0].findings] == [e.range.start.line for e in before.findings]
    assert ids(after[0]) == ids(before)


async def test_only_the_function_that_changed_is_asked_about_and_nothing_flickers_meanwhile():
    bench = Bench(honest_model())
    before = await bench.last(SHOP + SECOND)
    bench.model.asked.clear()
    updates = await bench.updates(SHOP.replace("log.write(", "log.write('x' + ") + SECOND)
    assert {request.variables["symbol"] for request in bench.model.asked} == {"orders"}
    assert all(standings(update) == standings(before) and ids(update) == ids(before) for update in updates)


async def test_an_update_says_something_only_of_what_was_answered_since_the_first_one():
    bench = Bench(honest_model())
    await bench.last(SHOP + SECOND)
    first, *others = await bench.updates(SHOP + SECOND.replace("SELECT 1", "SELECT 2"))
    assert len(first.settled) > 1
    ((place,),) = (update.settled for update in others)
    assert place.start.line == (SHOP + SECOND).splitlines().index("def second(db, owner):")


async def test_a_changed_helper_has_those_who_use_it_judged_again():
    bench, text = (
        Bench(honest_model()),
        "def f(a):\n    return a\n\n\ndef g(a):\n    return f(a)\n\n\ndef h():\n    pass\n",
    )
    await bench.last(text)
    bench.model.asked.clear()
    await bench.last(text.replace("return a\n", "return a + 1\n"))
    assert {request.variables["symbol"] for request in bench.model.asked} == {"f", "g"}


async def test_units_that_did_not_change_are_asked_about_only_where_findings_stand():
    text = f"{SHOP}{SECOND}\n\ndef third():\n    return 1\n\n\ndef fourth():\n    return 2\n"
    third = {unit.key for unit in read(Document("file:///shop.py", text, "python")).units if unit.name == "third"}
    bench = Bench(honest_model())
    await bench.last(text, changed=third)
    assert {request.variables["symbol"] for request in bench.model.asked} == {"orders", "second", "third"}


async def test_code_without_comments_is_read_once():
    model = honest_model()
    await Bench(model).last("def f(a):\n    return a\n")
    assert len(model.asked) == 1


async def test_a_request_says_for_whom_and_how_urgent_it_is():
    model = honest_model()
    asker = Asker("/shop", ("/shop/a.py",), "window", "small", Priority.EXPLICIT)
    await Bench(model).last(SHOP, asker=asker)
    for request in model.asked:
        said = (request.workspace, request.paths, request.session_id, request.model, request.priority, request.task)
        assert said == ("/shop", ("/shop/a.py",), "window", "small", Priority.EXPLICIT, Task.REVIEW)


async def test_as_many_units_as_allowed_are_asked_about_at_once():
    text = "".join(f"def f{number}(a):\n    return {number}\n\n\n" for number in range(9))
    model = honest_model()
    await Bench(model, parallel=3).last(text)
    assert len(model.asked) == 9
    assert 2 <= model.most_running <= 3


async def test_closing_a_review_ends_what_runs_and_asks_no_more():
    text = "".join(f"def f{number}(a):\n    return {number}\n\n\n" for number in range(9))
    model = honest_model()
    model.gate = asyncio.Event()
    updates = Bench(model).review(text)
    await anext(updates)
    waiting = asyncio.ensure_future(anext(updates))
    while model.running < 4:
        await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await updates.aclose()
    assert (model.running, model.closed, len(model.asked)) == (0, 4, 4)


async def test_what_was_answered_before_a_review_was_closed_is_remembered():
    bench = Bench(honest_model(), parallel=1)
    updates = bench.review(SHOP + SECOND)
    async for update in updates:
        if update.answered == 1:
            break
    await updates.aclose()
    first = [request.variables for request in bench.model.asked][:1]
    await bench.last(SHOP + SECOND)
    assert [request.variables for request in bench.model.asked].count(first[0]) == 1


@pytest.mark.parametrize("seen", [False, True])
async def test_a_reading_that_fails_changes_nothing_unless_the_other_one_is_enough(seen):
    def said(request, text):
        if ("# read" in request.variables["code"]) is seen:
            return Failed(kind=ErrorKind.TIMEOUT, message="too slow")
        return honest(request.variables)

    review = await Bench(ReviewingModel(said)).last(COMMENTED)
    assert standings(review)["S608"] == ("confirmed" if seen else "open")
    assert review.failures == (() if seen else ("too slow",))


@pytest.mark.parametrize("text", ["nonsense", "", "{}", '{"verdicts": [{"candidate": 99}], "claims": []}'])
async def test_an_answer_that_is_none_leaves_the_findings_as_they_are(text):
    review = await Bench(ReviewingModel(lambda request, rendered: text)).last(SHOP)
    assert standings(review) == {"S608": "open", "S324": "open"}
    assert review.failures
    assert review.complete


@pytest.mark.parametrize(
    ("failed", "asked"),
    [
        (Failed(kind=ErrorKind.BUDGET_SPENT, message="spent"), 1),
        (Failed(kind=ErrorKind.INTERNAL, message="gone", unavailable=True), 1),
        (Failed(kind=ErrorKind.TIMEOUT, message="slow"), 5),
    ],
)
async def test_where_nobody_can_answer_the_rest_is_not_asked(failed, asked):
    text = "".join(f"def f{number}(a):\n    return {number}\n\n\n" for number in range(5))
    model = ReviewingModel(lambda request, rendered: failed)
    review = await Bench(model, parallel=1).last(text)
    assert len(model.asked) == asked
    assert (review.failures, review.complete, review.answered) == ((failed.message,), True, 5)


async def test_an_executor_that_raises_is_a_failure_and_no_crash():
    def broken(request, text):
        raise CodeTuneError("no daemon")

    assert (await Bench(ReviewingModel(broken)).last(SHOP)).failures == ("no daemon",)


async def test_at_most_so_many_new_findings_are_added_by_a_review_and_shown_ones_stay():
    text = "def f(a):\n" + "".join(f"    run{number}(a)\n" for number in range(6))
    made = [claim(quote=f"run{n}(a)", symbol="f", confidence="high" if n > 3 else "low", evidence=[]) for n in range(6)]
    bench = Bench(says(answer(claims=made)))
    updates = await bench.updates(text, most_new=2)
    assert [len(update.findings) for update in updates] == [0, 2]
    assert [each.range.start.line for each in updates[-1].findings] == [5, 6]
    assert updates[-1].held_back == 4
    again = await bench.last(text, most_new=2)
    assert len(again.findings) == 4
    assert set(ids(updates[-1])) <= set(ids(again))


async def test_a_file_of_another_language_is_judged_as_a_whole():
    model = ReviewingModel(
        lambda request, text: answer(claims=[claim(quote="eval(a)", symbol="f", rule="code-injection", evidence=[])])
    )
    review = await Bench(model).last("function f(a) { eval(a) } // safe\n", language="javascript", findings=())
    assert [each.rule.id for each in review.findings] == ["model/code-injection"]
    assert len(model.asked) == 2


async def test_a_rule_with_a_title_of_any_length_can_be_asked_about():
    (first, *_) = found(Document("file:///shop.py", SHOP, "python", 1))
    long = replace(first, rule=replace(first.rule, title="S608 " * 1_000))
    review = await Bench(honest_model()).last(SHOP, findings=[long])
    assert standings(review)["S608"] == "confirmed"
    assert review.failures == ()


def test_the_recipe_loads_no_parser_and_no_templates():
    code = "import sys, codetune_core.model_reviewer.recipe; print(*{'tree_sitter', 'jinja2'} & {*sys.modules})"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "\n"


async def test_two_equal_functions_of_one_name_each_keep_their_verdicts():
    review = await Bench(honest_model()).last(SHOP + SHOP)
    confirmed = [each for each in review.findings if each.rule.id == "S608" and each.verdict]
    assert len(confirmed) == 2


async def test_a_claim_of_the_module_about_the_inside_of_a_function_is_dropped():
    model = ReviewingModel(
        lambda request, text: answer(claims=[] if "symbol" in request.variables else [claim(symbol="")])
    )
    review = await Bench(model).last(SHOP)
    assert review.dropped == {Dropped.OUTSIDE: 1}


class Unreliable(ReviewingModel):
    """An executor that breaks its word: it ends without an answer, or with one that nobody has checked."""

    def __init__(self, *events):
        super().__init__(lambda request, text: {})
        self._events = events

    async def execute(self, request):
        for event in self._events:
            yield event


@pytest.mark.parametrize("output", [None, "", "[]", '{"verdicts": [{"candidate": 0}], "claims": []}', "{" * 9999])
async def test_an_executor_is_trusted_no_more_than_the_model(output):
    events = [] if output is None else [Finished(output=output, finish_reason="stop", execution_time_ms=1)]
    review = await Bench(Unreliable(*events)).last(SHOP)
    assert standings(review) == {"S608": "open", "S324": "open"}
    assert len(review.failures) == 1


def test_what_was_said_longest_ago_is_forgotten_first():
    memory, said = Memory(most=2), Answers((), Said(Verdicts(verdicts=(), claims=())), None)
    first, second, third = questions(read(Document("file:///a", "def f(): 1\ndef g(): 2\ndef h(): 3", "python")), ())
    for question in (first, second):
        memory.keep("file:///a", question, said)
    assert memory.answers(first) is said
    memory.keep("file:///a", third, said)
    assert [memory.answers(each) for each in (first, second, third)] == [said, None, said]
