"""The hash of a line with what follows it, as GitHub code scanning computes ``primaryLocationLineHash``."""

from collections import Counter
from itertools import accumulate

from codetune_core.domain.text import Encoding, to_units

_BLOCK = 100
_FACTOR = 37
_MASK = 2**64 - 1
_END = 0xFFFF


def line_hashes(text: str) -> list[str]:
    """The hash of every line, from the first: ``HASH:N`` for the Nth line with that hash.

    A line's hash is a polynomial over the 100 UTF-16 units from its start, blanks and tabs left out and line ends made
    one line feed, modulo 2**64. Source: ``fingerprints.ts`` of github/codeql-action.
    """
    units, starts = _units(text)
    prefix = list(accumulate(units, lambda value, unit: (value * _FACTOR + unit) & _MASK, initial=0))
    first = pow(_FACTOR, _BLOCK, 2**64)
    seen: Counter[int] = Counter()
    hashes = []
    for start in starts:
        value = (prefix[start + _BLOCK] - prefix[start] * first) & _MASK
        seen[value] += 1
        hashes.append(f"{value:x}:{seen[value]}")
    return hashes


def _units(text: str) -> tuple[list[int], list[int]]:
    """The units that are hashed, padded at the end, and where among them each line starts."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n").replace(" ", "").replace("\t", "")
    starts, place = [], 0
    for line in plain.split("\n"):
        starts.append(place)
        place += to_units(line, len(line), Encoding.UTF16) + 1
    data = plain.encode("utf-16-le", "surrogatepass")
    return [*memoryview(data).cast("H"), _END, *[0] * _BLOCK], starts
