"""T5 and CodeT5+ 16B answer several requests in turn, stream, stop, and give back what they held."""

import json

import pytest
import small_models
import torch
from jobs import Asked, run_all

from codetune_core.domain.execution import ErrorKind, Priority
from codetune_core.engines.transformers.process.load import load
from codetune_core.engines.transformers.process.seq2seq import Seq2SeqRunner
from codetune_core.engines.transformers.wire import Embed, Failed, Finished, Piece
from codetune_core.models.spec import Kind, Quantization

KINDS = {"t5": Kind.SEQ2SEQ, "codet5p": Kind.CODET5P}
PROMPT = "def area(width, height):"


@pytest.fixture(scope="module", params=KINDS)
def made(request, tmp_path_factory):
    folder = getattr(small_models, request.param)(tmp_path_factory.mktemp("models") / request.param)
    plan = small_models.load_plan(folder, KINDS[request.param], context_tokens=256, kv_tokens=2048)
    loaded = load(plan, lambda *_: None)
    return loaded, plan


@pytest.fixture
def runner(made):
    """A runner that is rid of its hooks afterwards."""
    loaded, plan = made
    yield Seq2SeqRunner(loaded, plan)
    for module in loaded.model.modules():
        module._forward_pre_hooks.clear()


def answer(runner, *args, **fields) -> Asked:
    asked = Asked(1, runner, *args, **fields)
    run_all(runner)
    return asked


def greedy(loaded, plan, count):
    """The same answer by the plainest means: the whole of it computed anew for each token."""
    prompt = torch.tensor([loaded.tokenizer(PROMPT)["input_ids"]])
    ids = prompt if plan.spec.kind is Kind.CODET5P else torch.tensor([[loaded.model.config.decoder_start_token_id]])
    tokens = []
    with torch.inference_mode():
        for _ in range(count):
            logits = loaded.model(input_ids=prompt, decoder_input_ids=ids, use_cache=False).logits
            tokens.append(int(logits[0, -1].argmax()))
            ids = torch.cat([ids, torch.tensor([[tokens[-1]]])], 1)
    return loaded.tokenizer.decode(tokens, skip_special_tokens=True)


def test_an_answer_is_that_of_the_model_and_the_prompt_is_not_repeated(made, runner):
    asked = answer(runner, PROMPT, max_tokens=12)
    assert asked.text == greedy(*made, 12)
    assert PROMPT not in asked.text
    assert asked.finished.completion_tokens == 12
    assert asked.finished.finish_reason == "length"
    assert asked.finished.prompt_tokens == len(made[0].tokenizer(PROMPT)["input_ids"])


def test_requests_stream_in_turn_and_each_gets_the_answer_that_it_gets_alone(runner):
    prompts = ["import os\n", PROMPT, "class Point:\n    pass"]
    alone = [answer(runner, prompt, max_tokens=10).text for prompt in prompts]
    together = [Asked(number, runner, prompt, max_tokens=10) for number, prompt in enumerate(prompts)]
    counts = []
    for _ in range(12):
        runner.step()
        counts.append(runner.counts().generated_tokens)
    assert all(any(isinstance(each, Piece) for each in asked.told) for asked in together)
    assert all(asked.end is None for asked in together)
    assert counts == list(range(counts[0], counts[0] + 12))
    run_all(runner)
    assert [asked.text for asked in together] == alone


def test_who_types_goes_first(runner):
    slow = Asked(1, runner, PROMPT, max_tokens=20, priority=Priority.BACKGROUND)
    runner.step()
    typing = Asked(2, runner, "x = ", max_tokens=5, priority=Priority.TYPING)
    for _ in range(5):
        runner.step()
    assert isinstance(typing.end, Finished)
    assert slow.end is None
    run_all(runner)
    assert slow.finished.completion_tokens == 20


def test_a_cancelled_request_is_gone_with_the_next_step(runner):
    asked, other = Asked(1, runner, PROMPT, max_tokens=50), Asked(2, runner, PROMPT, max_tokens=6)
    for _ in range(4):
        runner.step()
    asked.job.cancelled.set()
    runner.step()
    assert isinstance(asked.end, Failed)
    assert asked.end.kind is ErrorKind.CANCELLED
    assert runner.counts().running == 1
    run_all(runner)
    assert other.finished.completion_tokens == 6


def test_a_prompt_nobody_waits_for_is_not_read_to_its_end(made, runner):
    asked = Asked(1, runner, PROMPT)
    model = made[0].model
    stack = model.encoder.h if made[1].spec.kind is Kind.CODET5P else model.get_encoder().block
    seen = []
    for number, block in enumerate(stack):
        block.register_forward_hook(lambda *_, number=number: seen.append(number))
    hook = stack[0].register_forward_hook(lambda *_: asked.job.cancelled.set())
    runner.step()
    hook.remove()
    assert seen == [0]
    runner.step()
    assert asked.end.kind is ErrorKind.CANCELLED


def test_many_cancellations_leave_nothing(runner):
    for number in range(60):
        asked = Asked(number, runner, PROMPT, max_tokens=40)
        for _ in range(number % 4):
            runner.step()
        asked.job.cancelled.set()
    run_all(runner)
    counts = runner.counts()
    assert (counts.running, counts.waiting, counts.kv_tokens_held) == (0, 0, 0)


def test_memory_that_runs_out_fails_one_request(made, runner):
    first, second = Asked(1, runner, PROMPT, max_tokens=6), Asked(2, runner, PROMPT, max_tokens=6)
    runner.step()
    runner.step()
    head = made[0].model.get_output_embeddings()

    def burst(*_):
        hook.remove()
        raise torch.OutOfMemoryError("CUDA out of memory")

    hook = head.register_forward_pre_hook(burst)
    run_all(runner)
    failed = [asked.end for asked in (first, second) if isinstance(asked.end, Failed)]
    assert [each.kind for each in failed] == [ErrorKind.OVERLOADED]
    assert sum(isinstance(asked.end, Finished) for asked in (first, second)) == 1


def test_another_error_is_not_taken_for_want_of_memory(made, runner):
    Asked(1, runner, PROMPT)
    hook = made[0].model.get_output_embeddings().register_forward_pre_hook(lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        runner.step()
    hook.remove()


def test_requests_wait_for_memory(made):
    loaded, plan = made
    size = len(loaded.tokenizer(PROMPT)["input_ids"])
    runner = Seq2SeqRunner(loaded, plan.model_copy(update={"kv_tokens": 3 * size + 20}))
    both = [Asked(number, runner, PROMPT, max_tokens=8) for number in range(2)]
    runner.step()
    counts = runner.counts()
    assert counts.running + counts.waiting == 2
    assert counts.running == (2 if plan.spec.kind is Kind.SEQ2SEQ else 1)
    run_all(runner)
    assert all(asked.finished for asked in both)


@pytest.mark.parametrize(
    ("fields", "kind", "words"),
    [
        ({"prompt": "x = 1\n" * 200}, ErrorKind.CONTEXT_TOO_LONG, "shorten it"),
        ({"prompt": "x", "adapter": "team"}, ErrorKind.REFUSED, "models.adapters"),
        ({"prompt": "x", "output_schema": {"type": "object", "properties": {}}, "max_tokens": 1}, None, "max_tokens"),
    ],
)
def test_what_can_never_be_done_is_told_at_once(runner, fields, kind, words):
    asked = Asked(1, runner, **fields)
    assert kind is None or asked.end.kind is kind
    assert words in asked.end.message
    assert not runner.step()


def test_vectors_are_not_its_work(runner):
    told = []
    job = Asked(1, runner, "x", max_tokens=1).job
    job.request, job.tell = Embed(id=2, texts=("x",)), told.append
    runner.add(job)
    assert "no vectors" in told[0].message


def test_seeds_make_answers_repeatable_and_no_seed_makes_them_differ(runner):
    options = {"temperature": 1.5, "max_tokens": 12}
    seeded = [answer(runner, PROMPT, seed=seed, **options).text for seed in (5, 5, 6)]
    assert seeded[0] == seeded[1] != seeded[2]
    assert len({answer(runner, PROMPT, **options).text for _ in range(3)}) > 1


def test_a_stop_ends_the_answer_before_it(runner):
    whole = answer(runner, PROMPT, max_tokens=20).text
    stop = whole[len(whole) // 2 :][:3]
    asked = answer(runner, PROMPT, max_tokens=20, stop=(stop,))
    assert asked.text == whole[: whole.index(stop)]
    assert asked.finished.finish_reason == "stop"


def test_logprobs_are_told_and_negative(runner):
    asked = answer(runner, PROMPT, max_tokens=6, logprobs=True)
    told = [each.logprob for each in asked.told if isinstance(each, Piece)]
    assert told
    assert all(value <= 0 for value in told)


def test_a_schema_holds_also_here(runner):
    schema = {
        "type": "object",
        "properties": {"safe": {"type": "boolean"}, "line": {"type": "integer", "minimum": 0, "maximum": 99}},
        "required": ["safe", "line"],
        "additionalProperties": False,
    }
    for seed in range(3):
        asked = answer(runner, PROMPT, output_schema=schema, max_tokens=60, temperature=1, seed=seed)
        assert set(json.loads(asked.text)) == {"safe", "line"}


def test_warming_up_leaves_nothing(runner):
    runner.warm_up()
    assert runner.counts().generated_tokens == 0
    assert not runner.step()


def test_a_hole_is_filled_by_its_sentinel(tmp_path):
    plan = small_models.load_plan(small_models.t5(tmp_path / "t5"), Kind.SEQ2SEQ)
    loaded = load(plan, lambda *_: None)
    runner = Seq2SeqRunner(loaded, plan)
    read = []
    loaded.model.get_decoder().register_forward_pre_hook(
        lambda _, args, options: read.append(options["input_ids"].tolist()), with_kwargs=True
    )
    asked = answer(runner, None, prefix="def f(", suffix="):\n    return 1", max_tokens=4)
    assert read[0] == [[0, loaded.tokenizer.convert_tokens_to_ids("<extra_id_0>")]]
    assert len(read[1][0]) == 1
    assert "extra_id" not in asked.text


def test_the_next_sentinel_ends_what_is_filled_in(tmp_path):
    plan = small_models.load_plan(small_models.t5(tmp_path / "t5"), Kind.SEQ2SEQ)
    loaded = load(plan, lambda *_: None)
    runner = Seq2SeqRunner(loaded, plan)
    sentinel = loaded.tokenizer.convert_tokens_to_ids("<extra_id_1>")

    def prefer(_, __, logits):
        logits[..., sentinel] = 1e4

    loaded.model.get_output_embeddings().register_forward_hook(prefer)
    asked = answer(runner, None, prefix="def f(", suffix=")", max_tokens=4)
    assert (asked.text, asked.finished.finish_reason, asked.finished.completion_tokens) == ("", "stop", 1)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("quantization", [Quantization.INT8, Quantization.NF4])
def test_quantized_models_answer(tmp_path, name, quantization):
    folder = getattr(small_models, name)(tmp_path / name)
    plan = small_models.load_plan(folder, KINDS[name], quantization)
    asked = answer(Seq2SeqRunner(load(plan, lambda *_: None), plan), PROMPT, max_tokens=4)
    assert asked.finished.completion_tokens == 4
