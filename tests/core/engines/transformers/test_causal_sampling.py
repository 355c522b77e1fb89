"""Tokens are drawn by temperature, top-k, top-p and min-p, row by row, and by a request's own seed."""

from collections import Counter

import causal_running as running
import pytest
import torch
from causal_running import answer, ask, finish
from transformers import LogitsProcessorList, RepetitionPenaltyLogitsProcessor
from transformers.generation import logits_process as peers

from codetune_core.engines.transformers.process.causal.sampling import Row, choose, logprobs
from codetune_core.engines.transformers.process.causal.sequence import Uniforms
from codetune_core.engines.transformers.wire import Generate

LOGITS = torch.tensor([0.1, 2.0, -1.0, 1.5, 0.3, -3.0, 1.9, 0.0])


def request(**options) -> Generate:
    return Generate(id=1, prefix="", max_tokens=1, **options)


def drawn(draws: int = 4000, **options) -> dict[int, float]:
    rows = [Row(request(**options), uniform=(number + 0.5) / draws) for number in range(draws)]
    counted = Counter(choose(LOGITS.repeat(draws, 1), rows))
    return {token: count / draws for token, count in counted.items()}


@pytest.mark.parametrize(
    ("options", "processors"),
    [
        ({"temperature": 1}, []),
        ({"temperature": 0.5}, [peers.TemperatureLogitsWarper(0.5)]),
        ({"temperature": 1, "top_k": 3}, [peers.TopKLogitsWarper(3)]),
        ({"temperature": 1, "top_p": 0.6}, [peers.TopPLogitsWarper(0.6)]),
        ({"temperature": 1, "top_p": 0.01}, [peers.TopPLogitsWarper(0.01)]),
        ({"temperature": 1, "min_p": 0.3}, [peers.MinPLogitsWarper(0.3)]),
        (
            {"temperature": 2.0, "top_k": 5, "top_p": 0.8, "min_p": 0.2},
            [
                peers.TemperatureLogitsWarper(2.0),
                peers.TopKLogitsWarper(5),
                peers.TopPLogitsWarper(0.8),
                peers.MinPLogitsWarper(0.2),
            ],
        ),
    ],
)
def test_frequencies_are_those_of_transformers(options, processors):
    wanted = LogitsProcessorList(processors)(torch.zeros((1, 1), dtype=torch.long), LOGITS[None].clone())[0].softmax(-1)
    found = drawn(**options)
    assert set(found) <= set(wanted.nonzero()[:, 0].tolist())
    for token, probability in enumerate(wanted.tolist()):
        assert found.get(token, 0) == pytest.approx(probability, abs=0.001)


def test_rows_of_one_batch_each_go_their_own_way():
    options = [{}, {"temperature": 1, "top_k": 1}, {"temperature": 1}, {"temperature": 1, "top_p": 0.5}]
    rows = [Row(request(**each), uniform=0.9999) for each in options]
    together = choose(LOGITS.repeat(4, 1), rows)
    assert together == [choose(LOGITS[None].clone(), [row])[0] for row in rows]
    assert together[:2] == [1, 1]


@pytest.mark.parametrize("uniform", [0.0, 0.5, 1 - 2**-53])
def test_what_is_not_allowed_is_never_drawn(uniform):
    logits = torch.full((1, 1000), -torch.inf)
    logits[0, 500] = 0.0
    assert choose(logits, [Row(request(temperature=1.0), uniform=uniform)]) == [500]


def test_the_penalty_of_repetition_is_that_of_transformers():
    history = [1, 1, 5]
    wanted = RepetitionPenaltyLogitsProcessor(1.7)(torch.tensor([history]), LOGITS[None].clone())[0]
    found = LOGITS[None].clone()
    choose(found, [Row(request(repetition_penalty=1.7), history)])
    assert torch.equal(found[0], wanted)


def test_log_probabilities_are_those_of_the_model():
    wanted = LOGITS.log_softmax(-1)
    assert logprobs(LOGITS.repeat(2, 1), [1, 5]) == pytest.approx([wanted[1].item(), wanted[5].item()])


def test_uniforms_are_the_same_in_any_order_of_asking():
    one, other = Uniforms(7), Uniforms(7)
    assert [one[40], one[3]] == [other[number] for number in (40, 3)]
    assert Uniforms(8)[0] != one[0]
    assert Uniforms(None)[0] != Uniforms(None)[0]
    assert 0 <= Uniforms(-1)[0] < 1


SAMPLED = {"temperature": 1.0, "seed": 5, "max_tokens": 24}


class TestRunner:
    def test_a_seed_gives_the_same_whoever_else_is_in_the_batch(self):
        alone = answer(running.runner(), **SAMPLED)
        runner = running.runner()
        asked = [ask(runner, "import os\n", temperature=0.7, max_tokens=9), ask(runner, **SAMPLED), ask(runner)]
        finish(runner)
        assert asked[1].text == alone.text

    def test_and_with_speculation_or_without(self):
        runner = running.runner()
        runner._scheduler.decoded = 0
        drafted = running.runner()
        options = {"temperature": 0.3, "seed": 3, "max_tokens": 60}
        assert answer(runner, **options).text == answer(drafted, **options).text
        assert drafted.counts().drafted_tokens > 0

    def test_seeds_differ(self):
        runner = running.runner()
        texts = {answer(runner, **SAMPLED | {"seed": seed}).text for seed in range(4)}
        assert len(texts) == 4

    @pytest.mark.parametrize("options", [{}, {"temperature": 0.8, "seed": 1}, {"repetition_penalty": 1.3}])
    def test_log_probabilities_of_pieces_add_up_to_that_of_the_answer(self, options):
        found = answer(running.runner(), logprobs=True, max_tokens=20, **options)
        ids = running.tokenizer()("def add(a, b):\n")["input_ids"]
        tokens = running.tokenizer()(found.text, add_special_tokens=False)["input_ids"]
        if len(tokens) == found.last.completion_tokens:
            with torch.inference_mode():
                logits = running.reference()(torch.tensor([ids + tokens])).logits[0, len(ids) - 1 : -1]
            wanted = sum(logprobs(logits, tokens))
            assert sum(piece.logprob for piece in found.pieces) == pytest.approx(wanted, rel=1e-3)

    def test_without_asking_there_are_none(self):
        assert all(piece.logprob is None for piece in answer(running.runner()).pieces)

    def test_a_penalty_ends_loops(self):
        plain = answer(running.runner(), max_tokens=60)
        varied = answer(running.runner(), max_tokens=60, repetition_penalty=1.5)
        assert len(set(varied.text.split())) > len(set(plain.text.split()))
