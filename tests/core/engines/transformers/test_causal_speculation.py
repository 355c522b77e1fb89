"""Prompt lookup changes how soon an answer is there, and never what it is; it is left off where it gains nothing."""

import itertools
import json
import random

import causal_running as running
import pytest
from causal_running import alone, answer, ask, finish

from codetune_core.domain.execution import Priority
from codetune_core.engines.transformers.process.causal.speculation import Drafter

LOOPING = "def add(a, b):\n"
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "names": {"type": "array", "minItems": 6, "maxItems": 6, "items": {"enum": ["reader", "writer"]}},
        "safe": {"type": "boolean"},
    },
    "required": ["names", "safe"],
}


def without_drafts(**overrides):
    runner = running.runner(**overrides)
    runner._scheduler.decoded = 0
    return runner


class TestDrafter:
    def test_it_drafts_what_followed_before(self):
        assert Drafter().propose([1, 2, 3, 4, 5, 9, 1, 2, 3], most=3) == [4, 5, 9]

    def test_it_goes_on_with_a_repetition(self):
        assert Drafter().propose([7, 8, 7, 8, 7, 8], most=4) == [7, 8, 7, 8]

    def test_it_prefers_the_longer_and_then_the_newer_context(self):
        assert Drafter().propose([1, 2, 3, 10, 5, 2, 3, 11, 1, 2, 3], most=1) == [10]
        assert Drafter().propose([1, 2, 3, 10, 1, 2, 3, 11, 1, 2, 3], most=1) == [11]

    @pytest.mark.parametrize("tokens", [[], [1], [1, 2], [1, 2, 3, 4]])
    def test_it_drafts_nothing_where_nothing_is_known(self, tokens):
        assert Drafter().propose(tokens, most=5) == []

    def test_it_goes_on_behind_a_token_that_was_replaced(self):
        drafter, tokens = Drafter(), [1, 2, 3, 4, 5, 6, 7, 1, 2, 3]
        assert drafter.propose(tokens, most=4) == [4, 5, 6, 7]
        drafter.learn(4, 1)
        assert drafter.propose([*tokens, 4, 99], most=2) == [6, 7]

    def test_it_sees_tokens_that_came_in_between(self):
        drafter, tokens = Drafter(), [1, 2, 3, 4]
        assert drafter.propose(tokens, most=5) == []
        tokens += [5, 6, 2, 3]
        assert drafter.propose(tokens, most=2) == [4, 5]

    def test_drafts_that_prove_right_get_longer(self):
        drafter, tokens, widths = Drafter(), [1, 2] * 50, []
        for _ in range(5):
            widths.append(len(drafter.propose(tokens, most=100)))
            drafter.learn(widths[-1], widths[-1])
        assert widths == sorted(widths)
        assert widths[-1] == 3 * widths[0]

    def test_drafts_that_prove_wrong_are_left_off_for_longer_each_time(self):
        drafter, tokens = Drafter(), [1, 2] * 50
        tried = []
        for number in range(100):
            if drafter.propose(tokens, most=4):
                tried.append(number)
                drafter.learn(4, 0)
        gaps = [later - earlier for earlier, later in itertools.pairwise(tried)]
        assert gaps == sorted(gaps)
        assert len(tried) < 12
        assert max(gaps) > 20


def steps_of(runner, **request) -> tuple[str, int]:
    asked, steps = ask(runner, LOOPING, **request), 1
    while runner.step():
        steps += 1
    return asked.text, steps


def test_the_answer_is_the_same_in_far_fewer_steps():
    with_drafts, fewer = steps_of(running.runner(), max_tokens=150)
    without, steps = steps_of(without_drafts(), max_tokens=150)
    assert with_drafts == without == alone(LOOPING, 150)
    assert steps > 3 * fewer


def test_it_is_counted():
    runner = running.runner()
    answer(runner, LOOPING, max_tokens=100)
    counts = runner.counts()
    assert 0 < counts.accepted_tokens <= counts.drafted_tokens
    assert counts.generated_tokens == 100


def test_rows_with_drafts_and_without_share_a_batch():
    runner = running.runner()
    prompts = (LOOPING, "x =", "for i in range(", "import os\n")
    asked = [ask(runner, prompt, max_tokens=100) for prompt in prompts]
    finish(runner)
    assert [each.text for each in asked] == [alone(prompt, 100) for prompt in prompts]
    assert runner.counts().accepted_tokens > 100


def test_no_draft_goes_beyond_the_last_token():
    runner = running.runner()
    for tokens in range(1, 30, 3):
        found = answer(runner, LOOPING, max_tokens=tokens)
        assert found.last.completion_tokens == tokens


def test_a_stop_within_accepted_drafts_cuts():
    whole = alone(LOOPING, 150)
    stop = whole[-6:]
    assert answer(running.runner(), LOOPING, max_tokens=150, stop=(stop,)).text == whole[: whole.index(stop)]


@pytest.mark.parametrize("options", [{}, {"temperature": 1.0, "seed": 2}])
def test_drafts_of_a_constrained_answer_are_held_to_the_schema(options):
    prompt = '{"names":["reader","reader","reader","reader","reader","reader"],"safe":true}\n'
    request = {"output_schema": SCHEMA, "max_tokens": 200} | options
    drafting = running.runner()
    found = answer(drafting, prompt, **request)
    assert found.text == answer(without_drafts(), prompt, **request).text
    assert set(json.loads(found.text)) == {"names", "safe"}
    assert found.last.finish_reason == "stop"
    assert drafting.counts().drafted_tokens > 0


def test_constrained_and_free_answers_share_a_batch():
    runner = running.runner()
    free = ask(runner, LOOPING, max_tokens=40)
    held = [ask(runner, f"{n} ", output_schema=SCHEMA, max_tokens=200, temperature=1, seed=n) for n in range(3)]
    finish(runner)
    assert free.text == alone(LOOPING, 40)
    assert all(json.loads(each.text)["safe"] in {True, False} for each in held)


def test_a_constrained_answer_is_put_aside_and_goes_on():
    request = {"output_schema": SCHEMA, "max_tokens": 200, "temperature": 1.0, "seed": 4}
    wanted = answer(running.runner(), "json: ", **request).text
    runner = running.runner(slots=1)
    background = ask(runner, "json: ", priority=Priority.BACKGROUND, **request)
    while len(background.text) < 10:
        runner.step()
    answer(runner, LOOPING, priority=Priority.TYPING)
    assert background.text == wanted


def test_a_schema_that_cannot_be_held_fails_alone():
    runner = running.runner()
    refused = ask(runner, output_schema={"$ref": "#"}, max_tokens=50)
    assert refused.last.kind in {"refused", "invalid_input"}
    assert answer(runner, LOOPING).text == alone(LOOPING, 16)


def test_a_constraint_that_breaks_fails_its_request_alone(monkeypatch):
    runner = running.runner()
    broken = ask(runner, output_schema=SCHEMA, max_tokens=200)
    other = ask(runner, LOOPING)

    def refuse(token):
        raise ValueError(f"token {token} is not allowed here")

    monkeypatch.setattr(runner._scheduler.waiting[0].constraint, "take", refuse)
    finish(runner)
    assert broken.last.kind == "internal"
    assert other.text == alone(LOOPING, 16)


def test_random_texts_are_drafted_rightly_or_not_at_all():
    chance = random.Random(1)
    for _ in range(20):
        tokens = [chance.randrange(4) for _ in range(chance.randrange(30))]
        for number in range(2, len(tokens)):
            draft = Drafter().propose(tokens[:number], most=1)
            known = [tokens[at + 2] for at in range(number - 2) if tokens[at : at + 2] == tokens[number - 2 : number]]
            assert draft == [] if not known else draft[0] in known
