"""The memory plan: what weights, keys and values and everything else of a model take, and what fits.

All sizes are bytes; a GB is 10^9 of them. The sources of the constants are named where they stand.
"""

from dataclasses import dataclass

from codetune_core.models.spec import Architecture, ModelSpec, Quantization

GB = 10**9
NF4_BITS = 4 + 8 / 64 + 32 / (64 * 256)
"""A weight in NF4 with double quantization (QLoRA, arXiv 2305.14314, section 3): 4 bits, an 8-bit scale for each block
of 64, and a 32-bit scale for each 256 of those."""
_PLAIN_BYTES = {Quantization.FP32: 4, Quantization.BF16: 2, Quantization.FP16: 2}
_SCALE_BYTES = 4
"""LLM.int8() (arXiv 2208.07339) keeps a 32-bit scale for each row of a matrix."""
_GPU_OVERHEAD = 2 * GB
"""CUDA context, activations of a prompt, matrices while they are dequantized."""
_CPU_OVERHEAD = 3 * GB // 4
"""The process with torch and transformers in it, and activations."""
LEAST_CONTEXT = 2048
"""Tokens of context with which a model is still worth loading; a shorter one of its own is enough too."""


def weight_bytes(architecture: Architecture, quantization: Quantization) -> int:
    """Return what all weights take: linear layers quantized, embeddings, head, norms and biases in 16 bits."""
    if quantization in _PLAIN_BYTES:
        return architecture.parameters * _PLAIN_BYTES[quantization]
    packed = architecture.parameters - architecture.embedding_parameters
    rest = 2 * architecture.embedding_parameters
    if quantization is Quantization.NF4:
        return round(packed * NF4_BITS / 8) + rest
    rows = packed // architecture.hidden
    return packed + rows * _SCALE_BYTES + rest


def kv_bytes_per_token(architecture: Architecture, quantization: Quantization = Quantization.BF16) -> int:
    """Return what keys and values of one token take in all layers that keep them."""
    layers = architecture.layers if architecture.kv_layers is None else architecture.kv_layers
    return layers * _kv_of_a_layer(architecture, quantization)


def cross_bytes_per_token(architecture: Architecture, quantization: Quantization = Quantization.BF16) -> int:
    """Return what each of the encoder's tokens takes besides, for the decoder to look at."""
    return architecture.cross_attention_layers * _kv_of_a_layer(architecture, quantization)


def _kv_of_a_layer(architecture: Architecture, quantization: Quantization) -> int:
    number = 4 if quantization is Quantization.FP32 else 2
    return 2 * architecture.kv_heads * architecture.head_dim * number


def overhead_bytes(device: str) -> int:
    """Return what a model process takes besides weights, keys and values, on ``cpu`` or ``cuda``."""
    return _CPU_OVERHEAD if device.startswith("cpu") else _GPU_OVERHEAD


@dataclass(frozen=True, slots=True)
class Need:
    """What a model takes at one quantization on one kind of device; ``token`` is of keys and values, all kinds."""

    quantization: Quantization
    weights: int
    token: int
    overhead: int

    @property
    def fixed(self) -> int:
        """What it takes before the first token."""
        return self.weights + self.overhead

    def total(self, tokens: int) -> int:
        """Return what it takes with that many tokens of context, of all requests together."""
        return self.fixed + self.token * tokens

    def tokens(self, memory: int) -> int | None:
        """Return how many tokens there is room for, below 0 where not even the weights fit; None for no limit."""
        if memory < self.fixed:
            return -1
        return (memory - self.fixed) // self.token if self.token else None


def need(architecture: Architecture, quantization: Quantization, device: str) -> Need:
    """Return what a model takes."""
    token = kv_bytes_per_token(architecture, quantization) + cross_bytes_per_token(architecture, quantization)
    return Need(quantization, weight_bytes(architecture, quantization), token, overhead_bytes(device))


@dataclass(frozen=True, slots=True)
class Fit:
    """How a model fits a memory.

    Attributes:
        need: what it takes.
        context_tokens: the longest context there is room for, at most the model's own; 0 where it does not fit.
        contexts: how many contexts of that length at once; None where contexts take nothing.
    """

    need: Need
    context_tokens: int
    contexts: int | None

    @property
    def fits(self) -> bool:
        """Whether it can be loaded."""
        return self.context_tokens > 0

    @property
    def total(self) -> int:
        """What it takes with one context."""
        return self.need.total(self.context_tokens)


def fit(spec: ModelSpec, architecture: Architecture, quantization: Quantization, device: str, memory: int) -> Fit:
    """Return how a model fits ``memory`` bytes; a context below `LEAST_CONTEXT` is not worth it."""
    needed = need(architecture, quantization, device)
    room = needed.tokens(memory)
    if room is None:
        return Fit(needed, spec.context_tokens, None)
    context = min(spec.context_tokens, room)
    if context < min(LEAST_CONTEXT, spec.context_tokens):
        return Fit(needed, 0, 0)
    return Fit(needed, context, room // context)


def gigabytes(size: float) -> str:
    """Write a size for people."""
    return f"{size / GB:.1f} GB"
