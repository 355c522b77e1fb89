"""CodeT5+ 16B's network gives what the original gave, with and without a cache, and at every quantization."""

import pytest
import small_models
import torch
from safetensors.torch import load_file
from transformers import AutoConfig
from transformers.cache_utils import DynamicCache, EncoderDecoderCache

from codetune_core.engines.transformers.process.load import load
from codetune_core.models.spec import Kind, Quantization


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return small_models.codet5p(tmp_path_factory.mktemp("models") / "codet5p")


def model_of(folder, quantization=Quantization.FP32):
    return load(small_models.load_plan(folder, Kind.CODET5P, quantization), lambda *_: None).model


@pytest.fixture(scope="module")
def model(folder):
    return model_of(folder)


@pytest.fixture(scope="module")
def golden():
    return load_file(small_models.GOLDEN / "golden.safetensors")


def logits_of(model, golden, **inputs):
    with torch.inference_mode():
        ids = golden["input_ids"]
        given = {"input_ids": ids, "attention_mask": golden["attention_mask"], "decoder_input_ids": ids[:, :5]}
        return model(**(given | inputs)).logits


def greedy(model, prompt, count, *, cached):
    cache = EncoderDecoderCache(DynamicCache(), DynamicCache()) if cached else None
    ids = unread = prompt
    with torch.inference_mode():
        for _ in range(count):
            out = model(
                input_ids=prompt, decoder_input_ids=unread if cached else ids, past_key_values=cache, use_cache=cached
            )
            unread = out.logits[:, -1].argmax(-1, keepdim=True)
            ids = torch.cat([ids, unread], 1)
    return ids.tolist()


def test_logits_are_those_of_the_original_also_where_a_row_is_padded(model, golden):
    assert not golden["attention_mask"].bool().all()
    assert (logits_of(model, golden) - golden["logits"]).abs().max() < 1e-4


def test_what_is_padded_away_changes_nothing(model, golden):
    other = torch.where(golden["attention_mask"].bool(), golden["input_ids"], 7)
    assert not other.equal(golden["input_ids"])
    changed = logits_of(model, golden, input_ids=other)
    torch.testing.assert_close(changed, logits_of(model, golden))


def test_the_encoder_reads_in_both_directions_and_the_decoder_only_back(model, golden):
    other = golden["input_ids"][:1].clone()
    other[0, -1] += 1
    first = golden["input_ids"][:1, :5]
    with torch.inference_mode():
        read = [model(input_ids=ids, decoder_input_ids=first).logits for ids in (golden["input_ids"][:1], other)]
        longer = model(input_ids=other, decoder_input_ids=other).logits[:, :5]
    assert (read[0] - read[1]).abs()[:, 0].max() > 1e-3
    torch.testing.assert_close(longer, read[1])


@pytest.mark.parametrize("cached", [True, False])
def test_greedy_tokens_are_those_of_the_original(model, golden, cached):
    assert greedy(model, golden["input_ids"][:1], 10, cached=cached) == golden["greedy_ids"].tolist()


@pytest.mark.parametrize(("quantization", "likeness"), [("int8", 0.99), ("nf4", 0.9), ("bf16", 0.999)])
def test_quantized_logits_are_close_and_smaller(folder, model, golden, quantization, likeness):
    plan = small_models.load_plan(folder, Kind.CODET5P, Quantization(quantization))
    loaded = load(plan, lambda *_: None)
    whole = sum(parameter.nbytes for parameter in model.parameters())
    assert loaded.weights_bytes < whole * {"int8": 0.4, "nf4": 0.25, "bf16": 0.51}[quantization]
    found = logits_of(loaded.model, golden).flatten()
    assert torch.cosine_similarity(found, golden["logits"].flatten(), 0) > likeness


def test_the_published_sizes_make_a_model_of_16_billion_weights(tmp_path, model):
    shape = (small_models.GOLDEN / "shape_16b.json").read_text().rstrip()
    (tmp_path / "config.json").write_text('{"model_type": "codet5p",' + shape[1:])
    with torch.device("meta"):
        large = type(model)(AutoConfig.from_pretrained(tmp_path))
    assert 16.3e9 < sum(parameter.numel() for parameter in large.parameters()) < 16.7e9
