"""A model works while somebody types and saves: nothing flickers, nothing stale is shown, nothing is asked twice."""

import asyncio
import random

import pytest
import pytest_asyncio
from judging_desk import URI, Desk
from lsprotocol import types
from reviewing_bench import claim, honest
from reviewing_models import ReviewingModel

from codetune_core.domain.execution import ErrorKind, Priority
from codetune_core.domain.finding import Confidence
from codetune_core.domain.text import Range
from codetune_core.errors import CodeTuneError
from codetune_core.execution.events import Failed
from codetune_core.model_reviewer.tallies import count_claim
from codetune_server.features import synchronization

ORDERS = """\
def orders(db, request):
    owner = request.args["owner"]
    rows = db.execute("SELECT * FROM orders WHERE owner = '" + owner + "'")
    log = open("/var/log/shop/" + owner, "a")
    return rows
"""
SECOND = """\


def second(db, owner):
    return db.execute("SELECT 1 FROM x WHERE owner = '" + owner + "'")
"""
PLAIN = """\


def plain(names):
    return sorted(names)
"""
SHOP = ORDERS + SECOND
JUDGED = {"S608:2": "confirmed", "model/path-traversal:3": "new", "S608:8": "confirmed"}


def model() -> ReviewingModel:
    """Confirms SQL with evidence, and claims the path."""

    def said(request, text):
        answer = honest(request.variables)
        here = "owner" if "second" in request.variables["code"] else 'owner = request.args["owner"]'
        for each in answer["verdicts"]:
            each["evidence"] = [here]
        return answer

    return ReviewingModel(said)


SUMMARY = "CodeTune: a model was asked about 2 parts of shop.py: 2 confirmed, 0 doubtful, 1 new"
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def processes():
    """A desk whose worker serves all tests."""
    made = Desk()
    yield made
    await made.aclose()


@pytest_asyncio.fixture(loop_scope="module")
async def desk(processes):
    await processes.renew(model())
    return processes


async def test_verdicts_come_after_a_save_and_not_before(desk):
    desk.open(SHOP)
    await desk.reviewed()
    assert desk.standings() == {"S608:2": "open", "S608:8": "open"}
    assert desk.model.asked == []
    await desk.save()
    await desk.judged()
    assert desk.standings() == JUDGED
    executions = {each.verdict.execution_id for each in desk.findings()}
    assert set(desk.outcomes.told) == {("shown", each) for each in executions}
    assert desk.said == [SUMMARY]
    asked = {(each.variables.get("symbol"), each.priority) for each in desk.model.asked}
    assert asked == {("orders", Priority.BACKGROUND), ("second", Priority.BACKGROUND)}


async def test_a_uri_that_the_editor_writes_with_percent_signs_is_reviewed_after_a_save_too(desk):
    uri = "untitled:my%20shop.py"
    desk.open(SHOP, uri)
    await desk.save(uri)
    await desk.judged("untitled:my shop.py")
    assert desk.standings(uri) == JUDGED


async def judged(desk, text=SHOP):
    """A document that was opened, saved and judged."""
    desk.open(text)
    await desk.save()
    await desk.judged()
    desk.shown.clear()
    return len(desk.model.asked)


async def gated(desk, asked, text=SHOP):
    """The model thinks about the saved text."""
    desk.model.gate = asyncio.Event()
    desk.open(text)
    await desk.save()
    await desk.asked(asked)


async def test_what_is_typed_elsewhere_keeps_verdicts_and_new_findings_at_every_moment(desk):
    asked = await judged(desk)
    for text in (f"import os\n{SHOP}", f"import os\n\n{SHOP}", f"import os\n\n{SHOP}{PLAIN}"):
        await desk.edit(text)
        await desk.reviewed()
    assert len(desk.model.asked) == asked
    moved = {"S608:4": "confirmed", "model/path-traversal:5": "new", "S608:10": "confirmed"}
    assert desk.standings() == moved
    assert all(len(state.review.findings) == 3 for state in desk.shown)
    assert all(each.verdict for state in desk.shown for each in state.review.findings)


async def test_what_is_typed_above_while_the_model_thinks_moves_its_verdicts(desk):
    await gated(desk, 2)
    await desk.edit(f"import os\n\n\n{SHOP}")
    await desk.reviewed()
    desk.model.gate.set()
    await desk.judged()
    assert desk.standings() == {"S608:5": "confirmed", "model/path-traversal:6": "new", "S608:11": "confirmed"}
    document = desk.session.subject(URI).document
    for finding in desk.findings():
        for step in finding.verdict.evidence:
            assert document.slice(step.range) in {'owner = request.args["owner"]', "owner"}


async def test_what_is_typed_before_the_detectors_are_done_puts_the_models_review_off_and_does_not_end_it(desk):
    desk.open(SHOP)
    await desk.save()
    for number in range(3):
        await desk.edit(f"import os\n{SHOP}# {number}\n")
    await desk.judged()
    assert desk.standings() == {"S608:3": "confirmed", "model/path-traversal:4": "new", "S608:9": "confirmed"}
    assert len(desk.model.asked) == 2


async def test_an_edit_of_the_asked_function_stops_its_question_and_no_other(desk):
    await gated(desk, 2)
    await desk.edit(SHOP.replace("    return rows", "    return list(rows)"))
    assert await ended(desk, 1)
    desk.model.gate.set()
    await desk.judged()
    assert desk.standings() == {"S608:2": "open", "S608:8": "confirmed"}
    desk.model.asked.clear()
    await desk.save()
    await desk.judged()
    assert {each.variables["symbol"] for each in desk.model.asked} == {"orders"}
    assert desk.standings() == JUDGED


async def ended(desk, count):
    while desk.model.closed < count:
        await asyncio.sleep(0.005)
    return desk.model.closed == count


async def test_a_second_save_takes_over_what_is_asked_already(desk):
    await gated(desk, 2)
    await desk.edit(SHOP + PLAIN)
    await desk.save()
    await desk.asked(3)
    assert [each.variables.get("symbol") for each in desk.model.asked] == ["orders", "second", "plain"]
    desk.model.gate.set()
    await desk.judged()
    assert len(desk.model.asked) == 3
    assert desk.standings() == JUDGED
    assert [line for line in desk.said if "was asked" in line] == [SUMMARY.replace("2 parts", "3 parts")]


async def test_what_the_model_says_while_detectors_review_a_newer_text_is_not_lost(desk, monkeypatch):
    await judged(desk)
    changed = SHOP.replace("second(db, owner)", "second(db, owner, most=1)")
    await desk.edit(changed)
    desk.model.gate = asyncio.Event()
    await desk.save()
    await desk.asked(3)
    service, entered, released = await desk.backend.service(), asyncio.Event(), asyncio.Event()
    sets_aside = service.set_aside

    async def slowly(document, findings):
        entered.set()
        await released.wait()
        return await sets_aside(document, findings)

    monkeypatch.setattr(service, "set_aside", slowly)
    desk.model._answer = lambda request, text: {"verdicts": [], "claims": []}
    assert desk.standings()["S608:8"] == "confirmed"
    await desk.edit("import os\n" + changed)
    await entered.wait()
    desk.model.gate.set()
    await desk.judged()
    released.set()
    await desk.reviewed()
    assert desk.standings() == {"S608:3": "confirmed", "model/path-traversal:4": "new", "S608:9": "open"}


async def test_a_function_that_changed_is_asked_about_though_nothing_was_found_in_it(desk):
    await judged(desk, PLAIN + SHOP)
    desk.model.asked.clear()
    await desk.edit(PLAIN.replace("sorted(names)", "sorted(names)[1:]") + SHOP)
    await desk.save()
    await desk.judged()
    assert [each.variables["symbol"] for each in desk.model.asked] == ["plain"]
    await desk.save()
    await desk.judged()
    assert len(desk.model.asked) == 1


async def test_closing_a_document_stops_the_model(desk):
    await gated(desk, 2)
    desk.close()
    await desk.judged()
    assert (desk.model.running, desk.model.closed) == (0, 2)


async def test_closing_a_document_stops_what_a_command_asked_about_it(desk):
    desk.open(SHOP)
    await desk.reviewed()
    desk.model.gate = asyncio.Event()
    command = asyncio.create_task(desk.backend.judging.review(desk.session.state(URI), None, lambda said: None))
    await desk.asked(2)
    desk.close()
    await command
    assert not desk.model.gate.is_set()


async def test_what_a_model_said_is_back_when_the_document_is_opened_again(desk):
    asked = await judged(desk)
    desk.close()
    desk.open(SHOP)
    await desk.reviewed()
    await desk.judged()
    assert desk.standings() == JUDGED
    assert len(desk.model.asked) == asked


async def test_a_refuted_finding_stays(desk):
    weak = "import hashlib\n\n\ndef tag(a):\n    return hashlib.md5(a, usedforsecurity=bool(0 - 0)).hexdigest()\n"
    refuted = {"candidate": 1, "call": "refute", "reason": "no", "evidence": ["hashlib.md5"]}
    desk.model._answer = lambda request, text: {"verdicts": [refuted], "claims": []}
    desk.open(weak)
    await desk.reviewed()
    before = [each.id for each in desk.findings()]
    assert before
    await desk.save()
    await desk.judged()
    assert [each.id for each in desk.findings()] == before
    assert set(desk.standings().values()) == {"doubtful"}


@pytest.mark.parametrize(
    "failure", [CodeTuneError("no daemon"), Failed(kind=ErrorKind.ENGINE_LOST, message="no daemon")]
)
async def test_where_the_model_fails_static_findings_stand_and_one_line_says_why(desk, failure):
    def fails(request, text):
        if isinstance(failure, Failed):
            return failure
        raise failure

    answer, desk.model._answer = desk.model._answer, fails
    desk.open(SHOP)
    for _ in range(3):
        await desk.save()
        await desk.judged()
    assert desk.standings() == {"S608:2": "open", "S608:8": "open"}
    assert [line for line in desk.said if "no daemon" in line] == ["a model did not review all of shop.py: no daemon"]
    desk.model._answer = answer
    await desk.save()
    await desk.judged()
    assert desk.standings() == JUDGED


@pytest.mark.parametrize("setting", ["command", "off"])
async def test_a_save_asks_nobody_where_the_settings_say_so(desk, setting):
    await desk.renew(model(), review={"model": setting})
    await judged(desk)
    assert (desk.model.asked, desk.said) == ([], [])


async def test_a_save_asks_nobody_where_nobody_answers(desk):
    desk.backend.catalogue.reviewer = None
    await judged(desk)
    assert (desk.model.asked, desk.said) == ([], [])


async def test_a_command_asks_about_the_functions_that_a_selection_touches_and_no_other(desk):
    desk.open(SHOP + PLAIN)
    await desk.reviewed()
    state, told = desk.session.state(URI), []
    counts = await desk.backend.judging.review(state, Range.of(8, 0, 9, 0), told.append)
    assert {(each.variables["symbol"], each.priority) for each in desk.model.asked} == {("second", Priority.EXPLICIT)}
    assert counts == {**NOTHING, "asked": 1, "answered": 1, "confirmed": 1}
    assert [(each.answered, each.asked) for each in told] == [(0, 1), (1, 1)]
    assert desk.standings() == {"S608:2": "open", "S608:8": "confirmed"}


async def test_a_command_asks_about_everything_that_was_not_answered_and_counts_what_it_dropped(desk):
    lost = claim(quote="no such code")
    desk.model._answer = lambda request, text: {"verdicts": [], "claims": [lost]}
    desk.open(SHOP + PLAIN)
    await desk.reviewed()
    counts = await desk.backend.judging.review(desk.session.state(URI), None, lambda said: None)
    assert counts == {**NOTHING, "asked": 3, "answered": 3, "dropped": 3}
    assert "dropped claims: " in desk.said[-1]


async def test_a_command_that_nobody_answers_fails_in_words(desk):
    desk.model._answer = lambda request, text: Failed(kind=ErrorKind.ENGINE_LOST, message="no daemon")
    desk.open(SHOP)
    await desk.reviewed()
    with pytest.raises(CodeTuneError, match="no daemon"):
        await desk.backend.judging.review(desk.session.state(URI), None, lambda said: None)
    assert desk.standings() == {"S608:2": "open", "S608:8": "open"}


NOTHING = dict.fromkeys(("asked", "answered", "confirmed", "doubtful", "new", "heldBack", "dropped"), 0)


async def test_a_save_while_a_command_runs_takes_nothing_from_it(desk):
    desk.model.gate = asyncio.Event()
    desk.open(SHOP + PLAIN)
    await desk.reviewed()
    command = asyncio.create_task(desk.backend.judging.review(desk.session.state(URI), None, lambda said: None))
    await desk.asked(3)
    await desk.save()
    await asyncio.sleep(0)
    desk.model.gate.set()
    assert (await command)["confirmed"] == 2
    await desk.judged()
    assert (len(desk.model.asked), desk.standings()) == (3, JUDGED)


async def test_new_findings_of_a_save_are_budgeted_and_those_set_aside_take_no_place(desk, tmp_path, monkeypatch):
    made = [claim(quote=f"run{n}(a)", symbol="f", rule=f"rule{n}", confidence="high" if n else "low") for n in range(5)]
    text = "def f(a):\n" + "".join(f"    run{number}(a)\n" for number in range(5))
    many = ReviewingModel(lambda request, rendered: {"verdicts": [], "claims": made})
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    await desk.renew(many, review={"most_new": 2}, rules={"ignore": ["model/rule1", "model/rule2"]})
    desk.open("")
    await desk.edit(text)
    await desk.save()
    await desk.judged()
    assert [each.rule.id for each in desk.claims()] == ["model/rule3", "model/rule4"]
    aside = desk.session.state(URI).review.suppressed
    assert {each.rule.id: each.suppression.reason for each in aside} == {
        "model/rule1": "rules.ignore",
        "model/rule2": "rules.ignore",
    }
    assert "1 more held back" in desk.said[-1]
    for _ in range(20):
        count_claim("model/rule0", Confidence.LOW, accepted=True)
    await desk.edit(text.replace("def f(a):", "def f(a, b):"))
    await desk.save()
    await desk.judged()
    assert {each.rule.id for each in desk.claims()} == {"model/rule0", "model/rule3", "model/rule4"}


async def test_a_comment_sets_a_models_finding_aside_as_it_does_any_other(desk):
    await judged(desk)
    await desk.edit(SHOP.replace('owner, "a")\n', 'owner, "a")  # codetune: ignore[model/path-traversal] by design\n'))
    await desk.reviewed()
    assert "model/path-traversal:3" not in desk.standings()
    await desk.edit(SHOP.replace("    log", "    # codetune: ignore[model/path-traversal] by design\n    log"))
    await desk.reviewed()
    await desk.save()
    await desk.judged()
    assert desk.claims() == []
    (aside,) = desk.session.state(URI).review.suppressed
    assert (aside.rule.id, aside.suppression.reason) == ("model/path-traversal", "by design")


async def test_whatever_comes_between_no_finding_is_lost_and_no_verdict_stands_where_it_was_not_given(desk):
    """Random interleavings of edits, saves and answers, with a seed each."""
    verdicts = [await interleaved(desk, random.Random(seed), f"untitled:{seed}.py") for seed in range(25)]
    assert {0, 3} <= set(verdicts)


async def interleaved(desk, chance, uri):
    functions = [ORDERS, SECOND.strip("\n") + "\n", PLAIN.strip("\n") + "\n"]
    heads = [f"# {number}\n" for number in range(3)]
    desk.open("\n\n".join(functions), uri)
    await desk.reviewed(uri)
    desk.shown.clear()
    for step in range(12):
        desk.model.gate = asyncio.Event() if chance.random() < 0.5 else None
        match chance.choice(["above", "inside", "save", "save", "wait"]):
            case "above":
                heads.insert(chance.randrange(len(heads) + 1), f"# more {step}\n")
                await desk.edit("".join(heads) + "\n\n".join(functions), uri)
            case "inside":
                which = chance.randrange(3)
                functions[which] += f"    print({step})\n"
                await desk.edit("".join(heads) + "\n\n".join(functions), uri)
            case "save":
                await desk.save(uri)
            case "wait":
                await desk.reviewed(uri)
        for _ in range(chance.randrange(20)):
            await asyncio.sleep(0)
        if desk.model.gate and chance.random() < 0.7:
            desk.model.gate.set()
    desk.close(uri)
    await desk.judged(uri)
    return check(desk, uri)


def check(desk, uri):
    """Go through what was shown: detectors' findings never go, and what a model gave stays; return how much it gave."""
    given = 0
    for state in desk.shown:
        document, findings = state.subject.document, state.review.findings
        statics = [each for each in findings if each.detectors != ("model",)]
        assert sorted(each.rule.id for each in statics) == ["S608", "S608"], (uri, document.text)
        for finding in findings:
            line = document.lines[finding.range.start.line]
            assert ("open(" if finding.rule.id.startswith("model/") else "db.execute(") in line, (uri, document.text)
            for step in finding.verdict.evidence if finding.verdict else ():
                assert document.slice(step.range) in {'owner = request.args["owner"]', "owner"}
        verdicts = sum(each.verdict is not None for each in findings)
        assert verdicts >= given, (uri, document.text)
        given = verdicts
    return given


async def test_the_cells_of_a_notebook_are_judged_as_one_module(desk):
    uri, cells = "file:///shop.ipynb", {"cell:1": "x = 1\n", "cell:2": ORDERS}
    listed = [types.NotebookCell(types.NotebookCellKind.Code, cell) for cell in cells]
    texts = [types.TextDocumentItem(cell, "python", 1, text) for cell, text in cells.items()]
    opened = types.DidOpenNotebookDocumentParams(types.NotebookDocument(uri, "jupyter-notebook", 1, listed), texts)
    desk.session.notebooks.open(opened)
    synchronization.notebook_did_open(desk.backend, opened)
    saved = types.DidSaveNotebookDocumentParams(types.NotebookDocumentIdentifier(uri))
    await synchronization.notebook_did_save(desk.backend, saved)
    await desk.judged(uri)
    state = desk.session.current("cell:2")
    places = {each.rule.id: state.subject.locate(each.range) for each in state.review.findings}
    assert {rule: (cell.uri, place.start.line) for rule, (cell, place) in places.items()} == {
        "S608": ("cell:2", 2),
        "model/path-traversal": ("cell:2", 3),
    }
    closed = types.DidCloseNotebookDocumentParams(
        types.NotebookDocumentIdentifier(uri), [types.TextDocumentIdentifier(cell) for cell in cells]
    )
    desk.session.notebooks.close(closed)
    synchronization.notebook_did_close(desk.backend, closed)
