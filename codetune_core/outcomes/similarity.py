"""How much two pieces of code have in common, whatever their layout."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

_TOKEN = re.compile(r"\w+|[^\w\s]")
_LAYOUT = re.compile(r"\s|\S+")
Tokens = tuple[str, ...]
_MOST_PAIRS = 10**9
"""About 30,000 tokens on each side, which take a second."""


def tokens(lines: Sequence[str]) -> Tokens:
    """Words and signs, without white space; formatters choose between quotes, so they are one sign."""
    return tuple(word for line in lines for word in _TOKEN.findall(line.replace('"', "'")))


def layout(lines: Sequence[str]) -> Tokens:
    """Words and each white space; ends of lines are all the same."""
    return tuple(token for line in lines for token in (*_LAYOUT.findall(line.rstrip("\r\n")), "\n"))


def count(part: Tokens, whole: Tokens) -> int:
    """How often a sequence of tokens stands in another without a gap; nothing stands nowhere."""
    return _joined(whole).count(_joined(part)) if part else 0


def distance(one: Tokens, other: Tokens) -> int:
    """Fewest tokens to insert and delete to make one of the other; of very many, whatever their order.

    By the length of their longest common subsequence, a machine word of columns at a time (Hyyrö, "Bit-parallel
    LCS-length computation revisited", 2004).
    """
    if len(one) * len(other) > _MOST_PAIRS:
        return (Counter(one) - Counter(other)).total() + (Counter(other) - Counter(one)).total()
    places: dict[str, int] = defaultdict(int)
    for at, token in enumerate(one):
        places[token] |= 1 << at
    mask = (1 << len(one)) - 1
    open_ = mask
    for token in other:
        hit = open_ & places.get(token, 0)
        open_ = ((open_ + hit) | (open_ - hit)) & mask
    common = len(one) - open_.bit_count()
    return len(one) + len(other) - 2 * common


def share(now: Tokens, without: Tokens, with_: Tokens) -> float:
    """How much of a change stands in a code, from 0 (as without it) to 1 (all of it, whatever else changed).

    The code's place on the way from one to the other, by `distance`: for a change that only adds, the share of the
    added tokens that is still there in order; for one that only deletes, the share that is still gone.
    """
    whole = distance(without, with_)
    travelled = distance(without, now) - distance(with_, now) + whole
    return min(1.0, max(0.0, travelled / (2 * whole)))


def survival(made: Tokens, now: Tokens) -> float:
    """Return the share of tokens that is still there in order, from 0 to 1; of none, all."""
    return (len(made) + len(now) - distance(made, now)) / (2 * len(made)) if made else 1.0


def _joined(part: Tokens) -> str:
    return "".join(f"\0{token}\1" for token in part)
