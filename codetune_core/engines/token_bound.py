"""How many tokens a text has at most, where the model's tokenizer is elsewhere."""

import re

_RUNS = re.compile(rb"[a-z]{4,}| {2,}")
"""What every tokenizer of code joins: lower-case letters, and indentation."""


def token_bound(text: str) -> int:
    """Return a number of tokens that a text does not exceed.

    No token of a byte-level vocabulary is shorter than a byte, so each byte counts as one: digits, punctuation,
    capitals and the bytes of other scripts often are tokens of their own. Of a run of lower-case letters, from four
    on, and of a run of blanks, two are counted as one. That is about 1.4 bytes a token; a vocabulary of 4,096, smaller
    than that of any model in use, needs 2.9 for Python. Only long random lower-case letters, as no source holds them,
    can exceed it.
    """
    data = text.encode("utf-8", "surrogatepass")
    return len(data) - sum(len(run) // 2 for run in _RUNS.findall(data))
