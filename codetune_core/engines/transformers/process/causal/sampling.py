"""Choose the next tokens of many sequences at once."""

from collections.abc import Sequence as Ordered
from dataclasses import dataclass

import torch

from codetune_core.engines.transformers.wire import Generate


@dataclass(frozen=True, slots=True)
class Row:
    """How one row of logits becomes a token.

    Attributes:
        request: its temperature and the like.
        history: tokens before it, for the repetition penalty; empty where there is none.
        uniform: the random number that decides, from [0, 1); not used where the most probable is taken.
    """

    request: Generate
    history: Ordered[int] = ()
    uniform: float = 0.0


def penalizes(request: Generate) -> bool:
    """Whether repetition is penalized."""
    return request.repetition_penalty not in {None, 1.0}


def choose(logits: torch.Tensor, rows: Ordered[Row]) -> list[int]:
    """Return a token for each row of ``[rows, vocabulary]`` logits, which are float32 and may be written to.

    As in the field: penalty for what was there before (Keskar et al. 2019), temperature, then top-k, top-p (Holtzman
    et al. 2019) and min-p (Nguyen et al. 2024) of what is left. Temperature 0 takes the most probable.
    """
    for place, row in enumerate(rows):
        if penalizes(row.request):
            _penalize(logits[place], row)
    tokens = logits.argmax(-1)
    random = [place for place, row in enumerate(rows) if row.request.temperature > 0]
    # Apart, since what a seed gives depends on the order of the tokens, and must not on who else is there.
    for sort in (False, True):
        places = [place for place in random if _truncates(rows[place].request) == sort]
        if places:
            tokens[places] = _sample(logits[places], [rows[place] for place in places], sort=sort)
    result: list[int] = tokens.tolist()
    return result


def logprobs(logits: torch.Tensor, tokens: Ordered[int]) -> list[float]:
    """Return the log probability of one token for each row, before temperature and the like."""
    picked = logits.gather(1, torch.tensor(tokens, device=logits.device)[:, None])[:, 0]
    result: list[float] = (picked - logits.logsumexp(-1)).tolist()
    return result


def _penalize(logits: torch.Tensor, row: Row) -> None:
    seen = torch.tensor(sorted(set(row.history)), dtype=torch.long, device=logits.device)
    values = logits[seen]
    penalty = row.request.repetition_penalty or 1.0
    logits[seen] = torch.where(values > 0, values / penalty, values * penalty)


def _truncates(request: Generate) -> bool:
    return bool(request.top_k or request.top_p or request.min_p)


def _sample(logits: torch.Tensor, rows: Ordered[Row], *, sort: bool) -> torch.Tensor:
    device = logits.device
    requests = [row.request for row in rows]
    temperature = torch.tensor([request.temperature for request in requests], device=device)
    probabilities = (logits / temperature[:, None]).softmax(-1)
    order = None
    if sort:
        probabilities, order = probabilities.sort(-1, descending=True)
        probabilities = _truncate(probabilities, requests)
    reached = probabilities.cumsum(-1)
    uniform = torch.tensor([row.uniform for row in rows], dtype=reached.dtype, device=device)
    places = torch.searchsorted(reached, (uniform * reached[:, -1])[:, None], right=True)
    # A product that is rounded up to the sum itself falls behind the last token that has any probability.
    last = (probabilities > 0).to(torch.int8).cumsum(-1, dtype=torch.int32).argmax(-1)
    places = torch.minimum(places, last[:, None])
    return (places if order is None else order.gather(1, places))[:, 0]


def _truncate(probabilities: torch.Tensor, requests: Ordered[Generate]) -> torch.Tensor:
    """Set to 0 what is left out of probabilities, which are sorted: ``[rows, vocabulary]``."""
    device, vocabulary = probabilities.device, probabilities.shape[-1]
    rank = torch.arange(vocabulary, device=device)
    top_k = torch.tensor([request.top_k or vocabulary for request in requests], device=device)
    probabilities = probabilities.masked_fill(rank >= top_k[:, None], 0)
    probabilities = probabilities / probabilities.sum(-1, keepdim=True)
    top_p = torch.tensor([request.top_p or 1.0 for request in requests], device=device)
    before = probabilities.cumsum(-1) - probabilities
    # Rounding makes sums exceed 1; the most probable always stays.
    outside = (before >= top_p[:, None]) & (top_p[:, None] < 1) & (rank > 0)
    min_p = torch.tensor([request.min_p or 0.0 for request in requests], device=device)
    return probabilities.masked_fill(outside | (probabilities < min_p[:, None] * probabilities[:, :1]), 0)
