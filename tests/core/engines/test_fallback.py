"""A chain of engines: who answers, and when the next one is asked."""

import asyncio
from contextlib import aclosing
from dataclasses import asdict, replace

import pytest

from codetune_core.domain.execution import ErrorKind, Message, ModelIdentity, Role
from codetune_core.domain.prompt import Decoding
from codetune_core.engines.fallback.breaker import Breaker, Limits, State
from codetune_core.engines.fallback.chain import Link
from codetune_core.engines.fallback.engine import Clock, FallbackEngine
from codetune_core.engines.fallback.retry import Retry
from codetune_core.engines.fallback.unnamed import unnamed
from codetune_core.engines.protocol import Chunk, Done, Generation, Infill
from codetune_core.engines.registry import NoEngine, build
from codetune_core.engines.scripted import Fault, Reply, Script, ScriptedEngine
from codetune_core.engines.stream import stream
from codetune_core.errors import (
    ContextTooLong,
    EngineLost,
    EngineOverloaded,
    EngineRefused,
    EngineTimeout,
    EngineUnusable,
    InvalidInput,
    SettingsError,
)
from codetune_core.sections import EngineSettings
from codetune_core.settings import Settings

ONCE = Retry(attempts=1)


class Time:
    """A clock that goes on only where somebody waits, or where a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)

    def breaker(self, **limits) -> Breaker:
        return Breaker(Limits(**limits), lambda: self.now, lambda: 1.0)

    @property
    def clock(self) -> Clock:
        return Clock(lambda: self.now, self.sleep, lambda: 1.0)


def model(name: str, context: int = 1000) -> ModelIdentity:
    return ModelIdentity(name, "scripted", context)


def scripted(name: str, *faults: str | Exception | None, context: int = 1000, **reply) -> "Faulty":
    return Faulty(name, list(faults), context, reply)


class Faulty(ScriptedEngine):
    """Fails in the given ways, one for each request, the last of them for ever; None answers."""

    def __init__(self, name: str, faults: list, context: int, reply: dict) -> None:
        reply = {"answers": (f"from {name}",), **reply}
        super().__init__(Script(models=(model(name, context),), default=Reply(**reply)))
        self._faults = faults

    async def generate(self, generation):
        fault = None
        if self._faults:
            fault = self._faults[min(self.started, len(self._faults) - 1)]
        if isinstance(fault, Exception):
            self.started += 1
            raise fault
        if fault:
            self._script = self._script.model_copy(
                update={"default": self._script.default.model_copy(update={"fault": Fault(kind=fault)})}
            )
        async with aclosing(super().generate(generation)) as items:
            async for item in items:
                yield item


def chain(*engines, time=None, seconds=600, retry=ONCE, settings=None, **limits) -> FallbackEngine:
    time = time or Time()
    names = "abcdef"
    built = tuple(
        Link(names[index], engine, settings or EngineSettings(), time.breaker(**limits))
        for index, engine in enumerate(engines)
    )
    return FallbackEngine(built, seconds, retry, time.clock)


def test_all_that_may_answer_are_known_from_the_settings_and_those_of_chains_within():
    inner = chain(scripted("x"), settings=EngineSettings(name="openai", model="paid"))
    both = FallbackEngine((Link("a", scripted("a"), EngineSettings(model="own")), Link("b", inner)), 600)
    found = both.may_answer(unnamed(model("a"), Role.REVIEW))
    assert found[0] == model("a")
    assert {"own", "paid"} <= {each.name for each in found}
    assert {each.name for each in both.may_answer(model("named"))} == {"named"}


async def ask(engine: FallbackEngine, name: str = "", infill=None) -> tuple[str, Done]:
    """The answer's text and its end."""
    identity = await engine.model(name)
    asked = Generation(identity, (Message("user", "hello"),), 0, 100, Decoding(), infill=infill)
    text, done = "", None
    async for item in engine.generate(asked):
        if isinstance(item, Chunk):
            text += item.text
        else:
            done = item
    return text, done


async def test_the_first_engine_answers_and_nobody_else_is_asked():
    first, second = scripted("one"), scripted("two")
    text, done = await ask(chain(first, second))
    assert (text, done.model, done.reason) == ("from one", model("one"), "")
    assert second.started == 0


@pytest.mark.parametrize(
    "fault",
    [
        ErrorKind.OVERLOADED,
        ErrorKind.ENGINE_LOST,
        ErrorKind.TIMEOUT,
        ErrorKind.INTERNAL,
        EngineUnusable("its credits are used up"),
        SettingsError("no key"),
    ],
)
async def test_a_failure_of_the_engine_goes_on_to_the_next_which_says_so(fault):
    text, done = await ask(chain(scripted("one", fault), scripted("two")))
    assert (text, done.model) == ("from two", model("two"))
    assert done.reason.startswith("b answered: a: ")
    assert str(fault) in done.reason or "the script says so" in done.reason


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (ErrorKind.REFUSED, EngineRefused),
        (ErrorKind.INVALID_INPUT, InvalidInput),
        (ErrorKind.CANCELLED, None),
        (ErrorKind.BUDGET_SPENT, None),
        (ErrorKind.INVALID_OUTPUT, None),
    ],
)
async def test_a_failure_of_the_question_is_the_answer(fault, error):
    second = scripted("two")
    engine = chain(scripted("one", fault), second, consecutive=1)
    with pytest.raises(error or Exception, match="the script says so"):
        await ask(engine)
    assert second.started == 0
    assert engine.states()[0].state is State.CLOSED


async def test_a_context_too_short_goes_on_to_a_longer_one_only():
    small, same, large = scripted("s", ErrorKind.CONTEXT_TOO_LONG), scripted("t"), scripted("l", context=5000)
    text, done = await ask(chain(small, same, large))
    assert text == "from l"
    assert same.started == 0
    assert "b: its context of 1000 tokens is too short as well" in done.reason


async def test_a_context_too_short_everywhere_is_said_so():
    with pytest.raises(ContextTooLong, match="no engine of the chain answered"):
        await ask(chain(scripted("s", ErrorKind.CONTEXT_TOO_LONG), scripted("t")))


async def test_what_may_pass_is_tried_again_after_a_drawn_pause():
    time = Time()
    engine = scripted("one", ErrorKind.ENGINE_LOST, EngineOverloaded("busy", 2.0), None)
    engine._faults[0] = EngineLost("gone")
    text, _ = await ask(chain(engine, time=time, retry=Retry(3, 0.5, 5)))
    assert text == "from one"
    assert time.slept == [0.5, 2.0 + 1.0]


@pytest.mark.parametrize("fault", [EngineOverloaded("busy", 60.0), EngineTimeout("slow"), EngineUnusable("no key")])
async def test_what_does_not_pass_soon_is_not_tried_again(fault):
    time, first = Time(), scripted("one", fault)
    await ask(chain(first, scripted("two"), time=time, retry=Retry()))
    assert (first.started, time.slept) == (1, [])


async def test_an_engine_that_keeps_failing_is_set_aside_and_tried_again_later():
    time, first, second = Time(), scripted("one", *[EngineLost("gone")] * 3, None), scripted("two")
    engine = chain(first, second, time=time, consecutive=3, first_delay=10)
    for _ in range(5):
        assert (await ask(engine))[0] == "from two"
    assert first.started == 3
    assert [state.state for state in engine.states()] == [State.OPEN, State.CLOSED]
    assert engine.states()[0].last_error == "gone"
    time.now += 10
    assert (await ask(engine))[0] == "from one"
    assert engine.states()[0].state is State.CLOSED


async def test_while_one_request_tries_an_engine_the_others_go_past_it():
    time, first, second = Time(), scripted("one"), scripted("two")
    engine = chain(first, second, time=time, consecutive=1, first_delay=10)
    first._faults = [EngineLost("gone")]
    await ask(engine)
    time.now += 10
    first._faults, held = [], asyncio.Event()
    began = asyncio.Event()

    async def gate(_):
        began.set()
        await held.wait()

    first.gate = gate
    probing = asyncio.create_task(ask(engine))
    await began.wait()
    others = await asyncio.gather(*(ask(engine) for _ in range(99)))
    assert {text for text, _ in others} == {"from two"}
    assert first.started == 2
    held.set()
    assert (await probing)[0] == "from one"


async def test_a_hundred_at_a_dead_engine_open_it_once():
    time, first = Time(), scripted("one", EngineLost("gone"))
    engine = chain(first, scripted("two"), time=time, first_delay=10)
    answers = await asyncio.gather(*(ask(engine) for _ in range(100)))
    assert {text for text, _ in answers} == {"from two"}
    assert engine.states()[0].seconds_open == 10


async def test_a_cancelled_trial_lets_the_next_one_through():
    time, first = Time(), scripted("one", EngineLost("gone"))
    engine = chain(first, scripted("two"), time=time, consecutive=1, first_delay=10)
    await ask(engine)
    time.now += 10
    first._faults, began = [], asyncio.Event()

    async def gate(_):
        began.set()
        await asyncio.Event().wait()

    first.gate = gate
    probing = asyncio.create_task(ask(engine))
    await began.wait()
    probing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await probing
    assert first.cancelled == 1
    first.gate = None
    assert (await ask(engine))[0] == "from one"


async def test_closing_the_stream_stops_the_engine():
    first = scripted("one", answers=("a b c",))
    engine = chain(first)
    asked = Generation(await engine.model(""), (), 0, 100, Decoding())
    async with aclosing(engine.generate(asked)) as items:
        await anext(items)
    assert first.cancelled == 1


async def test_after_the_first_piece_nobody_else_goes_on():
    first = ScriptedEngine(
        Script(default=Reply(answers=("half an answer",), fault=Fault(kind=ErrorKind.ENGINE_LOST, after_tokens=2)))
    )
    second, pieces = scripted("two"), []
    engine = chain(first, second, consecutive=1)
    asked = Generation(await engine.model(""), (), 0, 100, Decoding())
    with pytest.raises(EngineLost, match="the script says so"):
        await stream(engine, asked, 60, pieces.append)
    assert ("".join(pieces), second.started) == ("half an", 0)
    assert engine.states()[0].state is State.OPEN


async def test_a_stream_without_an_end_is_a_failure():
    class Silent(ScriptedEngine):
        async def generate(self, generation):
            return
            yield

    text, done = await ask(chain(Silent(Script()), scripted("two")))
    assert text == "from two"
    assert "hung up" in done.reason


async def test_an_engine_that_says_nothing_leaves_time_for_the_others():
    hanging = scripted("one")
    hanging.gate = lambda _: asyncio.Event().wait()
    text, done = await ask(chain(hanging, scripted("two"), seconds=0.2))
    assert text == "from two"
    assert "a: it did not answer in time" in done.reason


async def test_the_deadline_holds_over_all():
    time = Time()
    first, second = scripted("one", EngineLost("gone")), scripted("two")
    slow = Faulty("slow", [EngineLost("gone")], 1000, {})

    async def takes_long(name, role=Role.GENERATION):
        time.now += 700
        return model("slow")

    slow.model = takes_long
    engine = chain(first, slow, second, time=time, seconds=600)
    asked = Generation(unnamed(model("x"), Role.REVIEW), (), 0, 100, Decoding())
    with pytest.raises(EngineTimeout, match=r"within 600 seconds .*a: gone; b: gone"):
        await anext(engine.generate(asked))
    assert second.started == 0


async def test_an_engine_that_hangs_while_it_says_what_it_runs_is_passed_over():
    first = scripted("one")

    async def hangs(name, role=Role.GENERATION):
        await asyncio.Event().wait()

    first.model = hangs
    text, _ = await ask(chain(first, scripted("two"), seconds=0.2))
    assert text == "from two"


async def test_when_nobody_answers_all_reasons_are_said_and_when_to_try_again():
    engine = chain(scripted("one", EngineOverloaded("busy", 30.0)), scripted("two", EngineLost("gone")), NoEngine())
    with pytest.raises(EngineOverloaded, match=r"a: busy; b: gone; c: no engine is set") as caught:
        await ask(engine)
    assert caught.value.retry_after == 30


async def test_when_all_are_set_aside_the_error_says_for_how_long():
    engine = chain(scripted("one", EngineLost("gone")), consecutive=1, first_delay=40)
    with pytest.raises(EngineLost):
        await ask(engine)
    with pytest.raises(EngineOverloaded, match="left alone for 40 more seconds, because: gone") as caught:
        await ask(engine)
    assert caught.value.retry_after == 40


async def test_a_chain_of_missing_keys_is_unusable():
    with pytest.raises(EngineUnusable, match="a: no engine is set"):
        await ask(chain(NoEngine()))


async def test_a_model_asked_for_by_name_is_not_replaced():
    first, second = scripted("one", EngineLost("gone")), scripted("two")
    with pytest.raises(EngineLost, match="gone; b: the script has no model 'one'"):
        await ask(chain(first, second), "one")
    assert second.started == 0
    assert (await ask(chain(first, second), "two"))[0] == "from two"


async def test_a_model_that_is_an_engines_own_is_not_replaced_either_where_it_was_named():
    first, second = scripted("one", EngineLost("gone")), scripted("two")
    engine = chain(first, second)
    assert await engine.model("") == model("one") == await engine.model("one")
    assert (await ask(engine))[0] == "from two"
    with pytest.raises(EngineLost):
        await ask(engine, "one")
    assert second.started == 1


async def test_a_model_that_is_named_is_asked_of_who_has_it_only():
    paid, free = scripted("paid"), scripted("free")
    engine = chain(paid, free)
    assert (await ask(engine, "free"))[0] == "from free"
    assert paid.started == 0


@pytest.mark.parametrize(("name", "infill"), [("one", None), ("", Infill("x = "))])
async def test_an_engine_that_lacks_what_is_asked_for_is_not_ill(name, infill):
    engine = chain(scripted("one", EngineUnusable("it offers chat only")), scripted("one"), consecutive=1)
    for _ in range(3):
        assert (await ask(engine, name, infill))[0] == "from one"
    assert engine.states()[0].state is State.CLOSED


async def test_an_identity_that_nobody_named_is_recorded_as_any_other():
    marked = await chain(scripted("one")).model("", Role.REVIEW)
    assert (marked, {marked}, repr(asdict(marked))) == (model("one"), {model("one")}, repr(asdict(model("one"))))
    assert marked != model("two")
    assert marked != "one"
    assert replace(marked, name="two") == model("two")


async def test_each_engine_is_asked_for_its_model_of_the_role():
    asked = []

    class Roles(ScriptedEngine):
        async def model(self, name, role=Role.GENERATION):
            asked.append(role)
            return await super().model(name, role)

    second = Roles(Script(default=Reply(answers=("hi",))))
    engine = chain(scripted("one", EngineLost("gone")), second)
    await stream(engine, Generation(await engine.model("", Role.REVIEW), (), 0, 9, Decoding()), 60, lambda _: None)
    assert asked == [Role.REVIEW]


async def test_without_a_name_each_engine_uses_the_model_of_its_settings():
    first = scripted("one", EngineLost("gone"))
    second = ScriptedEngine(Script(models=(model("x"), model("y")), default=Reply(answers=("hi",))))
    time = Time()
    links = (
        Link("a", first, EngineSettings(), time.breaker()),
        Link("b", second, EngineSettings(model="y"), time.breaker()),
    )
    _, done = await ask(FallbackEngine(links, 600, ONCE, time.clock))
    assert done.model == model("y")


async def test_a_completion_is_passed_on_as_one():
    second = scripted("two")
    await ask(chain(scripted("one", EngineLost("gone")), second), infill=Infill("def f(", ")"))
    assert second.asked[0].infill == Infill("def f(", ")")


async def test_lengths_are_those_of_the_engine_that_counts_most():
    first, second = scripted("one", EngineLost("gone")), scripted("two")
    second.count_tokens = lambda model, text: 1000 if model.name == "two" else 0
    engine = chain(first, second)
    assert engine.count_tokens(model("one"), "hello") == 3
    await ask(engine)
    assert engine.count_tokens(model("one"), "hello") == 1000


async def test_closing_a_chain_closes_its_engines():
    closed = []

    class Closing(ScriptedEngine):
        async def aclose(self):
            closed.append(self)

    engines = [Closing(Script()), Closing(Script())]
    await chain(*engines).aclose()
    assert closed == engines


def settings(chain=(), **engines) -> Settings:
    sections = {name: EngineSettings(**written) for name, written in engines.items()}
    return Settings(engine=EngineSettings(name="fallback", chain=chain), engines=sections)


def test_a_chain_is_built_from_names_of_engines_and_of_sections(tmp_path):
    script = tmp_path / "script.yaml"
    script.write_text("default: {answers: [hi]}\n")
    written = settings(("mine", "none"), mine={"name": "scripted", "script": script})
    engine = build(written)
    assert [state.name for state in engine.states()] == ["mine", "none"]


@pytest.mark.parametrize(
    ("written", "told"),
    [
        (settings(), "engine.chain"),
        (settings(("none", "none")), "twice"),
        (settings(("nobody",)), "there is no engine 'nobody'"),
        (settings(("fallback",)), "contains itself: fallback"),
        (settings(("a",), a={"name": "fallback", "chain": ("none", "a")}), "contains itself: a -> a"),
        (
            settings(("a",), a={"name": "fallback", "chain": ("b",)}, b={"name": "fallback", "chain": ("a",)}),
            "contains itself: a -> b -> a",
        ),
        (settings(("a",), a={"name": "b"}, b={"name": "a"}), "contains itself: a -> b -> a"),
        (settings(("a",), a={"name": "fallback", "chain": ("fallback",)}), "contains itself: a -> fallback"),
    ],
)
def test_a_chain_that_cannot_be_built_says_why(written, told):
    with pytest.raises(SettingsError, match=told):
        build(written)


async def test_a_chain_may_be_part_of_a_chain(tmp_path):
    script = tmp_path / "script.yaml"
    script.write_text("default: {answers: [hi]}\n")
    written = settings(
        ("none", "inner"), inner={"name": "fallback", "chain": ("s",)}, s={"name": "scripted", "script": script}
    )
    text, done = await ask(build(written))
    assert text == "hi"
    assert done.reason.startswith("inner answered: none: no engine is set")
