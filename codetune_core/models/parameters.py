"""Counts a model's weights from its config, by the shapes that transformers gives them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Config = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Count:
    """Weights that quantization packs (those of linear layers, not of the output head), and all others."""

    linear: int = 0
    other: int = 0

    def __add__(self, more: "Count") -> "Count":
        return Count(self.linear + more.linear, self.other + more.other)

    def __mul__(self, times: int) -> "Count":
        return Count(self.linear * times, self.other * times)


def _linear(inputs: int, outputs: int, *, bias: bool = False) -> Count:
    return Count(inputs * outputs, outputs if bias else 0)


def head_dim(config: Config) -> int:
    """Return the numbers in one head of attention."""
    return int(config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"])


def kv_heads(config: Config) -> int:
    """Return the heads of keys and values in one layer."""
    return int(config.get("num_key_value_heads") or config["num_attention_heads"])


def llama_like(config: Config, *, qkv_bias: bool, out_bias: bool, norms: int, qk_norm: bool) -> Count:
    """Count a decoder of Llama's build with its head, ``norms`` norms in a layer."""
    hidden, width = config["hidden_size"], head_dim(config)
    queries, keys = config["num_attention_heads"] * width, kv_heads(config) * width
    mlp_bias = bool(config.get("mlp_bias", False))
    layer = (
        _linear(hidden, queries, bias=qkv_bias)
        + _linear(hidden, keys, bias=qkv_bias) * 2
        + _linear(queries, hidden, bias=out_bias)
        + _gated(hidden, config["intermediate_size"], bias=mlp_bias)
        + Count(0, norms * hidden + (2 * width if qk_norm else 0))
    )
    return layer * int(config["num_hidden_layers"]) + Count(0, hidden) + _ends(config)


def _gated(hidden: int, inner: int, *, bias: bool = False) -> Count:
    return _linear(hidden, inner, bias=bias) * 2 + _linear(inner, hidden, bias=bias)


def _ends(config: Config) -> Count:
    """Embeddings, and a head where it is not tied to them."""
    matrices = 1 if config["tie_word_embeddings"] else 2
    return Count(0, matrices * config["vocab_size"] * config["hidden_size"])


def qwen3_5(config: Config) -> Count:
    """Count Qwen 3.5's hybrid decoder: gated delta nets, and gated attention in each fourth layer."""
    hidden, width = config["hidden_size"], head_dim(config)
    queries, keys = config["num_attention_heads"] * width, kv_heads(config) * width
    attention = _linear(hidden, 2 * queries) + _linear(hidden, keys) * 2 + _linear(queries, hidden)
    attention += Count(0, 2 * width)
    full, layers = attention_layers(config), int(config["num_hidden_layers"])
    both = _gated(hidden, config["intermediate_size"]) + Count(0, 2 * hidden)
    return attention * full + _delta_net(config) * (layers - full) + both * layers + Count(0, hidden) + _ends(config)


def _delta_net(config: Config) -> Count:
    hidden, heads = config["hidden_size"], config["linear_num_value_heads"]
    values = heads * config["linear_value_head_dim"]
    mixed = 2 * config["linear_num_key_heads"] * config["linear_key_head_dim"] + values
    projections = _linear(hidden, mixed) + _linear(hidden, values) * 2 + _linear(hidden, heads) * 2
    convolution = mixed * config["linear_conv_kernel_dim"]
    return projections + Count(0, convolution + 2 * heads + config["linear_value_head_dim"])


def attention_layers(config: Config) -> int:
    """Return how many layers keep keys and values of every token."""
    layers: int = config["num_hidden_layers"]
    if kinds := config.get("layer_types"):
        return sum(kind != "linear_attention" for kind in kinds)
    return layers // int(config.get("full_attention_interval", 1))


def t5(config: Config) -> Count:
    """Count an encoder and a decoder of T5, with one table of embeddings."""
    hidden, inner = config["d_model"], config["num_heads"] * config["d_kv"]
    attention = _linear(hidden, inner) * 3 + _linear(inner, hidden)
    gated = "gated" in str(config.get("feed_forward_proj", "relu"))
    feed = _linear(hidden, config["d_ff"]) * (2 if gated else 1) + _linear(config["d_ff"], hidden)
    encoder = attention + feed + Count(0, 2 * hidden)
    decoder = attention * 2 + feed + Count(0, 3 * hidden)
    positions = config.get("relative_attention_num_buckets", 32) * config["num_heads"]
    matrices = 1 if config.get("tie_word_embeddings", True) else 2
    rest = Count(0, 2 * (positions + hidden) + matrices * config["vocab_size"] * hidden)
    return encoder * int(config["num_layers"]) + decoder * decoder_layers(config) + rest


def decoder_layers(config: Config) -> int:
    """Return the layers of T5's decoder."""
    return int(config.get("num_decoder_layers") or config["num_layers"])


def codet5p(config: Config) -> Count:
    """Count CodeT5+ 2B, 6B or 16B: two CodeGen stacks, one cross-attention in the last block, a projection between."""
    encoder, decoder = config["encoder"], config["decoder"]
    wide, narrow = decoder["n_embd"], encoder["n_embd"]
    cross = _linear(wide, wide) * 2 + _linear(wide, 2 * wide)
    head = Count(0, decoder["vocab_size"] * (wide + 1))
    between = _linear(narrow, wide, bias=True) if narrow != wide else Count()
    return _codegen(encoder) + _codegen(decoder) + cross + head + between


def _codegen(config: Config) -> Count:
    hidden = config["n_embd"]
    inner = config.get("n_inner") or 4 * hidden
    attention = _linear(hidden, 3 * hidden) + _linear(hidden, hidden)
    feed = _linear(hidden, inner, bias=True) + _linear(inner, hidden, bias=True)
    norm = Count(0, 2 * hidden)
    return (attention + feed + norm) * int(config["n_layer"]) + norm + Count(0, config["vocab_size"] * hidden)


def bert(config: Config, *, labels: int) -> Count:
    """Count BERT with its pooler, and a classifier where there are labels."""
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    norm = Count(0, 2 * hidden)
    square = _linear(hidden, hidden, bias=True)
    layer = square * 4 + _linear(hidden, inner, bias=True) + _linear(inner, hidden, bias=True) + norm * 2
    rows = config["vocab_size"] + config["max_position_embeddings"] + config.get("type_vocab_size", 2)
    classifier = _linear(hidden, labels, bias=True) if labels else Count()
    return layer * int(config["num_hidden_layers"]) + Count(0, rows * hidden) + norm + square + classifier
