"""Attention over the paged cache: queries that share keys and values are folded together, and nothing is repeated."""

from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

from codetune_core.engines.transformers.process.causal.cache import BLOCK
from codetune_core.engines.transformers.process.causal.step import Interrupted, Segment, Singles, Step

NAME = "codetune_paged"
_TINY = torch.finfo(torch.float32).tiny
_UNKNOWN = ("softcap", "s_aux", "position_bias")
"""What some models add to attention, and this one does not do."""


def paged_attention(  # noqa: PLR0913 - the interface of transformers
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,  # noqa: ARG001 - the interface of transformers; the step says who sees what
    *,
    step: Step,
    scaling: float | None = None,
    sliding_window: int | None = None,
    **options: Any,
) -> tuple[torch.Tensor, None]:
    """Write the step's keys and values to its cache and attend to all that their sequences have there.

    Args:
        module: the layer's attention, whose ``layer_idx`` says where to write.
        query: ``[1, heads, tokens, head_dim]``.
        key: ``[1, kv_heads, tokens, head_dim]``.
        value: likewise.
        attention_mask: not used.
        step: which tokens these are.
        scaling: of the scores.
        sliding_window: how far back a token sees, itself included; None for all.
        **options: what other implementations know.

    Returns:
        ``[1, tokens, heads, head_dim]``, and None in place of weights.

    Raises:
        Interrupted: nobody waits for this step any more.
        NotImplementedError: the model wants more of attention than this.
    """
    if any(options.get(name) is not None for name in _UNKNOWN):
        raise NotImplementedError(f"attention of this model takes {', '.join(set(options) & set(_UNKNOWN))}")
    if step.interrupted():
        raise Interrupted
    keys, values = step.cache.write(module.layer_idx, key, value, step.at)
    query = query[0].transpose(0, 1) * (query.shape[-1] ** -0.5 if scaling is None else scaling)
    parts = []
    if step.singles is not None:
        rows = len(step.singles.positions)
        parts.append(_attend_singles(query[:rows], keys, values, step.singles, sliding_window))
    parts += [_attend_segment(query, keys, values, segment, sliding_window) for segment in step.segments]
    return (parts[0] if len(parts) == 1 else torch.cat(parts))[None], None


def _attend_singles(
    query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, singles: Singles, window: int | None
) -> torch.Tensor:
    """Attend from ``[rows, heads, head_dim]``: every block apart, then the blocks of each row together.

    The split and its sum are those of Flash-Decoding (Dao et al. 2023). It reads each block once, where it lies, for
    rows of any length, and its shapes depend on the numbers of rows and blocks alone, as CUDA graphs need it.
    """
    rows, heads, head_dim = query.shape
    blocks, kv_heads = len(singles.owner), keys.shape[1]
    folded = query.view(rows, kv_heads, heads // kv_heads, head_dim)[singles.owner]
    scores = (folded @ keys[:blocks].transpose(-1, -2)).to(torch.float32) + singles.bias(window)
    peak = scores.amax(-1)
    weights = scores.sub_(peak[..., None]).exp_()
    sums = (weights.to(values.dtype) @ values[:blocks]).to(torch.float32)
    owner = singles.owner[:, None, None].expand_as(peak)
    top = peak.new_full((rows, *peak.shape[1:]), -torch.inf).scatter_reduce(0, owner, peak, "amax")
    share = (peak - top[singles.owner]).exp_()
    membership = singles.membership()
    total = membership @ (sums * share[..., None]).reshape(blocks, -1)
    # A row without blocks is a graph's padding, and must not become NaN, which would spread through the cache.
    weight = (membership @ (weights.sum(-1) * share).reshape(blocks, -1)).clamp_min_(_TINY)
    return (total.view(rows, heads, -1) / weight.view(rows, heads, 1)).to(query.dtype)


def _attend_segment(
    query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, segment: Segment, window: int | None
) -> torch.Tensor:
    """Attend from the segment's part of ``[tokens, heads, head_dim]`` to its sequence's keys, gathered."""
    count, end = segment.count, segment.start + segment.count
    heads, kv_heads = query.shape[1], keys.shape[1]
    groups = heads // kv_heads
    part = query[segment.first : segment.first + count].transpose(0, 1)
    found = scaled_dot_product_attention(
        part.reshape(1, kv_heads, groups * count, -1),
        _gather(keys, segment.blocks, end),
        _gather(values, segment.blocks, end),
        attn_mask=segment.mask(groups, window),
        scale=1.0,
    )
    return found.reshape(heads, count, -1).transpose(0, 1)


def _gather(pool: torch.Tensor, blocks: torch.Tensor, tokens: int) -> torch.Tensor:
    """``[blocks, heads, BLOCK, head_dim]`` -> ``[1, heads, tokens, head_dim]`` of one sequence."""
    _, heads, _, head_dim = pool.shape
    return pool[blocks].transpose(0, 1).reshape(1, heads, len(blocks) * BLOCK, head_dim)[:, :, :tokens]


AttentionInterface.register(NAME, paged_attention)
