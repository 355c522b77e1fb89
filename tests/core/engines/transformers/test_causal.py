"""The causal runner gives each request what it would get alone, whoever else comes, goes, or is in its way."""

import random

import causal_running as running
import pytest
import torch
from causal_running import alone, answer, ask, finish

from codetune_core.domain.execution import ErrorKind, Priority
from codetune_core.engines.transformers.process.causal.cache import BLOCK
from codetune_core.engines.transformers.wire import Embed, Failed, Finished

PROMPTS = (
    "def add(a, b):\n",
    "import os\nimport sys\n\n\nclass Reader:\n    def __init__(self, path",
    "for i in range(",
    "x =",
    "# " + "a long comment about nothing " * 40 + "\ndef main():\n    ",
)


def held(runner) -> int:
    counts = runner.counts()
    assert counts.running == counts.waiting == 0
    return counts.kv_tokens_held


@pytest.mark.parametrize("prompt", PROMPTS)
def test_one_request_gets_what_generate_gives(prompt):
    found = answer(running.runner(), prompt, max_tokens=40)
    assert found.text == alone(prompt.rstrip(" "), 40)
    assert found.last.finish_reason == "length"
    assert found.last.completion_tokens == 40


def test_requests_of_different_length_run_in_one_batch_and_get_what_they_get_alone():
    runner = running.runner()
    asked = [
        ask(runner, prompt, max_tokens=tokens) for prompt, tokens in zip(PROMPTS, (40, 7, 25, 40, 12), strict=True)
    ]
    finish(runner)
    wanted = [alone(p.rstrip(" "), n) for p, n in zip(PROMPTS, (40, 7, 25, 40, 12), strict=True)]
    assert [each.text for each in asked] == wanted
    assert held(runner) == 0


def test_a_request_joins_a_batch_that_runs():
    runner = running.runner()
    first = ask(runner, PROMPTS[0], max_tokens=40)
    while not first.pieces:
        runner.step()
    second = ask(runner, PROMPTS[1], max_tokens=4)
    while second.last is None:
        runner.step()
    assert first.last is None, "the later and shorter one is done first"
    finish(runner)
    assert (first.text, second.text) == (alone(PROMPTS[0], 40), alone(PROMPTS[1], 4))


def test_warming_up_leaves_nothing_behind():
    runner = running.runner()
    runner.warm_up()
    assert runner.counts() == running.runner().counts()
    assert not runner.step()


def test_pieces_come_while_it_runs():
    runner = running.runner()
    asked = ask(runner, max_tokens=30)
    seen = []
    while runner.step():
        seen.append(len(asked.pieces))
    assert len(set(seen)) > 5


def test_a_long_prompt_does_not_stop_who_decodes():
    runner = running.runner()
    runner._scheduler.pace.tokens = lambda **_: 32
    runner._scheduler.decoded = 0
    first = ask(runner, PROMPTS[0], max_tokens=60)
    while not first.pieces:
        runner.step()
    second = ask(runner, PROMPTS[4], max_tokens=1)
    before, steps = len(first.pieces), 0
    while second.last is None:
        runner.step()
        steps += 1
    assert steps >= second.last.prompt_tokens // 32
    assert len(first.pieces) - before >= steps - 2
    assert second.text == alone(PROMPTS[4].rstrip(" "), 1)


class TestEnds:
    def test_an_end_token_ends_an_answer_and_is_not_told(self):
        wanted = running.tokenizer()(alone(PROMPTS[0], 20))["input_ids"]
        end = wanted[9]
        at = wanted.index(end)
        found = answer(running.runner(ends=(1, end)), PROMPTS[0], max_tokens=20)
        assert found.text == running.tokenizer().decode(wanted[:at])
        assert found.last.finish_reason == "stop"
        assert found.last.completion_tokens == at + 1

    def test_a_stop_cuts_exactly(self):
        whole = alone(PROMPTS[0], 40)
        stop = whole[17:21]
        found = answer(running.runner(), PROMPTS[0], max_tokens=40, stop=(stop,))
        assert found.text == whole[: whole.index(stop)]
        assert found.last.finish_reason == "stop"

    def test_stops_of_the_model_hold_too(self):
        whole = alone(PROMPTS[0], 40)
        found = answer(running.runner(spec_stops=(whole[20:24],)), PROMPTS[0], max_tokens=40)
        assert found.text == whole[: whole.index(whole[20:24])]

    def test_an_answer_ends_with_the_context(self):
        found = answer(running.runner(context_tokens=64), PROMPTS[0], max_tokens=1000)
        assert found.last.finish_reason == "length"
        assert found.last.prompt_tokens + found.last.completion_tokens == 64

    def test_blanks_at_the_end_of_code_are_not_told_twice(self):
        spaced, plain = (answer(running.runner(), "def f(x):\n    return" + end) for end in (" ", ""))
        assert plain.text.startswith(" ")
        assert spaced.text == plain.text[1:]


class TestRefused:
    @pytest.mark.parametrize(
        ("overrides", "word"), [({"context_tokens": 32}, "context"), ({"kv_tokens": 2 * BLOCK}, "memory")]
    )
    def test_a_prompt_that_never_fits_fails_in_words(self, overrides, word):
        found = ask(running.runner(**overrides), PROMPTS[4])
        assert found.last.kind is ErrorKind.CONTEXT_TOO_LONG
        assert "shorten" in found.last.message
        assert word in found.last.message

    def test_what_is_no_generation(self):
        runner = running.runner()
        found = ask(runner)
        found.job.request = Embed(id=7, texts=("a",))
        found.job.cancelled.set()
        runner.step()
        found.last = None
        runner.add(found.job)
        assert found.last.kind is ErrorKind.INVALID_INPUT

    def test_an_unknown_adapter(self):
        found = ask(running.runner(), adapter="none such")
        assert found.last.kind is ErrorKind.REFUSED

    def test_too_many_that_wait(self, monkeypatch):
        monkeypatch.setattr("codetune_core.engines.transformers.process.causal.runner._MOST_WAITING", 2)
        runner = running.runner()
        asked = [ask(runner) for _ in range(3)]
        assert asked[2].last.kind is ErrorKind.OVERLOADED
        finish(runner)
        assert all(isinstance(each.last, Finished) for each in asked[:2])


class TestPriority:
    def test_who_types_is_served_before_who_came_earlier(self):
        runner = running.runner(slots=1)
        order = []
        for priority in (Priority.BACKGROUND, Priority.EXPLICIT, Priority.TYPING):
            asked = ask(runner, priority=priority)
            asked.hear = lambda answer, asked=asked: (
                order.append(asked.job.request.priority) if isinstance(answer, Finished) else None
            )
        finish(runner)
        assert order == sorted(order)

    @pytest.mark.parametrize("scarce", [{"slots": 1}, {"kv_tokens": 4 * BLOCK}])
    def test_it_puts_background_work_aside_which_goes_on_later_as_if_nothing_had_been(self, scarce):
        runner = running.runner(**scarce)
        background = ask(runner, PROMPTS[0], max_tokens=150, priority=Priority.BACKGROUND)
        while not background.pieces:
            runner.step()
        typing = ask(runner, PROMPTS[2], max_tokens=100, priority=Priority.TYPING)
        while typing.last is None:
            runner.step()
        assert background.last is None
        finish(runner)
        assert (typing.text, background.text) == (alone(PROMPTS[2], 100), alone(PROMPTS[0], 150))
        assert background.last.cached_prompt_tokens == 0, "what it had read itself was not there before"

    def test_it_waits_for_those_of_its_own_priority(self):
        runner = running.runner(slots=1)
        first, second = ask(runner, max_tokens=30), ask(runner, PROMPTS[2], max_tokens=2)
        while first.last is None:
            assert second.last is None
            runner.step()
        finish(runner)

    def test_who_types_has_its_prompt_read_first(self):
        runner = running.runner()
        runner._scheduler.pace.tokens = lambda **_: 32
        background = ask(runner, PROMPTS[4], max_tokens=1, priority=Priority.BACKGROUND)
        runner.step()
        typing = ask(runner, PROMPTS[1], max_tokens=1, priority=Priority.TYPING)
        runner.step()
        assert typing.last is not None
        assert background.last is None
        finish(runner)


class TestMemory:
    def test_a_request_waits_until_its_prompt_and_answer_fit(self):
        runner = running.runner(kv_tokens=4 * BLOCK)
        first = ask(runner, max_tokens=3 * BLOCK)
        second = ask(runner, max_tokens=BLOCK)
        runner.step()
        assert (runner.counts().running, runner.counts().waiting) == (1, 1)
        finish(runner)
        assert isinstance(first.last, Finished)
        assert second.text == alone(PROMPTS[0], BLOCK)

    def test_no_more_run_than_there_are_slots(self):
        runner = running.runner(slots=2)
        for _ in range(5):
            ask(runner)
        most = 0
        while runner.step():
            most = max(most, runner.counts().running)
        assert most == 2

    @pytest.mark.parametrize(
        "error",
        [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("not enough memory: you tried to allocate 1")],
    )
    def test_out_of_memory_fails_one_request_and_the_others_go_on(self, error, monkeypatch):
        runner = running.runner()
        forward = runner._forward
        first = ask(runner, PROMPTS[0], max_tokens=20)
        runner.step()
        large = ask(runner, PROMPTS[4], max_tokens=20)
        small = ask(runner, PROMPTS[2], max_tokens=20)

        def short_of_memory(turns, interrupted):
            if any(turn.sequence.job is large.job for turn in turns):
                raise error
            return forward(turns, interrupted)

        monkeypatch.setattr(runner, "_forward", short_of_memory)
        finish(runner)
        assert large.last.kind is ErrorKind.OVERLOADED
        assert (first.text, small.text) == (alone(PROMPTS[0], 20), alone(PROMPTS[2], 20))
        assert held(runner) == 0

    def test_background_work_fails_first_where_memory_runs_out(self, monkeypatch):
        runner = running.runner()
        forward = runner._forward
        typing = ask(runner, PROMPTS[4], max_tokens=4, priority=Priority.TYPING)
        background = ask(runner, PROMPTS[2], max_tokens=4, priority=Priority.BACKGROUND)

        def short_of_memory(turns, interrupted):
            if len(turns) > 1:
                raise MemoryError
            return forward(turns, interrupted)

        monkeypatch.setattr(runner, "_forward", short_of_memory)
        finish(runner)
        assert isinstance(background.last, Failed)
        assert typing.text == alone(PROMPTS[4].rstrip(" "), 4)

    def test_another_error_is_not_hidden(self, monkeypatch):
        runner = running.runner()
        ask(runner)

        def broken(*_):
            raise RuntimeError("shapes do not match")

        monkeypatch.setattr(runner, "_forward", broken)
        with pytest.raises(RuntimeError, match="shapes"):
            runner.step()


class TestCancelled:
    def test_it_frees_its_slot_within_one_step(self):
        runner = running.runner(slots=1)
        first, second = ask(runner, max_tokens=100), ask(runner, PROMPTS[2])
        while not first.pieces:
            runner.step()
        first.job.cancelled.set()
        runner.step()
        assert first.last.kind is ErrorKind.CANCELLED
        assert second.pieces or runner._scheduler.running[0].job is second.job
        finish(runner)
        assert second.text == alone(PROMPTS[2], 16)

    def test_one_that_waits_is_told_too(self):
        runner = running.runner(slots=1)
        first, second = ask(runner), ask(runner)
        second.job.cancelled.set()
        runner.step()
        assert second.last.kind is ErrorKind.CANCELLED
        finish(runner)
        assert isinstance(first.last, Finished)

    def test_it_interrupts_the_reading_of_its_prompt_between_two_layers(self):
        runner = running.runner()
        asked = ask(runner, PROMPTS[4])
        layers = []
        modules = [layer.self_attn for layer in runner._loaded.model.model.layers]

        def cancel_at_the_second(module, *_):
            layers.append(module.layer_idx)
            if module.layer_idx == 1:
                asked.job.cancelled.set()

        hooks = [module.register_forward_pre_hook(cancel_at_the_second) for module in modules]
        try:
            runner.step()
        finally:
            for hook in hooks:
                hook.remove()
        assert layers == [0, 1], "the third layer was never entered"
        finish(runner)
        assert asked.last.kind is ErrorKind.CANCELLED
        assert held(runner) == 0

    def test_a_step_that_others_need_more_goes_on(self):
        runner = running.runner()
        short, long = ask(runner, PROMPTS[2], max_tokens=4), ask(runner, PROMPTS[1], max_tokens=4)
        hook = runner._loaded.model.model.layers[0].register_forward_pre_hook(lambda *_: short.job.cancelled.set())
        try:
            runner.step()
        finally:
            hook.remove()
        assert long.pieces or runner._scheduler.running[-1].computed
        finish(runner)
        assert short.last.kind is ErrorKind.CANCELLED
        assert long.text == alone(PROMPTS[1], 4)

    def test_a_thousand_leave_nothing(self):
        runner = running.runner(slots=8, kv_tokens=32 * BLOCK)
        chance = random.Random(4)
        asked = []
        for number in range(1000):
            asked.append(ask(runner, f"x{number} = ", max_tokens=20))
            chance.choice(asked[-8:]).job.cancelled.set()
            if number % 8 == 0:
                runner.step()
        for each in asked:
            each.job.cancelled.set()
        finish(runner)
        assert all(each.last is not None for each in asked)
        assert held(runner) == 0
        runner._blocks.forget()
        assert runner.counts().kv_tokens_used == 0


class TestReuse:
    def test_a_prompt_that_begins_as_an_earlier_one_is_read_from_there_on(self):
        runner = running.runner()
        first = answer(runner, PROMPTS[4])
        longer = PROMPTS[4] + "pass\n\n\ndef other():\n"
        found = answer(runner, longer, max_tokens=20)
        assert first.last.cached_prompt_tokens == 0
        assert first.last.prompt_tokens - 8 < found.last.cached_prompt_tokens < found.last.prompt_tokens
        assert found.text == alone(longer, 20)

    def test_an_answer_is_read_again_as_part_of_the_next_prompt(self):
        runner = running.runner()
        first = answer(runner, PROMPTS[1], max_tokens=60)
        found = answer(runner, PROMPTS[1] + first.text)
        assert found.last.cached_prompt_tokens > first.last.prompt_tokens + 30

    def test_the_same_prompt_again_is_computed_but_for_its_last_token(self):
        runner = running.runner()
        first, second = answer(runner, PROMPTS[4]), answer(runner, PROMPTS[4])
        assert second.last.cached_prompt_tokens == second.last.prompt_tokens - 1
        assert second.text == first.text

    def test_two_that_begin_alike_both_find_what_is_kept(self):
        runner = running.runner()
        answer(runner, PROMPTS[4])
        both = [ask(runner, PROMPTS[4] + more, max_tokens=20) for more in ("return", "yield")]
        finish(runner)
        assert all(each.last.cached_prompt_tokens > 200 for each in both)
        assert [each.text for each in both] == [alone(PROMPTS[4] + more, 20) for more in ("return", "yield")]

    def test_what_is_kept_is_counted_and_makes_room_for_who_needs_it(self):
        runner = running.runner(kv_tokens=4 * BLOCK)
        for number in range(6):
            answer(runner, f"# file number {number}\n" + PROMPTS[1], max_tokens=BLOCK)
        counts = runner.counts()
        assert counts.kv_tokens_held == 0
        assert 0 < counts.kv_tokens_used <= counts.kv_tokens == 4 * BLOCK
        found = answer(runner, PROMPTS[0], max_tokens=3 * BLOCK)
        assert found.text == alone(PROMPTS[0], 3 * BLOCK)

    def test_the_longest_unused_goes_first(self):
        runner = running.runner(kv_tokens=16 * BLOCK)
        prompts = [f"# number {number}\n" + PROMPTS[1] * 4 for number in range(3)]
        for prompt in (*prompts, prompts[0]):
            answer(runner, prompt, max_tokens=BLOCK)
        runner._blocks.extend(taken := [], (16 - 7) * BLOCK)
        runner._blocks.release(taken)
        assert answer(runner, prompts[0], max_tokens=1).last.cached_prompt_tokens > 50
        assert answer(runner, prompts[1], max_tokens=1).last.cached_prompt_tokens < 50


def test_a_mix_of_everything_gives_each_what_it_gets_alone():
    """Joins, leaves, cancellations, priorities, preemption and scarce memory, in any order."""
    for seed in range(3):
        chance = random.Random(seed)
        runner = running.runner(slots=chance.choice((2, 3, 6)), kv_tokens=chance.choice((14, 20, 40)) * BLOCK)
        asked = []
        for _ in range(20):
            priority = chance.choice(tuple(Priority))
            asked.append(ask(runner, chance.choice(PROMPTS), max_tokens=chance.choice((1, 9, 40)), priority=priority))
            for _ in range(chance.randrange(4)):
                runner.step()
            if chance.random() < 0.2:
                chance.choice(asked).job.cancelled.set()
        finish(runner)
        for each in asked:
            if isinstance(each.last, Finished):
                assert each.text == alone(each.job.request.prefix.rstrip(" "), each.job.request.max_tokens)
            else:
                assert each.last.kind is ErrorKind.CANCELLED
                assert alone(each.job.request.prefix.rstrip(" "), 40).startswith(each.text)
        assert held(runner) == 0
        runner._blocks.forget()
        assert runner.counts().kv_tokens_used == 0
        assert sorted(runner._blocks._free) == list(range(1, runner._blocks.total + 1))
