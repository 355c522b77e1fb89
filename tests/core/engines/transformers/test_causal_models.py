"""Models of several architectures compute over the paged cache what they compute by themselves, or run without it."""

import causal_running as running
import peft
import pytest
import torch
import transformers
from causal_running import answer, ask, finish

from codetune_core.domain.execution import ErrorKind, Priority
from codetune_core.engines.transformers.process.causal.cache import BLOCK, PagedCache
from codetune_core.engines.transformers.process.causal.forward import PagedForward, can_be_paged
from codetune_core.engines.transformers.process.causal.graphs import Frame, bucket
from codetune_core.engines.transformers.process.causal.plain import PlainForward
from codetune_core.engines.transformers.process.causal.step import Span, layout

SIZES = {
    "vocab_size": 4096,
    "hidden_size": 96,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "max_position_embeddings": 512,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "pad_token_id": 2,
}
PAGED = {
    "llama": transformers.LlamaConfig(**SIZES),
    "qwen2": transformers.Qwen2Config(**SIZES),
    "qwen3": transformers.Qwen3Config(**SIZES),
    "mistral": transformers.MistralConfig(**SIZES, sliding_window=24),
    "gemma3": transformers.Gemma3TextConfig(
        **SIZES, sliding_window=16, layer_types=["sliding_attention", "full_attention"]
    ),
    "starcoder": transformers.GPTBigCodeConfig(
        vocab_size=4096, n_embd=64, n_layer=2, n_head=4, n_positions=512, eos_token_id=1
    ),
    "starcoder2": transformers.Starcoder2Config(**SIZES, sliding_window=20),
}
ALONE = {
    "gemma2 (soft caps)": transformers.Gemma2Config(**SIZES, sliding_window=16, attn_logit_softcapping=2.0),
    "qwen3 next (recurrent)": transformers.Qwen3NextConfig(
        **SIZES | {"num_hidden_layers": 4},
        num_experts=4,
        num_experts_per_tok=2,
        moe_intermediate_size=32,
        shared_expert_intermediate_size=32,
        linear_num_value_heads=4,
        linear_num_key_heads=2,
        linear_key_head_dim=16,
        linear_value_head_dim=16,
    ),
}
PROMPTS = ("import os\nimport sys\n\n\nclass Reader:\n    def __init__(self, path", "def add(a, b):\n", "for")


def model(config, attention="eager"):
    torch.manual_seed(3)
    made = transformers.AutoModelForCausalLM.from_config(config, attn_implementation=attention).eval()
    for name, weight in made.named_parameters():
        if weight.ndim > 1 or "bias" in name:
            torch.nn.init.normal_(weight, std=0.12)
    return made


def generated(config, prompt: str, tokens: int) -> str:
    ids = running.tokenizer()(prompt, return_tensors="pt").input_ids
    found = model(config).generate(
        ids, attention_mask=torch.ones_like(ids), max_new_tokens=tokens, do_sample=False, eos_token_id=None
    )
    return running.tokenizer().decode(found[0, ids.shape[1] :], skip_special_tokens=True).rstrip("\ufffd")


@pytest.mark.parametrize("name", PAGED)
def test_an_architecture_runs_paged_and_answers_as_by_itself(name):
    runner = running.runner(model(PAGED[name], "sdpa"), ends=())
    runner._scheduler.pace.tokens = lambda **_: 11
    assert isinstance(runner._forward, PagedForward)
    asked = [ask(runner, prompt, max_tokens=30) for prompt in PROMPTS]
    finish(runner)
    assert [each.text for each in asked] == [generated(PAGED[name], prompt, 30) for prompt in PROMPTS]


@pytest.mark.parametrize("name", ALONE)
def test_another_runs_one_request_after_the_other_and_answers_as_by_itself(name):
    runner = running.runner(model(ALONE[name]), ends=())
    runner._scheduler.pace.tokens = lambda **_: 11
    assert isinstance(runner._forward, PlainForward)
    asked = [ask(runner, prompt, max_tokens=12) for prompt in PROMPTS]
    finish(runner)
    assert [each.text for each in asked] == [generated(ALONE[name], prompt, 12) for prompt in PROMPTS]
    counts = runner.counts()
    assert (counts.kv_tokens_held, counts.kv_tokens_used, counts.drafted_tokens) == (0, 0, 0)
    assert answer(runner, PROMPTS[0]).last.cached_prompt_tokens == 0


def test_such_a_model_is_preempted_and_cancelled_too():
    config = ALONE["gemma2 (soft caps)"]
    runner = running.runner(model(config), ends=(), slots=1)
    background = ask(runner, PROMPTS[0], max_tokens=12, priority=Priority.BACKGROUND)
    while not background.pieces:
        runner.step()
    typing = ask(runner, PROMPTS[1], max_tokens=3, priority=Priority.TYPING)
    finish(runner)
    assert background.text == generated(config, PROMPTS[0], 12)
    assert typing.text == generated(config, PROMPTS[1], 3)
    cancelled = ask(runner, PROMPTS[0])
    layers = []
    hook = runner._forward._layers[0].register_forward_pre_hook(lambda *_: cancelled.job.cancelled.set())
    other = runner._forward._layers[1].register_forward_hook(lambda *_: layers.append(1))
    finish(runner)
    hook.remove()
    other.remove()
    assert cancelled.last.kind is ErrorKind.CANCELLED
    assert not layers, "the second layer was never computed"


def logits(made, step):
    with torch.inference_mode():
        return made(
            input_ids=step.ids, position_ids=step.positions, use_cache=False, logits_to_keep=step.keep, step=step
        ).logits[0]


@pytest.fixture
def filled():
    """A model, and a cache that holds the first tokens of two sequences in scattered blocks."""
    made = model(PAGED["mistral"], "sdpa")
    assert can_be_paged(made, "cpu")
    cache = PagedCache(12, grow=True)
    PagedForward(made, cache, "cpu")
    spans = [Span(0, list(range(5, 5 + 70)), [9, 2]), Span(0, list(range(40, 70)), [5])]
    logits(made, layout(cache, spans, [1, 1], "cpu"))
    return made, cache, [Span(70, [7], [9, 2]), Span(30, [8], [5])]


def test_logits_are_those_of_eager_attention(filled):
    made, cache, spans = filled
    found = logits(made, layout(cache, spans, [1, 1], "cpu"))
    eager = model(PAGED["mistral"])
    with torch.inference_mode():
        wanted = [
            eager(torch.tensor([[*range(5, 75), 7]])).logits[0, -1],
            eager(torch.tensor([[*range(40, 70), 8]])).logits[0, -1],
        ]
    assert torch.allclose(found, torch.stack(wanted), atol=1e-4)


@pytest.mark.parametrize(("rows", "blocks"), [(2, 10), (4, 12), (8, 13)])
def test_a_frame_of_a_graph_computes_the_same_in_its_rows(filled, rows, blocks):
    made, cache, spans = filled
    wanted = logits(made, layout(cache, spans, [1, 1], "cpu"))
    frame = Frame(cache, rows, blocks, "cpu")
    frame.fill(list(reversed(spans)))
    frame.fill(spans)
    assert torch.allclose(logits(made, frame.step())[:2], wanted, atol=1e-5)
    assert torch.allclose(logits(made, layout(cache, spans, [1, 1], "cpu")), wanted, atol=1e-5), (
        "the padding harms nothing"
    )


def test_the_next_larger_graph_is_taken():
    assert [bucket((1, 2, 4, 8), size) for size in (1, 2, 3, 4, 5, 8)] == [1, 2, 4, 4, 8, 8]


def test_a_cache_grows_and_keeps_what_it_holds(filled):
    made, _, _ = filled
    small, large = PagedCache(200, grow=True), PagedCache(200, grow=False)
    spans = [Span(0, list(range(3, 60)), [150])]
    assert small.capacity < 150 < large.capacity == 201
    logits(made, layout(large, spans, [1], "cpu"))
    first = Span(0, list(range(3, 40)), [1])
    logits(made, layout(small, [first], [1], "cpu"))
    small.reserve(151)
    found = logits(made, layout(small, [Span(37, list(range(40, 60)), [1])], [1], "cpu"))
    assert torch.allclose(found, logits(made, layout(large, spans, [1], "cpu")), atol=1e-5)


def test_blocks_far_behind_are_moved_to_the_front():
    runner = running.runner(kv_tokens=64 * BLOCK)
    fillers = [ask(runner, f"# {number}\n", max_tokens=1) for number in range(20)]
    last = ask(runner, PROMPTS[0], max_tokens=40)
    while not last.pieces:
        runner.step()
    (sequence,) = [each for each in runner._scheduler.running if each.job is last.job]
    before = after = max(sequence.blocks)
    while runner.step():
        after = max(sequence.blocks, default=0) or after
    assert all(each.last for each in fillers)
    assert after < before / 4
    assert last.text == running.alone(PROMPTS[0], 40)


def test_requests_of_several_adapters_run_together(tmp_path):
    config = PAGED["llama"]
    for seed in (1, 2):
        adapted = peft.get_peft_model(
            model(config), peft.LoraConfig(r=4, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
        )
        torch.manual_seed(seed)
        for name, weight in adapted.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(weight, std=0.3)
        adapted.save_pretrained(tmp_path / str(seed))
    adapters = {name: str(tmp_path / name) for name in ("1", "2")}
    wanted = {
        name: answer(running.runner(model(config, "sdpa"), ends=(), adapters=adapters), adapter=name).text
        for name in ("", "1", "2")
    }
    assert len(set(wanted.values())) == 3
    runner = running.runner(model(config, "sdpa"), ends=(), adapters=adapters)
    asked = [ask(runner, adapter=name) for name in ("2", "", "1", "2")]
    finish(runner)
    assert [each.text for each in asked] == [wanted[name] for name in ("2", "", "1", "2")]
    again = {name: answer(runner, adapter=name) for name in ("1", "")}
    assert all(again[name].text == wanted[name] for name in again)
    long = [answer(runner, PROMPTS[0], adapter=name).last.cached_prompt_tokens for name in ("1", "2", "1")]
    assert long[:2] == [0, 0], "what one adapter computed is of no use to another"
    assert long[2] > 0
