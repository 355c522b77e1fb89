"""The engine ``transformers`` with a real small model: torch computes in a process that the whole module shares."""

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest
from model_processes import LARGE, answer, hosts, runtime
from running import SQLITE, running
from small_models import TINY, load_plan

from codetune_core.domain.execution import ExecutionRequest, Message, ModelIdentity, Role, Task
from codetune_core.domain.prompt import Decoding, Variable, VariableType
from codetune_core.engines.protocol import Done, Generation, Infill
from codetune_core.engines.registry import build
from codetune_core.engines.transformers.engine import TransformersEngine
from codetune_core.engines.transformers.spawn import COMMAND
from codetune_core.engines.transformers.wire import Generate, Turn
from codetune_core.errors import ContextTooLong, EngineLost, EngineRefused, SettingsError
from codetune_core.sections import EngineSettings
from codetune_core.settings import Settings

PLAN = load_plan(TINY)
LONG = (Turn(role="user", content="x = 1\n" * 240),)


@pytest.fixture(scope="module")
def folder():
    """A runtime folder whose processes end with the module."""
    with asyncio.Runner() as runner:
        context = runtime()
        yield runner.run(context.__aenter__())
        runner.run(context.__aexit__(None, None, None))


@pytest.fixture
async def found(folder):
    async with hosts(COMMAND, folder=folder) as found:
        yield found


@pytest.fixture
def engine(found):
    return TransformersEngine(lambda *_: PLAN, found)


def generation(model: ModelIdentity, text: str = "Write a function.", **changes) -> Generation:
    return replace(Generation(model, (Message("user", text),), 0, 24, Decoding()), **changes)


async def stream(engine, asked):
    async with aclosing(engine.generate(asked)) as items:
        return [item async for item in items]


async def test_a_model_says_what_can_change_its_answers(engine):
    identity = await engine.model("tiny-code-model+terse", Role.REVIEW)
    assert identity == ModelIdentity("tiny-code-model", "transformers", 2048, "", "fp32", "terse", PLAN.source)


async def test_an_answer_is_streamed_token_by_token(engine):
    *chunks, done = await stream(engine, generation(await engine.model("")))
    assert isinstance(done, Done)
    assert len(chunks) > 4
    assert done.usage.completion_tokens == 24
    assert done.finish_reason == "length"


@pytest.mark.parametrize("infill", [None, Infill("x = '\ud83d", "\udd12'\n")])
async def test_half_a_character_which_an_editor_may_send_while_it_is_typed_is_no_failure(engine, infill):
    asked = generation(await engine.model(""), "x = '\ud83d'", infill=infill, decoding=Decoding(stop=("\udd12",)))
    assert isinstance((await stream(engine, asked))[-1], Done)


async def test_the_prompt_counts_as_many_tokens_as_were_counted_before_it_was_sent(engine):
    model = await engine.model("")
    asked = generation(model, "", messages=(), infill=Infill("def add(a, b):\n    return"))
    *_, done = await stream(engine, asked)
    counted = engine.count_tokens(model, asked.infill.prefix)
    assert counted <= done.usage.prompt_tokens <= counted + 8


@SQLITE
async def test_a_completion_reaches_a_model_that_fills_in_between_its_marks(engine, database):
    variables = tuple(Variable(name=name, type=VariableType.CODE) for name in ("before", "after"))
    prompt = {"variables": variables, "user_prompt_template": "{{ before }}{{ after }}", "max_tokens": 24}
    told = {"before": "def add(a, b):\n    return ", "after": "\n\nadd(1, 2)\n"}
    async with running(database, engine) as core:
        await core.add("complete", **prompt)
        events = await core.run(ExecutionRequest(Task.COMPLETE, "complete", told))
        [row] = await core.recorded()
    model = await engine.model("", Role.COMPLETION)
    asked = generation(model, messages=(), infill=Infill(told["before"], told["after"]))
    *chunks, done = await stream(engine, asked)
    assert events[-1].output == "".join(chunk.text for chunk in chunks)
    marks = 3
    counted = sum(engine.count_tokens(model, text) for text in told.values())
    assert row.prompt_tokens == done.usage.prompt_tokens
    assert abs(row.prompt_tokens - counted) <= marks + 2


async def test_what_is_asked_of_decoding_reaches_the_model(engine):
    model = await engine.model("")
    plain = await stream(engine, generation(model, logprobs=True))
    assert all(chunk.logprob <= 0 for chunk in plain[:-1])
    seeded = generation(model, temperature=1.5, decoding=Decoding(seed=3))
    first, again, other = [
        "".join(chunk.text for chunk in (await stream(engine, asked))[:-1])
        for asked in (seeded, seeded, replace(seeded, sample_index=1))
    ]
    assert first == again != other


async def test_a_prompt_that_does_not_fit_is_refused_with_its_length(engine):
    with pytest.raises(ContextTooLong, match="2,048"):
        await stream(engine, generation(await engine.model(""), "x = 1\n" * 2000))


async def test_a_model_that_is_loaded_is_listed(engine):
    ready = await engine.load("tiny-code-model")
    assert ready.weights_bytes == pytest.approx(9.6e6, rel=0.05)
    (status,) = await engine.loaded()
    assert (status.model, status.loaded, status.quantization) == ("tiny-code-model", True, "fp32")


async def test_who_asks_imports_no_torch(folder, found):
    await found.connect(PLAN)
    script = f"""
import asyncio, sys
sys.path.insert(0, {str(Path(__file__).parents[3] / "support")!r})
from pathlib import Path
from codetune_core.engines.registry import build
from codetune_core.engines.transformers.engine import TransformersEngine
from codetune_core.engines.transformers.hosts import Hosts
from codetune_core.models.load_plan import LoadPlan
from codetune_core.domain.prompt import Decoding
from codetune_core.engines.protocol import Generation
from codetune_core.domain.execution import Message

async def main():
    plan = LoadPlan.model_validate_json(sys.stdin.read())
    engine = TransformersEngine(lambda *_: plan, Hosts(Path({str(folder)!r}), lambda _: {LARGE}))
    model = await engine.model("")
    engine.count_tokens(model, "text")
    generation = Generation(model, (Message("user", "hello"),), 0, 5, Decoding())
    items = [item async for item in engine.generate(generation)]
    await engine.aclose()
    heavy = {{"torch", "transformers", "bitsandbytes", "peft", "sentence_transformers", "numpy"}}
    print(len(items) > 1, heavy & set(sys.modules))

asyncio.run(main())
"""
    command = [sys.executable, "-W", "error", "-c", script]
    process = await asyncio.to_thread(
        subprocess.run, command, input=PLAN.model_dump_json(), capture_output=True, text=True, check=False
    )
    assert (process.stdout.strip(), process.stderr) == ("True set()", "")


async def cancel_one(folder, found, number):
    """Cancel before the first token, in the middle, or by hanging up."""
    request = Generate(id=0, prefix=f"def f{number}():\n", max_tokens=512, temperature=1)
    if number % 10 == 0:
        async with hosts(COMMAND, folder=folder) as other, aclosing(other.generate(PLAN, request)) as items:
            await anext(items)
            await other.aclose()
        return
    items = found.generate(PLAN, request)
    if number % 3 == 0:
        waiting = asyncio.create_task(anext(items))
        for _ in range(number % 7):
            await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
    else:
        for _ in range(1 + number % 4):
            await anext(items, None)
    await items.aclose()


async def settled(found):
    """The status, once nothing runs or waits any more."""
    while True:
        (status,) = (await found.loaded()).values()
        if not (status.running or status.waiting or status.kv_tokens_held):
            return status


async def cancel_many(folder, found, count):
    for start in range(0, count, 50):
        await asyncio.gather(*(cancel_one(folder, found, number) for number in range(start, start + 50)))
    return await settled(found)


@pytest.mark.slow
async def test_a_thousand_cancellations_leave_nothing_behind(folder, found):
    before = await cancel_many(folder, found, 200)
    after = await cancel_many(folder, found, 800)
    assert after.rss_bytes < before.rss_bytes + 30e6
    assert after.kv_tokens_used <= after.kv_tokens
    text, _ = await answer(found, PLAN, Generate(id=0, prefix="def f():\n", max_tokens=8))
    assert text


async def the_status(engine, reached):
    """What the only process says, once it says what is waited for."""
    while True:
        for status in await engine.loaded():
            if reached(status):
                return status
        await asyncio.sleep(0.005)


def test_the_settings_say_which_engine_it_is(monkeypatch, folder):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    assert isinstance(build(Settings(engine=EngineSettings(name="transformers"))), TransformersEngine)


async def test_a_model_that_is_not_here_says_what_to_do(monkeypatch, folder):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    engine = build(Settings(engine=EngineSettings(name="transformers")))
    with pytest.raises(SettingsError, match="codetune models"):
        await engine.model("WhiteRabbitNeo-33B-v1", Role.REVIEW)


@pytest.mark.slow
async def test_a_model_killed_at_load_prefill_and_decode_loses_what_ran_and_is_loaded_again():
    async with hosts(COMMAND) as found:
        engine = TransformersEngine(lambda *_: PLAN, found)
        loading = asyncio.create_task(engine.load("tiny-code-model"))
        os.kill((await the_status(engine, lambda status: not status.loaded)).pid, signal.SIGKILL)
        with pytest.raises(EngineLost, match="killed by signal 9"):
            await loading

        await engine.load("tiny-code-model")
        prefill = asyncio.create_task(stream(engine, generation(await engine.model(""), "x = 1\n" * 300)))
        status = await the_status(engine, lambda status: status.running)
        assert status.generated_tokens == 0
        os.kill(status.pid, signal.SIGKILL)
        with pytest.raises(EngineLost, match="killed by signal 9"):
            await prefill

        async with aclosing(engine.generate(generation(await engine.model(""), max_tokens=1500))) as items:
            await anext(items)
            os.kill((await the_status(engine, lambda status: status.running)).pid, signal.SIGKILL)
            with pytest.raises(EngineLost, match="killed by signal 9"):
                async for _ in items:
                    pass


LIMITED = (
    "import resource, runpy; resource.setrlimit(resource.RLIMIT_AS, (4 * 10**8,) * 2);"
    f"runpy.run_module({COMMAND[-1]!r}, run_name='__main__', alter_sys=True)"
)


@pytest.mark.slow
async def test_memory_that_runs_out_while_torch_loads_is_said_in_words():
    async with hosts((sys.executable, "-P", "-c", LIMITED)) as found:
        with pytest.raises(EngineRefused, match="memory ran out while tiny-code-model was loaded"):
            await found.connect(PLAN)
