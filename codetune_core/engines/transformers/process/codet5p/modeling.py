"""The network of CodeT5+ 2B, 6B and 16B: two stacks of CodeGen blocks, of which the last one also reads the prompt.

Wang et al. 2023 (arXiv 2305.07922); names of weights, and the order of rows in ``qkv_proj``, are those of the published
files, where rows lie in four parts, one for each of the processors on which CodeGen was trained.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention
from transformers import AutoModelForSeq2SeqLM, PreTrainedModel
from transformers.activations import ACT2FN
from transformers.cache_utils import DynamicCache, EncoderDecoderCache
from transformers.modeling_outputs import BaseModelOutput, Seq2SeqLMOutput

from codetune_core.engines.transformers.process.codet5p.configuration import (
    CodeT5pConfig,
    CodeT5pModuleConfig,
    register_configs,
)

_PARTS = 4


def _heads(rows: Tensor, heads: int, count: int) -> list[Tensor]:
    """Divide ``[batch, tokens, count * width]`` into ``count`` of ``[batch, heads, tokens, width / heads]``."""
    batch, length, _ = rows.shape
    parts = rows.view(batch, length, _PARTS, count, heads // _PARTS, -1)
    return [parts[:, :, :, number].flatten(2, 3).transpose(1, 2) for number in range(count)]


def _rotate(states: Tensor, positions: Tensor, size: int) -> Tensor:
    """Turn the first ``size`` numbers of each head by their position, in pairs of neighbours (Su et al. 2021)."""
    frequencies = 10000 ** (-torch.arange(0, size, 2, device=states.device, dtype=torch.float32) / size)
    angles = (positions[:, None].float() * frequencies).repeat_interleave(2, -1)
    turned, rest = states[..., :size].float(), states[..., size:]
    across = torch.stack((-turned[..., 1::2], turned[..., ::2]), -1).flatten(-2)
    return torch.cat(((turned * angles.cos() + across * angles.sin()).to(states.dtype), rest), -1)


class _Attention(nn.Module):
    """Attention with rotary positions; keys and values are the encoder's where it crosses."""

    def __init__(self, config: CodeT5pModuleConfig, layer: int, *, crosses: bool = False) -> None:
        super().__init__()
        self.heads, self.rotary, self.layer, self.crosses = config.n_head, config.rotary_dim, layer, crosses
        self.qkv_proj = nn.Linear(config.n_embd, config.n_embd * (2 if crosses else 3), bias=False)
        if crosses:
            self.q_attn = nn.Linear(config.n_embd, config.n_embd, bias=False)
        self.out_proj = nn.Linear(config.n_embd, config.n_embd, bias=False)

    def forward(
        self, hidden: Tensor, positions: Tensor, mask: Tensor | None, cache: DynamicCache | None, memory: Tensor | None
    ) -> Tensor:
        if self.crosses:
            (query,) = _heads(self.q_attn(hidden), self.heads, 1)
            key, value = self._remembered(cache, memory)
        else:
            query, value, key = _heads(self.qkv_proj(hidden), self.heads, 3)
            key = _rotate(key, positions, self.rotary)
            if cache is not None:
                key, value = cache.update(key, value, self.layer)
        query = _rotate(query, positions, self.rotary)
        mixed = scaled_dot_product_attention(query, key, value, mask)
        out: Tensor = self.out_proj(mixed.transpose(1, 2).flatten(2))
        return out

    def _remembered(self, cache: DynamicCache | None, memory: Tensor | None) -> tuple[Tensor, Tensor]:
        """Keys and values of the prompt, computed once for an answer."""
        if cache is not None and cache.get_seq_length(self.layer):
            held: Any = cache.layers[self.layer]
            return held.keys, held.values
        value, key = _heads(self.qkv_proj(memory), self.heads, 2)
        key = _rotate(key, torch.arange(key.shape[2], device=key.device), self.rotary)
        return (key, value) if cache is None else cache.update(key, value, self.layer)


class _Mlp(nn.Module):
    def __init__(self, config: CodeT5pModuleConfig) -> None:
        super().__init__()
        inner = config.n_inner or 4 * config.n_embd
        self.fc_in = nn.Linear(config.n_embd, inner)
        self.fc_out = nn.Linear(inner, config.n_embd)
        self.act = ACT2FN[config.activation_function]

    def forward(self, hidden: Tensor) -> Tensor:
        out: Tensor = self.fc_out(self.act(self.fc_in(hidden)))
        return out


class _Block(nn.Module):
    """All of it reads the same normed input, side by side."""

    def __init__(self, config: CodeT5pModuleConfig, layer: int) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        self.attn = _Attention(config, layer)
        self.mlp = _Mlp(config)
        if config.add_cross_attention and layer == config.n_layer - 1:
            self.crossattention = _Attention(config, layer, crosses=True)

    def forward(self, hidden: Tensor, flow: "_Flow") -> Tensor:
        normed = self.ln_1(hidden)
        own = None if flow.cache is None else flow.cache.self_attention_cache
        crossed = None if flow.cache is None else flow.cache.cross_attention_cache
        out: Tensor = hidden + self.mlp(normed) + self.attn(normed, flow.positions, flow.mask, own, None)
        if hasattr(self, "crossattention"):
            out = out + self.crossattention(normed, flow.positions, flow.memory_mask, crossed, flow.memory)
        return out


class _Flow:
    """What all blocks of one pass share."""

    def __init__(
        self,
        positions: Tensor,
        mask: Tensor | None,
        cache: EncoderDecoderCache | None = None,
        memory: Tensor | None = None,
        memory_mask: Tensor | None = None,
    ) -> None:
        self.positions, self.mask, self.cache = positions, mask, cache
        self.memory, self.memory_mask = memory, memory_mask


class _Stack(nn.Module):
    """Token embeddings, blocks, a last norm."""

    def __init__(self, config: CodeT5pModuleConfig) -> None:
        super().__init__()
        self.wte = nn.Embedding(config.vocab_size, config.n_embd)
        self.h = nn.ModuleList(_Block(config, layer) for layer in range(config.n_layer))
        self.ln_f = nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)

    def forward(self, ids: Tensor, flow: _Flow) -> Tensor:
        hidden = self.wte(ids)
        for block in self.h:
            hidden = block(hidden, flow)
        normed: Tensor = self.ln_f(hidden)
        return normed


class _Decoder(nn.Module):
    def __init__(self, config: CodeT5pModuleConfig) -> None:
        super().__init__()
        self.transformer = _Stack(config)
        self.lm_head = nn.Linear(config.n_embd, config.vocab_size)

    def forward(self, ids: Tensor, flow: _Flow) -> Tensor:
        logits: Tensor = self.lm_head(self.transformer(ids, flow)).float()
        return logits


class CodeT5pForConditionalGeneration(PreTrainedModel):  # type: ignore[no-untyped-call]
    """Both stacks; ``decoder_input_ids`` are to begin with the prompt, as ``input_ids`` are it."""

    config_class = CodeT5pConfig
    base_model_prefix = "codet5p"
    main_input_name = "input_ids"
    _no_split_modules = ["_Block"]  # noqa: RUF012
    _supports_sdpa = True

    def __init__(self, config: CodeT5pConfig) -> None:
        super().__init__(config)
        self.encoder = _Stack(config.encoder)
        self.decoder = _Decoder(config.decoder)
        self.enc_to_dec_proj = nn.Linear(config.encoder.n_embd, config.decoder.n_embd)
        self.post_init()  # type: ignore[no-untyped-call]

    def get_input_embeddings(self) -> nn.Module:
        return self.encoder.wte

    def get_output_embeddings(self) -> nn.Module:
        return self.decoder.lm_head

    def forward(
        self,
        input_ids: Tensor | None = None,
        *,
        decoder_input_ids: Tensor,
        attention_mask: Tensor | None = None,
        encoder_outputs: BaseModelOutput | None = None,
        past_key_values: EncoderDecoderCache | None = None,
        **_: Any,
    ) -> Seq2SeqLMOutput:
        """Return float32 logits ``[batch, tokens, vocabulary]``; the mask ``[batch, tokens]`` is the encoder's."""
        padding = None if attention_mask is None else attention_mask.bool()[:, None, None]
        if encoder_outputs is None:
            encoder_outputs = self.encode(input_ids, padding)
        past = past_key_values.get_seq_length() if past_key_values is not None else 0
        length = decoder_input_ids.shape[1]
        positions = torch.arange(past, past + length, device=decoder_input_ids.device)
        causal = None if length == 1 else torch.arange(past + length, device=positions.device) <= positions[:, None]
        memory = None if past else self.enc_to_dec_proj(encoder_outputs[0])
        logits = self.decoder(decoder_input_ids, _Flow(positions, causal, past_key_values, memory, padding))
        return Seq2SeqLMOutput(
            logits=logits, past_key_values=past_key_values, encoder_last_hidden_state=encoder_outputs[0]
        )

    def encode(self, input_ids: Any, padding: Tensor | None = None) -> BaseModelOutput:
        """Read a prompt; ``padding`` ``[batch, 1, 1, tokens]`` is False where there is none of it."""
        positions = torch.arange(input_ids.shape[1], device=input_ids.device)
        return BaseModelOutput(last_hidden_state=self.encoder(input_ids, _Flow(positions, padding)))


def register() -> None:
    """Let the Auto classes know config and model; may be called again."""
    register_configs()
    AutoModelForSeq2SeqLM.register(CodeT5pConfig, CodeT5pForConditionalGeneration, exist_ok=True)
