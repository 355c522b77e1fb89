"""Finds the secrets of a text in whatever language: the review's shapes, private keys, named values, random strings.

What is found once is replaced wherever it stands in the request (`codetune_core.outbound.redact`); a secret that is
encoded anew, or put together from parts, is not recognised.
"""

import re
from collections.abc import Iterator

from codetune_core.detectors.secret_matches import matches
from codetune_core.outbound.entropy import random_strings
from codetune_core.outbound.named import named
from codetune_core.outbound.placeholders import PLACEHOLDER
from codetune_core.outbound.redact import Span

_PRIVATE = re.compile(
    r"-----BEGIN (?:[A-Z0-9 ]{1,30} )?PRIVATE KEY(?: BLOCK)?-----.*?"
    r"(?:-----END (?:[A-Z0-9 ]{1,30} )?PRIVATE KEY(?: BLOCK)?-----|\Z)",
    re.DOTALL,
)
_PUBLIC = re.compile(r"-----BEGIN (?!.{0,30}PRIVATE)[A-Z0-9 ]{1,40}-----.*?-----END [A-Z0-9 ]{1,40}-----", re.DOTALL)
_LEAST_KEY = 16
_LINE = re.compile(r"[^\n]{1,4000}")


def secrets_of(text: str, name: str = "") -> list[Span]:
    """Return the secrets of a text that is given to a name (empty for none), in order; none overlaps another."""
    if len(text) < _SHORTEST:
        return []
    apart = [match.span() for pattern in (_PUBLIC, PLACEHOLDER) for match in pattern.finditer(text)]
    found: list[Span] = []
    for span in (*_keys(text), *_shaped(text), *named(text, name), *random_strings(text)):
        if not any(start < span.end and span.start < end for start, end in apart):
            apart.append((span.start, span.end))
            found.append(span)
    return sorted(found, key=lambda span: span.start)


_SHORTEST = 6


def _keys(text: str) -> Iterator[Span]:
    """Yield private keys, with their first and last line; one that is cut goes on to the text's end."""
    for match in _PRIVATE.finditer(text) if "PRIVATE KEY" in text else ():
        if len(re.findall(r"[A-Za-z0-9+/=]", match[0].partition("-----\n")[2] or match[0])) >= _LEAST_KEY:
            yield Span("private-key", *match.span())


def _shaped(text: str) -> Iterator[Span]:
    """Yield what the review finds, line by line; longer lines in parts."""
    for line in _LINE.finditer(text):
        for match in matches(line[0], unquoted=False):
            if match.rule != "secret-high-entropy":
                yield Span(match.rule.removeprefix("secret-"), line.start() + match.start, line.start() + match.end)
