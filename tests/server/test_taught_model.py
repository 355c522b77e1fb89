"""A real small model behind it all: its process, adapters taught on the spot, answers held to their schema."""

import asyncio
import itertools
import shutil
from contextlib import aclosing

import daemons
import pytest
import small_models
import taught_lessons
import taught_model
from driven_editors import drive
from taught_lessons import FIX, FLAWED, NOTES, REVIEW, SAFE, SHOP, Lesson

from codetune_core.bootstrap.core import open_core
from codetune_core.daemon.executor import DaemonExecutor
from codetune_core.daemon.own import own_settings
from codetune_core.detectors.protocol import Pace
from codetune_core.domain.document import Document
from codetune_core.domain.finding import Finding
from codetune_core.domain.prompt import PromptDraft, Variable, VariableType, Wording
from codetune_core.engines.transformers.engine import TransformersEngine
from codetune_core.execution.events import Finished
from codetune_core.fixes.ladder.request import Request
from codetune_core.fixes.ladder.result import Climbed
from codetune_core.model_reviewer.recipe import ModelReviewer
from codetune_core.settings import Settings
from codetune_core.workers.messages import ClimbTask, ReviewTask, Wanted
from codetune_core.workers.pool import Pool
from codetune_server.mending.question import proposal, question

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
MENDED = (SHOP + NOTES).replace(FLAWED, SAFE)
CANCELLED = -32800
URI = "untitled:a.py"
MANY = 60
MANY_FUNCTIONS = "import yaml\n" + "".join(
    f"\n\ndef read_{number}(stream):\n    return yaml.load(stream.part_{number}())\n" for number in range(MANY)
)
TALK = Wording(
    user_prompt_template="{{ code }}",
    variables=(Variable(name="code", type=VariableType.CODE),),
    temperature=0,
    max_tokens=1500,
)
"""Without a schema the model, which was taught no end, talks until it may say no more."""


def document(text: str) -> Document:
    return Document("file:///shop/shop.py", text, "python", 1)


async def detected(pool: Pool, about: Document) -> tuple[Finding, ...]:
    """What the detectors report."""
    task = ReviewTask(about, "shop.py", Pace.SAVE, Settings(), with_fixes=False)
    return [review async for review in pool.review(task)][-1].findings


async def lessons() -> tuple[list[Lesson], list[Lesson]]:
    """What the product asks about all texts, with the answers: to judge, and to mend."""
    pool, judging, mending = Pool(), [], []
    for text in (SHOP + NOTES, SHOP.replace(FLAWED, SAFE)):
        about = document(text)
        findings = await detected(pool, about)
        judging += taught_lessons.judging(about, findings)
        mending += taught_lessons.mending(about, findings)
    await pool.aclose()
    return list({each.text: each for each in judging}.values()), mending


@pytest.fixture(scope="module")
def adapters(tmp_path_factory):
    """Folders of adapters by name; each knows its lessons by heart."""
    folder = tmp_path_factory.mktemp("adapters")
    taught = dict(zip(("judge", "mender"), asyncio.run(lessons()), strict=True))
    return {name: taught_model.teach(folder / name, given) for name, given in taught.items()}


@pytest.fixture(scope="module")
def student(sqlite_starters, adapters, tmp_path_factory):
    """A user of the small model, with an adapter for each role and wordings that it can read, deployed."""
    database = tmp_path_factory.mktemp("taught") / "codetune.db"
    shutil.copy(sqlite_starters, database)
    with pytest.MonkeyPatch.context() as patch, daemons.user(f"sqlite:///{database}", patch) as user:
        roles = {"review": f"{small_models.TINY}+judge", "generation": f"{small_models.TINY}+mender"}
        user.configure(
            engine={"name": "transformers"},
            models={**roles, "completion": str(small_models.TINY), "quantization": "fp32"},
            cache={"enabled": False},
            **{"models.adapters": {name: str(folder) for name, folder in adapters.items()}},
        )
        asyncio.run(deploy())
        yield user


async def deploy() -> None:
    async with open_core(own_settings().settings) as core:
        for prompt in (REVIEW, FIX):
            version = await core.prompts.edit(prompt, taught_lessons.wording(prompt), by="ann")
            await core.prompts.deploy(prompt, version.number, by="ann")
        await core.prompts.create(PromptDraft(name="talk"), TALK, by="ann")


@pytest.fixture
async def executor(student):
    daemon = DaemonExecutor()
    yield daemon
    await daemon.aclose()


@pytest.fixture
async def pool():
    workers = Pool()
    yield workers
    await workers.aclose()


async def mended(pool: Pool, executor: DaemonExecutor, about: Document, finding: Finding) -> Climbed:
    """What becomes of the model's fix on the ladder, in a worker."""

    async def supply(wanted: Wanted):
        async with aclosing(executor.execute(question(about, finding, None, wanted))) as events:
            last = [event async for event in events][-1]
        assert isinstance(last, Finished), last
        return proposal(last.output)

    task = ClimbTask(Request(about, (), finding), Settings())
    return [part async for part in pool.climb(task, supply)][-1]


async def test_the_model_judges_what_detectors_report_and_its_fix_climbs_the_ladder(executor, pool):
    about = document(SHOP + NOTES)
    findings = await detected(pool, about)
    reading = await pool.read(about)
    async with aclosing(ModelReviewer(executor, pool.anchor).review(reading, findings)) as reviews:
        last = [review async for review in reviews][-1]
    assert (last.failures, last.dropped) == ((), {})
    said = {each.symbol: (each.verdict, each.range) for each in last.findings}
    decides = {symbol: verdict.evidence[0].range if verdict.evidence else at for symbol, (verdict, at) in said.items()}
    assert {symbol: (said[symbol][0].standing, about.slice(decides[symbol])) for symbol in said} == {
        "find": ("confirmed", "WHERE name = '{name}'"),
        "version": ("doubtful", '"git describe"'),
        "notes": ("new", 'open("/srv/notes/" + name)'),
    }

    confirmed = next(finding for finding in findings if finding.symbol == "find")
    best = (await mended(pool, executor, about, confirmed)).best
    assert best
    assert best.is_preferred
    assert best.describe() == "verified: parses, names, rescan"
    assert about.edited(best.edits).text == MENDED


@pytest.mark.editor
@pytest.mark.parametrize(("editor", "script"), [("nvim", "model.lua"), ("emacs", "model.el")])
def test_editors_show_its_verdicts_in_place_and_apply_its_fix(student, tmp_path, editor, script):
    path = tmp_path / "shop.py"
    path.write_text(SHOP)
    line = str(SHOP[: SHOP.index(FLAWED)].count("\n"))
    seen = drive(editor, script, path, CODETUNE_TYPED=NOTES.removesuffix("\n"), CODETUNE_LINE=line)
    assert [str(finding).rpartition("(")[2].rstrip("']") for finding in seen["judged"]] == [
        "confirmed by tiny-code-model: The name becomes SQL.)",
        "doubted by tiny-code-model: The command is a constant.)",
        "found by tiny-code-model)",
    ]
    assert seen["verified"] == "verified: parses, names, rescan"
    assert seen["file"] == MENDED


@pytest.fixture
def client(student, raw_client):
    """An editor that is given a server of its own."""
    with raw_client.RawClient(raw_client.SERVER) as started:
        edits = {"applyEdit": True, "workspaceEdit": {"documentChanges": True}}
        documents = {"inlineCompletion": {"dynamicRegistration": False}}
        started.initialize(
            capabilities={"workspace": edits, "textDocument": documents, "window": {"workDoneProgress": True}}
        )
        yield started


def running() -> list[int]:
    """How many requests each model process works for."""

    async def ask():
        settings = own_settings().settings
        engine = TransformersEngine.from_settings(settings.engine, settings)
        try:
            return await engine.loaded()
        finally:
            await engine.aclose()

    return [status.running for status in asyncio.run(ask())]


def tokens_of(seen) -> int:
    """How many tokens a progress says there are; 0 for another message."""
    params = seen["params"] if seen.get("method") == "$/progress" else {}
    count = (params.get("value", {}).get("message") or "").removesuffix(" tokens")
    return int(count) if params.get("token") == "c" and count.isdecimal() else 0


def cancel(client, command) -> None:
    """Cancel a command, and wait until the model's process has stopped working for it."""
    client.notify("window/workDoneProgress/cancel", {"token": "c"})
    assert client.answer(command)["error"]["code"] == CANCELLED
    daemons.wait_until(lambda: running() == [0], "the model goes on")


def test_cancelling_in_the_middle_of_an_answer_stops_the_model(client, student):
    def kinds():
        return [kind for kind, *_ in student.recorded()[before:]]

    before = len(student.recorded())
    asked = {"prompt": "talk", "variables": {"code": "def f(a):"}}
    command = client.start_command("codetune.runPrompt", asked, workDoneToken="c")
    client.wait_for(tokens_of, 120)
    cancel(client, command)
    daemons.wait_until(lambda: kinds() == ["cancelled"], "not recorded as cancelled")


def test_cancelling_a_review_stops_the_model_and_asks_no_more(client, student):
    def kinds():
        return [kind for kind, *_ in student.recorded()[before:]]

    before = len(student.recorded())
    client.open(URI, MANY_FUNCTIONS)
    command = client.start_command("codetune.reviewWithModel", URI, workDoneToken="c")
    daemons.wait_until(lambda: any(running()), "the model is not asked")
    cancel(client, command)
    daemons.wait_until(lambda: "cancelled" in kinds(), "all that was asked was answered")
    assert len(kinds()) < MANY


def test_it_completes_what_is_typed_and_what_follows_its_proposal_needs_no_call(client, student):
    def typed(text):
        client.change(URI, next(versions), {"text": f"{text}\n        self.y = y\n"})
        return text

    def proposed(text):
        last = text.split("\n")[-1]
        place = {"line": text.count("\n"), "character": len(last)}
        asked = {"textDocument": {"uri": URI}, "position": place, "context": {"triggerKind": 1}}
        answer = client.answer(client.request("textDocument/inlineCompletion", asked), 60)
        assert "result" in answer, answer
        found = answer["result"]
        return found[0]["insertText"] if found else ""

    versions = itertools.count(2)
    client.open(URI, "")
    start = typed("class Point:\n    def __init__(self, x, y):\n        self.x")
    daemons.wait_until(lambda: proposed(start), "nothing is proposed")
    before = len(student.recorded())
    text = proposed(start)
    assert proposed(typed(start + text[:3])) == text[3:]
    assert len(student.recorded()) == before
