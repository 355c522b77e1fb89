"""Answers held to a schema: whatever a model draws, what comes out fills the schema, and ends within its tokens."""

import json
from functools import cache

import numpy as np
import pytest
import small_models
import small_tokenizers
import torch
from causal_running import ask, finish, runner
from small_models import TINY
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

from codetune_core.domain.execution import ErrorKind
from codetune_core.engines.transformers.process.constrain import Constraint, Vocabulary
from codetune_core.errors import EngineRefused, InvalidInput
from codetune_core.prompts.answer import parse_answer
from codetune_core.prompts.schemas.registry import SCHEMAS, bounded_json_schema

WIDTH, END = 4100, 1
"""More logits than tokens, as models have them that pad their embeddings."""
BOOLEAN = {
    "type": "object",
    "properties": {"yes": {"type": "boolean"}, "why": {"type": "string", "maxLength": 4}},
    "required": ["yes"],
    "additionalProperties": False,
}
ALL = pytest.mark.parametrize("name", SCHEMAS)


@cache
def tokenizer():
    return AutoTokenizer.from_pretrained(TINY)


@cache
def vocabulary():
    return Vocabulary(tokenizer(), WIDTH, [END])


@cache
def logits():
    """Rows as a model with random weights gives them: normal, with nothing learned in them."""
    return np.random.default_rng(7).normal(0, 2, (64, WIDTH)).astype(np.float32)


@cache
def noise():
    """Rows of Gumbel noise: with those of the logits, 16 thousand pairs."""
    return -np.log(np.random.default_rng(8).standard_exponential((256, WIDTH), np.float32) + 1e-20)


def drawn(constraint, rng):
    """What is drawn at temperature 1, by the Gumbel-max trick, until the answer is done."""
    tokens = []
    while not constraint.done:
        row = logits()[rng.integers(64)] + noise()[rng.integers(256)]
        row[~constraint.mask()] = -np.inf
        tokens.append(constraint.take(int(row.argmax())))
    return tokens


def taken(constraint, text):
    for token in tokenizer()(text, add_special_tokens=False)["input_ids"]:
        assert constraint.take(token) == token


def valid(name, text, most, tokens):
    assert len(tokens) <= most
    parse_answer(text, name)
    assert text == json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":")) or "\\" in text


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_model_with_random_weights_fills_every_schema_a_thousand_times_of_a_thousand():
    """928 answers are drawn from random logits over a real tokenizer's tokens, 72 by the causal runner below."""
    rng = np.random.default_rng(1)
    names, ends = list(SCHEMAS), set()
    for number in range(928):
        name, most = names[number % len(names)], (40, 44, 48, 90)[number // len(names) % 4]
        constraint = Constraint(vocabulary(), bounded_json_schema(name), most)
        tokens = drawn(constraint, rng)
        valid(name, tokenizer().decode(tokens), most, tokens)
        ends.add(constraint.cut)
    assert ends == {True, False}


@pytest.mark.slow
def test_the_causal_runner_fills_every_schema_with_random_weights():
    torch.manual_seed(3)
    config = LlamaConfig(
        vocab_size=4096, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=2, max_position_embeddings=2048, bos_token_id=0, eos_token_id=END,
    )  # fmt: skip
    running = runner(LlamaForCausalLM(config).eval())
    asked = [
        (name, ask(running, "x", output_schema=bounded_json_schema(name), max_tokens=50, temperature=1, seed=seed))
        for seed in range(6)
        for name in SCHEMAS
    ]
    finish(running)
    for name, answer in asked:
        parse_answer(answer.text, name)
        assert answer.last.completion_tokens <= 50
    assert len({answer.text for _, answer in asked}) > 36


@ALL
def test_a_long_answer_ends_within_its_tokens_too(name):
    constraint = Constraint(vocabulary(), bounded_json_schema(name), 400)
    tokens = drawn(constraint, np.random.default_rng(5))
    valid(name, tokenizer().decode(tokens), 400, tokens)


@ALL
def test_the_shortest_answer_fits_in_as_many_tokens_as_it_has(name):
    least = next(most for most in range(1, 100) if fits(name, most))
    constraint = Constraint(vocabulary(), bounded_json_schema(name), least)
    tokens = drawn(constraint, np.random.default_rng(5))
    valid(name, tokenizer().decode(tokens), least, tokens)


def fits(name, most):
    try:
        Constraint(vocabulary(), bounded_json_schema(name), most)
    except InvalidInput:
        return False
    return True


def test_an_end_token_is_allowed_when_the_answer_is_complete_and_not_before():
    constraint = Constraint(vocabulary(), BOOLEAN, 40)
    while not constraint.done:
        assert not constraint.mask()[END]
        assert not constraint.mask()[4096:].any()
        constraint.take(int(constraint.mask().argmax()))
    assert not constraint.cut
    assert np.flatnonzero(constraint.mask()).tolist() == [END]


def test_no_white_space_stands_between_the_parts():
    constraint = Constraint(vocabulary(), BOOLEAN, 40)
    taken(constraint, '{"yes":true')
    assert {tokenizer().decode([token]).strip() for token in np.flatnonzero(constraint.mask())} <= {"}", ",", ',"'}


def test_fewer_tokens_than_the_shortest_answer_has_are_refused_in_words():
    with pytest.raises(InvalidInput, match="max_tokens is 3: raise it"):
        Constraint(vocabulary(), BOOLEAN, 3)


def test_what_the_mask_does_not_allow_is_refused():
    constraint = Constraint(vocabulary(), BOOLEAN, 40)
    with pytest.raises(ValueError, match="not allowed"):
        constraint.take(tokenizer().encode("[", add_special_tokens=False)[0])


def test_a_draft_is_taken_as_far_as_it_fits():
    constraint = Constraint(vocabulary(), BOOLEAN, 200)
    good = tokenizer()('{"yes":true', add_special_tokens=False)["input_ids"]
    bad = tokenizer()(" and so on", add_special_tokens=False)["input_ids"]
    assert constraint.fitting(good + bad) == len(good)


def test_what_is_taken_back_may_be_taken_anew():
    constraint = Constraint(vocabulary(), BOOLEAN, 40)
    taken(constraint, '{"yes":')
    before = constraint.mask()
    tokens = tokenizer()('true,"why":"a', add_special_tokens=False)["input_ids"]
    for token in tokens:
        constraint.take(token)
    constraint.rollback(len(tokens))
    assert np.array_equal(constraint.mask(), before)
    taken(constraint, "false}")
    assert constraint.done


def test_what_is_taken_back_near_the_end_gives_its_tokens_back():
    constraint = Constraint(vocabulary(), bounded_json_schema("summary"), 40)
    taken(constraint, '{"summary":"')
    rng = np.random.default_rng(2)
    for _ in range(20):
        for _ in range(3):
            constraint.take(int(rng.choice(np.flatnonzero(constraint.mask()))))
        constraint.rollback(3)
    tokens = tokenizer()('{"summary":"', add_special_tokens=False)["input_ids"] + drawn(constraint, rng)
    valid("summary", tokenizer().decode(tokens), 40, tokens)


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ({"type": "object", "properties": {"a": {"not": {"type": "string"}}}}, "cannot be held"),
        ({"type": "strong"}, "cannot be held"),
        (
            {"$ref": "#/$defs/T", "$defs": {"T": {"type": "object", "properties": {"t": {"$ref": "#/$defs/T"}}}}},
            "itself",
        ),
    ],
)
def test_a_schema_that_an_answer_cannot_be_held_to_is_refused_in_words(schema, why):
    with pytest.raises(EngineRefused, match=why):
        Constraint(vocabulary(), schema, 100)


def test_a_tokenizer_that_is_none_of_the_fast_ones_is_refused_in_words():
    with pytest.raises(EngineRefused, match="tokenizer"):
        Vocabulary(object(), WIDTH, [END])


def test_the_runner_refuses_such_a_schema_and_goes_on():
    running = runner()
    refused = ask(running, output_schema={"type": "strong"})
    short = ask(running, output_schema=bounded_json_schema("findings"), max_tokens=2)
    fine = ask(running, max_tokens=4)
    finish(running)
    assert (refused.last.kind, short.last.kind) == (ErrorKind.REFUSED, ErrorKind.INVALID_INPUT)
    assert fine.last.completion_tokens == 4


@pytest.mark.parametrize("make", [small_tokenizers.qwen, small_tokenizers.roberta, small_tokenizers.deepseek])
@pytest.mark.parametrize("name", ["findings", "commit_message"])
def test_other_kinds_of_tokenizers_can_be_held_to_a_schema(tmp_path, make, name):
    folder = small_models.qwen2(tmp_path / "q") if make is small_tokenizers.qwen else tmp_path
    if folder is tmp_path:
        make(folder)
    other = AutoTokenizer.from_pretrained(folder)
    constraint = Constraint(Vocabulary(other, len(other), [other.eos_token_id]), bounded_json_schema(name), 150)
    rng, tokens = np.random.default_rng(4), []
    while not constraint.done:
        tokens.append(constraint.take(int(rng.choice(np.flatnonzero(constraint.mask())))))
    parse_answer(other.decode(tokens), name)
