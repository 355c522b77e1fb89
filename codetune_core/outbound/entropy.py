"""Which strings look random: by Shannon's entropy, and by how often the kind of character changes."""

import math
import re
from collections import Counter
from collections.abc import Iterator

from codetune_core.detectors.secret_filters import mixing
from codetune_core.outbound.redact import Span

_TOKEN = re.compile(r"(?<![A-Za-z0-9+/_=$@#-])[A-Za-z0-9+/_-]{20,}={0,2}(?![A-Za-z0-9+/_=-])")
_HEX = re.compile(r"[0-9a-f]+|[0-9A-F]+")
_SHORTEST_HEX, _SHORTEST_LOWER, _SHORTEST_LETTERS = 32, 24, 24
_SHARE = 0.8
"""Of the entropy that the likeliest random string of this length would have."""
_MIXED, _MIXED_LETTERS, _MIXED_LOWER = 0.34, 0.38, 0.18
"""`mixing` is about 0.62 for random base64, and 0.4 for random lower-case letters and digits."""
_FEWEST_DIGITS = 4
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_COMMIT = re.compile(r"(?:^|/)(?:blob|tree|commit|raw|compare|archive)/[0-9a-f]{7,64}(?:/|$)")
_WORD = re.compile(r"[A-Z]?[a-z]{3,}|[A-Z]{4,}")
_UNSPEAKABLE = re.compile(r"[^aeiouy]{5}|[^aeiou]{4}$|^[^aeiouy]+$", re.IGNORECASE)
_CONTEXT_CHARS = 32
_KNOWN = re.compile(
    r"integrity|sha-?\d|checksum|digest|hash|commit|revision|\brev\b|\bref\b|etag|fingerprint|[ug]uid|md5|blake|"
    r"thumbprint|pub(?:lic)?[-_ ]?key|ssh-(?:rsa|ed25519|dss)|ecdsa-\S+|;base64|data:|nonce|boundary|alphabet|\b0x|"
    r"\btree\b|\bindex\b|merge|\bgit\b|crc",
    re.IGNORECASE,
)
"""What announces a digest, an id, public or binary data."""


def entropy(text: str) -> float:
    """Return Shannon's entropy of the characters, in bits for each (C. E. Shannon, 1948)."""
    counts = Counter(text).values()
    return -sum(count / len(text) * math.log2(count / len(text)) for count in counts)


def random_strings(text: str) -> Iterator[Span]:
    """Yield the strings of 20 characters and more that look random, quoted or not.

    Left out is what is announced as a digest, an id, a commit, a public key or binary data, and UUIDs.
    """
    for match in _TOKEN.finditer(text):
        token, before = match[0], text[max(0, match.start() - _CONTEXT_CHARS) : match.start()]
        if is_random(token) and not _KNOWN.search(before.rpartition("\n")[2]):
            yield Span("high-entropy", *match.span())


def is_random(token: str) -> bool:
    """Say whether a string of 20 characters or more was most likely drawn by chance."""
    plain = token.rstrip("=")
    if _UUID.fullmatch(plain) or _COMMIT.search(plain):
        return False
    if _HEX.fullmatch(plain):
        return len(plain) >= _SHORTEST_HEX and _is_mixed_hex(plain)
    digits = sum(c.isdigit() for c in plain)
    lower, upper = any(c.islower() for c in plain), any(c.isupper() for c in plain)
    alphabet = 26 * lower + 26 * upper + 10 * bool(digits)
    if not alphabet or entropy(plain) < _SHARE * math.log2(min(len(plain), alphabet)) or _is_of_words(plain):
        return False
    mixed = mixing(plain)
    if lower and upper:
        return mixed >= _MIXED if digits else mixed >= _MIXED_LETTERS and len(plain) >= _SHORTEST_LETTERS
    return len(plain) >= _SHORTEST_LOWER and digits >= _FEWEST_DIGITS and mixed >= _MIXED_LOWER


def _is_mixed_hex(plain: str) -> bool:
    return any(c.isdigit() for c in plain) and any(c.isalpha() for c in plain) and entropy(plain) >= _SHARE * 4


def _is_of_words(plain: str) -> bool:
    """Say whether more than half of it is words, as in a path or an identifier."""
    words = [word for word in _WORD.findall(plain) if not _UNSPEAKABLE.search(word)]
    return 2 * sum(map(len, words)) > len(plain)
