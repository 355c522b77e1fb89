"""Reads a model's kind, sizes and context from its ``config.json``."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from codetune_core.models import parameters
from codetune_core.models.parameters import Config, Count
from codetune_core.models.spec import Architecture, Kind


@dataclass(frozen=True, slots=True)
class Shape:
    """What a config says; ``architecture`` is None for a build whose weights cannot be counted from it."""

    kind: Kind
    context_tokens: int
    architecture: Architecture | None


@dataclass(frozen=True, slots=True)
class _Decoder:
    """How a family of decoders differs from Llama; ``tied`` is what holds where its config does not say it."""

    qkv_bias: bool | None = False
    """None where ``attention_bias`` says it, which then is about the output too."""
    norms: int = 2
    qk_norm: bool = False
    tied: bool = False


_DECODERS = {
    "llama": _Decoder(qkv_bias=None),
    "mistral": _Decoder(),
    "qwen2": _Decoder(qkv_bias=True),
    "qwen3": _Decoder(qkv_bias=None, qk_norm=True),
    "gemma": _Decoder(qkv_bias=None, tied=True),
    "gemma2": _Decoder(qkv_bias=None, norms=4, tied=True),
    "gemma3_text": _Decoder(qkv_bias=None, norms=4, qk_norm=True, tied=True),
}
_DEFAULT_CONTEXT = 2048


def shape_of(config: Config, *, embeds: bool = False) -> Shape:
    """Return what a config says; ``embeds`` where the model comes with sentence-transformers' files."""
    config = text_part(config)
    kind = _kind(config, embeds=embeds)
    return Shape(kind, _context(config), _architecture(config, kind))


def text_part(config: Config) -> Config:
    """Return the config of the language model inside one that also sees."""
    inner = config.get("text_config")
    if not isinstance(inner, Mapping):
        return config
    tied = {name: config[name] for name in ("tie_word_embeddings",) if name in config}
    return {**tied, **inner, "architectures": []}


def _kind(config: Config, *, embeds: bool) -> Kind:
    family, classes = str(config.get("model_type", "")), " ".join(config.get("architectures") or ())
    if family == "codet5p":
        return Kind.CODET5P
    if embeds:
        return Kind.EMBEDDING
    if "ForSequenceClassification" in classes:
        return Kind.CROSS_ENCODER
    if config.get("is_encoder_decoder") or family == "t5":
        return Kind.SEQ2SEQ
    decodes = family in _DECODERS or family == "qwen3_5_text" or "CausalLM" in classes or "LMHead" in classes
    return Kind.CAUSAL if decodes else Kind.EMBEDDING


def _context(config: Config) -> int:
    if "decoder" in config:
        config = config["decoder"]
    for name in ("max_position_embeddings", "n_positions", "n_ctx"):
        if config.get(name):
            return int(config[name])
    return _DEFAULT_CONTEXT


def _architecture(config: Config, kind: Kind) -> Architecture | None:
    family = str(config.get("model_type", ""))
    try:
        if family in _DECODERS:
            return _decoder(config, kind, _DECODERS[family])
        if family in _READERS:
            return _READERS[family](config, kind)
    except (KeyError, TypeError, ValueError):  # a config that misses what its family needs
        return None
    return None


def _decoder(config: Config, kind: Kind, family: _Decoder) -> Architecture:
    config = {"tie_word_embeddings": family.tied, **config}
    if kind is Kind.EMBEDDING:
        config["tie_word_embeddings"] = True  # there is no head
    said = bool(config.get("attention_bias", False))
    count = parameters.llama_like(
        config,
        qkv_bias=said if family.qkv_bias is None else family.qkv_bias,
        out_bias=said if family.qkv_bias is None else False,
        norms=family.norms,
        qk_norm=family.qk_norm,
    )
    return _sized(count, config)


def _sized(count: Count, config: Config, **more: Any) -> Architecture:
    return Architecture(
        parameters=count.linear + count.other,
        embedding_parameters=count.other,
        layers=config["num_hidden_layers"],
        kv_heads=parameters.kv_heads(config),
        head_dim=parameters.head_dim(config),
        hidden=config["hidden_size"],
        vocabulary=config["vocab_size"],
        **more,
    )


def _qwen3_5(config: Config, kind: Kind) -> Architecture:  # noqa: ARG001 - as the other readers
    config = {"tie_word_embeddings": False, "linear_conv_kernel_dim": 4, **config}
    return _sized(parameters.qwen3_5(config), config, kv_layers=parameters.attention_layers(config))


def _t5(config: Config, kind: Kind) -> Architecture:  # noqa: ARG001
    count, layers = parameters.t5(config), parameters.decoder_layers(config)
    return Architecture(
        parameters=count.linear + count.other,
        embedding_parameters=count.other,
        layers=layers,
        kv_heads=config["num_heads"],
        head_dim=config["d_kv"],
        hidden=config["d_model"],
        vocabulary=config["vocab_size"],
        cross_attention_layers=layers,
    )


def _codet5p(config: Config, kind: Kind) -> Architecture:  # noqa: ARG001
    count, decoder = parameters.codet5p(config), config["decoder"]
    return Architecture(
        parameters=count.linear + count.other,
        embedding_parameters=count.other,
        layers=decoder["n_layer"],
        kv_heads=decoder["n_head"],
        head_dim=decoder["n_embd"] // decoder["n_head"],
        hidden=decoder["n_embd"],
        vocabulary=decoder["vocab_size"],
        cross_attention_layers=1,
    )


def _bert(config: Config, kind: Kind) -> Architecture:
    labels = len(config.get("id2label") or (0, 1)) if kind is Kind.CROSS_ENCODER else 0
    return _sized(parameters.bert(config, labels=labels), config, kv_layers=0)


_READERS: dict[str, Callable[[Config, Kind], Architecture]] = {
    "qwen3_5_text": _qwen3_5,
    "t5": _t5,
    "codet5p": _codet5p,
    "bert": _bert,
}
