"""Sizes are counted from a config as transformers builds the model: weight by weight, on the meta device."""

import json
from pathlib import Path

import pytest
import torch
import transformers
from safetensors import safe_open

from codetune_core.models.architecture import shape_of
from codetune_core.models.spec import Kind

FIXTURES = Path(__file__).parents[2] / "fixtures"

SMALL = {
    "hidden_size": 64, "intermediate_size": 160, "num_hidden_layers": 3, "num_attention_heads": 4,
    "num_key_value_heads": 2, "vocab_size": 512, "max_position_embeddings": 256,
}  # fmt: skip
DECODERS = {
    "llama": {},
    "llama with biases": {"model_type": "llama", "attention_bias": True, "mlp_bias": True, "tie_word_embeddings": True},
    "llama with wide heads": {"model_type": "llama", "head_dim": 48},
    "llama of one head each": {"model_type": "llama", "num_key_value_heads": 4},
    "mistral": {},
    "qwen2": {},
    "qwen2 tied": {"model_type": "qwen2", "tie_word_embeddings": True},
    "qwen3": {"head_dim": 16},
    "qwen3 with biases": {"model_type": "qwen3", "head_dim": 16, "attention_bias": True},
    "gemma": {"head_dim": 16},
    "gemma2": {"head_dim": 16},
    "gemma3_text": {"head_dim": 16},
    "qwen3_5_text": {
        "head_dim": 16, "num_hidden_layers": 8, "linear_num_value_heads": 4, "linear_num_key_heads": 2,
        "linear_key_head_dim": 16, "linear_value_head_dim": 24, "linear_conv_kernel_dim": 3,
    },
}  # fmt: skip
T5 = {"d_model": 64, "d_ff": 160, "d_kv": 24, "num_heads": 3, "num_layers": 2, "vocab_size": 512}
BERT = {**SMALL, "type_vocab_size": 3}


def built(family: str, auto: str, **values):
    """The config as transformers writes it, and the model without its weights' memory."""

    config = transformers.AutoConfig.for_model(family, **values)
    with torch.device("meta"):
        model = getattr(transformers, auto).from_config(config)
    return {**config.to_dict(), "architectures": [type(model).__name__]}, model


def check(config, model, kind: Kind, *, embeds: bool = False) -> None:

    shape = shape_of(json.loads(json.dumps(config, default=str)), embeds=embeds)
    assert shape.kind is kind
    assert shape.architecture is not None
    assert shape.architecture.parameters == sum(weight.numel() for weight in model.parameters())
    head = model.get_output_embeddings() if kind in {Kind.CAUSAL, Kind.SEQ2SEQ} else None
    linear = [part for part in model.modules() if isinstance(part, torch.nn.Linear) and part is not head]
    packed = shape.architecture.parameters - shape.architecture.embedding_parameters
    assert packed == sum(part.weight.numel() for part in linear)


@pytest.mark.parametrize("name", DECODERS)
def test_every_weight_of_a_decoder_is_counted(name):
    values = {**SMALL, **DECODERS[name]}
    family = values.pop("model_type", name)
    config, model = built(family, "AutoModelForCausalLM", **values)
    check(config, model, Kind.CAUSAL)


@pytest.mark.parametrize("more", [{}, {"num_decoder_layers": 4}, {"feed_forward_proj": "gated-gelu"}])
@pytest.mark.parametrize("tied", [True, False])
def test_every_weight_of_t5_is_counted(more, tied):
    config, model = built("t5", "AutoModelForSeq2SeqLM", **T5, **more, tie_word_embeddings=tied)
    check(config, model, Kind.SEQ2SEQ)


def test_every_weight_of_an_embedding_model_is_counted():
    config, model = built("bert", "AutoModel", **BERT)
    check(config, model, Kind.EMBEDDING)
    config, model = built("qwen3", "AutoModel", **SMALL, tie_word_embeddings=False)
    check(config, model, Kind.EMBEDDING, embeds=True)


@pytest.mark.parametrize("labels", [1, 2, 5])
def test_every_weight_of_a_cross_encoder_is_counted(labels):
    config, model = built("bert", "AutoModelForSequenceClassification", **BERT, num_labels=labels)
    check(config, model, Kind.CROSS_ENCODER)


def test_every_weight_of_codet5_plus_is_counted():

    folder = FIXTURES / "codet5p-golden"
    shape = shape_of(json.loads((folder / "config.json").read_text("utf-8")))
    with safe_open(folder / "model.safetensors", "np") as file:
        sizes = [file.get_slice(name).get_shape() for name in file.keys()]  # noqa: SIM118 - it is no mapping
    assert shape.kind is Kind.CODET5P
    assert shape.context_tokens == 256
    assert shape.architecture
    assert shape.architecture.parameters == sum(_product(size) for size in sizes)
    assert (shape.architecture.layers, shape.architecture.cross_attention_layers) == (4, 1)


def _product(size) -> int:
    total = 1
    for number in size:
        total *= number
    return total


def test_the_language_model_is_read_inside_one_that_also_sees():
    inner = {**SMALL, "model_type": "gemma3_text", "head_dim": 16}
    whole = {"model_type": "gemma3", "architectures": ["Gemma3ForConditionalGeneration"], "text_config": inner}
    assert shape_of(whole) == shape_of(inner)
    assert shape_of(whole).kind is Kind.CAUSAL


def test_of_a_hybrid_only_the_layers_with_attention_keep_keys_and_values():
    config = {**SMALL, **DECODERS["qwen3_5_text"], "model_type": "qwen3_5_text", "full_attention_interval": 4}
    architecture = shape_of(config).architecture
    assert architecture
    assert (architecture.layers, architecture.kv_layers) == (8, 2)
    kinds = ["linear_attention", "full_attention"] * 4
    architecture = shape_of({**config, "layer_types": kinds}).architecture
    assert architecture
    assert architecture.kv_layers == 4


@pytest.mark.parametrize(
    ("config", "kind"),
    [
        ({"model_type": "mixtral", "architectures": ["MixtralForCausalLM"]}, Kind.CAUSAL),
        ({"model_type": "bart", "is_encoder_decoder": True}, Kind.SEQ2SEQ),
        ({"model_type": "roberta", "architectures": ["RobertaForSequenceClassification"]}, Kind.CROSS_ENCODER),
        ({"model_type": "llama", "hidden_size": 64}, Kind.CAUSAL),
        ({"model_type": "qwen2", "hidden_size": "wide", "num_attention_heads": 2}, Kind.CAUSAL),
        ({}, Kind.EMBEDDING),
    ],
)
def test_what_cannot_be_counted_has_a_kind_and_no_sizes(config, kind):
    shape = shape_of(config)
    assert (shape.kind, shape.architecture, shape.context_tokens) == (kind, None, 2048)
