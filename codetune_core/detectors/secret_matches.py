"""The secrets of one line of text, by the patterns and the entropy plugins of detect-secrets."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from detect_secrets.filters.heuristic import is_likely_id_string
from detect_secrets.plugins.high_entropy_strings import Base64HighEntropyString, HexHighEntropyString
from detect_secrets.plugins.jwt import JwtTokenDetector
from detect_secrets.plugins.keyword import (
    CONFIG_DENYLIST_REGEX_TO_GROUP,
    DENYLIST,
    QUOTES_REQUIRED_DENYLIST_REGEX_TO_GROUP,
)

from codetune_core.detectors import secret_filters as filters
from codetune_core.detectors.secret_patterns import SHAPES, Shape

_ANCHORS = tuple(sorted({anchor for shape in SHAPES for anchor in shape.anchors}))
_KEYWORDS = tuple(word.replace("_?", "") for word in DENYLIST)
_VALUE = re.compile(r"[^\s'\"`=:,;<>\\][^\s'\"`,;<>\\]*")
_REST = re.compile(r"[\w-]*")
_JWT_REST = re.compile(r"[\w.=-]*")
_BEARER = re.compile(r"\b(?:bearer|basic|token)\s+([\w\-.=+/]{20,})", re.IGNORECASE)
_HOST = re.compile(
    r"@(?:[\w.-]*example\b|[\w.-]*\.(?:test|invalid)\b|host\b|hostname\b|server\b|proxy\b|domain\b|[<{$%])"
)
_MANUAL_PASSWORDS = frozenset(
    "pass password passwd passw0rd pwd secret tiger guest token pw p mypass mypassword".split()  # noqa: SIM905 - words
)
_TYPED = re.compile(r"\w\s*:\s*(?:[A-Za-z][\w\[\], |.]*)?=\s*([\"'])([^\"'\\]{6,})\1")
_QUOTED = re.compile(r"(['\"])([A-Za-z0-9+/_=-]{16,200})\1")
_BASE64, _HEX = Base64HighEntropyString(), HexHighEntropyString()
_NAMED_BASE64_LIMIT, _NAMED_HEX_LIMIT = 3.2, 2.9
_NAMED_MIXING, _RANDOM_MIXING = 0.2, 0.38
_LONGEST_GENERIC_LINE = 500


@dataclass(frozen=True, slots=True)
class Match:
    """A secret in a line: rule id, columns of its value, and whether its prefix alone says who issued it."""

    rule: str
    start: int
    end: int
    issued: bool = False


@lru_cache(maxsize=32_768)
def matches(line: str, *, unquoted: bool) -> tuple[Match, ...]:
    """The secrets of a line without its end, the surest first, none overlapping another.

    Args:
        line: the text of one line.
        unquoted: values may stand without quotes, as in YAML, INI and ``.env`` files.
    """
    found: list[Match] = []
    for match in _candidates(line, unquoted=unquoted):
        if all(match.end <= other.start or other.end <= match.start for other in found):
            found.append(match)
    return tuple(found)


def _candidates(line: str, *, unquoted: bool) -> Iterator[Match]:
    lowered = line.lower()
    hits = {anchor for anchor in _ANCHORS if anchor in lowered}
    for shape in SHAPES:
        if not hits.isdisjoint(shape.anchors):
            yield from _shaped(shape, line)
    if len(line) > _LONGEST_GENERIC_LINE:
        return
    yield from _bearers(line, lowered)
    if any(word in lowered.replace("_", "") for word in _KEYWORDS):
        yield from _assigned(line, unquoted=unquoted)
    yield from _random(line)


def _shaped(shape: Shape, line: str) -> Iterator[Match]:
    for pattern in shape.patterns:
        for match in pattern.finditer(line):
            start, end = _span(shape, match)
            value = line[start:end]
            if value and _stands_alone(shape, line, start, end) and not _is_no_secret(shape, value, line):
                yield Match(shape.rule, start, end, shape.issued)


def _span(shape: Shape, match: re.Match[str]) -> tuple[int, int]:
    """Where the value is: without what the pattern needs around it, with all that belongs to a longer token."""
    start, end = match.span(shape.group)
    if shape.group == 0:
        end = (_JWT_REST if shape.rule == "secret-jwt" else _REST).match(match.string, end).end()  # type: ignore[union-attr]
    value = _VALUE.search(match.string, start, end)
    return value.span() if value and shape.rule != "secret-url-credentials" else (start, end)


def _stands_alone(shape: Shape, line: str, start: int, end: int) -> bool:
    before = line[start - 1 : start]
    escaped = line[start - 2 : start - 1] == "\\"
    if shape.group == 0 and (before.isalnum() or before in ("+", "/", "_", "-")) and not escaped:
        return before == "/" and "//" in line[:start]
    return not shape.exact or shape.group != 0 or not line[end : end + 1].isalnum()


def _is_no_secret(shape: Shape, value: str, line: str) -> bool:
    if shape.rule == "secret-jwt":
        return filters.is_placeholder(value) or not JwtTokenDetector.is_formally_valid(value)
    if shape.rule == "secret-url-credentials":
        return _is_public_password(value, line)
    return filters.is_placeholder(value) or (shape.random and filters.mixing(value) < _NAMED_MIXING)


def _is_public_password(value: str, line: str) -> bool:
    """Say whether a URL's password is a placeholder, or one that every manual shows, or the host is nobody's."""
    host = _HOST.match(line, line.find(value + "@") + len(value))
    return value.lower() in _MANUAL_PASSWORDS or filters.is_placeholder(value + value) or bool(host)


def _bearers(line: str, lowered: str) -> Iterator[Match]:
    if "bearer" not in lowered and "basic " not in lowered and "token " not in lowered:
        return
    for match in _BEARER.finditer(line):
        value = match[1]
        if filters.mixing(value) >= _NAMED_MIXING and not (filters.is_placeholder(value) or filters.is_words(value)):
            yield Match("secret-bearer-token", *match.span(1))


def _assigned(line: str, *, unquoted: bool) -> Iterator[Match]:
    """Values given to a name such as ``db_password``, by detect-secrets' keyword patterns."""
    table = CONFIG_DENYLIST_REGEX_TO_GROUP if unquoted else QUOTES_REQUIRED_DENYLIST_REGEX_TO_GROUP
    for pattern, group in (*table.items(), (_TYPED, 2)):
        for match in pattern.finditer(line):
            start, end = match.span(group)
            name = filters.name_before(line, start)
            if filters.is_digest_context(line, start) or not filters.is_secret_name(name):
                continue
            if filters.PASSWORD_NAME.search(name) and filters.can_be_password(line[start:end]):
                yield Match("secret-password", start, end)
            elif filters.can_be_password(line[start:end]) and filters.mixing(line[start:end]) >= _NAMED_MIXING:
                yield Match("secret-credential", start, end)


def _random(line: str) -> Iterator[Match]:
    """Quoted strings that look random: enough under a secret's name, beyond doubt without one."""
    for match in _QUOTED.finditer(line):
        start, end = match.span(2)
        value = match[2]
        if filters.is_digest_context(line, start) or filters.is_placeholder(value) or filters.is_reference(value):
            continue
        name = filters.name_before(line, start)
        if filters.is_secret_name(name) and _is_random_for_a_secret(value):
            rule = "secret-password" if filters.PASSWORD_NAME.search(name) else "secret-credential"
            yield Match(rule, start, end)
        elif _is_random(value) and not is_likely_id_string(value, line) and not filters.is_encoded_text(value):
            yield Match("secret-high-entropy", start, end)


def _is_random_for_a_secret(value: str) -> bool:
    if re.fullmatch(r"[0-9a-fA-F]+", value):
        return _HEX.calculate_shannon_entropy(value) > _NAMED_HEX_LIMIT
    enough = _BASE64.calculate_shannon_entropy(value) > _NAMED_BASE64_LIMIT
    return enough and any(c.isdigit() for c in value) and filters.mixing(value) >= _NAMED_MIXING


def _is_random(value: str) -> bool:
    """Beyond doubt: detect-secrets' limit of entropy, all three kinds of characters, well mixed."""
    kinds = any(c.islower() for c in value) and any(c.isupper() for c in value) and sum(c.isdigit() for c in value) > 1
    return (
        kinds
        and filters.mixing(value) >= _RANDOM_MIXING
        and _BASE64.calculate_shannon_entropy(value) > _BASE64.entropy_limit
    )
