"""Replaces the secrets in all texts of a request, the same secret by the same placeholder."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from codetune_core.outbound.placeholders import Placeholders

_AS_IT_IS = frozenset(("model",))
"""Fields at the top of a body that name something to the server."""
_SHORTEST_ELSEWHERE, _SHORTEST_INSIDE = 8, 16
"""Characters of a secret that is also replaced where nothing but its text tells it: as a word, and within one."""


@dataclass(frozen=True, slots=True)
class Span:
    """A secret in a text: of which kind, and the offsets of its characters."""

    kind: str
    start: int
    end: int


Find = Callable[[str, str], Sequence[Span]]
"""The secrets of a text, given to a name (empty for none); they do not overlap."""


@dataclass(frozen=True, slots=True)
class Redacted:
    """A body without secrets, what was replaced (placeholder -> secret), and how often by kind."""

    body: Any
    replaced: dict[str, str] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)


def redacted(body: Any, find: Find, placeholders: Placeholders) -> Redacted:
    """Replace the secrets of every string in a JSON value, keys included."""
    texts = dict.fromkeys(_texts(body))
    found = {text: list(find(*text)) for text in texts}
    kinds = {text[span.start : span.end]: span.kind for (text, _), spans in found.items() for span in spans}
    if not kinds:
        return Redacted(body)
    again = _anywhere(kinds)
    rewriting = _Rewriting(placeholders, [text for text, _ in texts])
    new = {at: rewriting.text(at[0], _united([*spans, *_repeated(at[0], again, kinds)])) for at, spans in found.items()}
    return Redacted(_rebuilt(body, new), rewriting.replaced, rewriting.counts)


class _Rewriting:
    def __init__(self, placeholders: Placeholders, texts: list[str]) -> None:
        self._placeholders = placeholders
        self._texts = texts
        self._names: dict[str, str] = {}
        self.counts: Counter[str] = Counter()

    @property
    def replaced(self) -> dict[str, str]:
        return {name: secret for secret, name in self._names.items()}

    def text(self, text: str, spans: list[Span]) -> str:
        pieces, at = list[str](), 0
        for span in spans:
            pieces += text[at : span.start], self._name(text[span.start : span.end])
            at = span.end
            self.counts[span.kind] += 1
        return "".join((*pieces, text[at:]))

    def _name(self, secret: str) -> str:
        if secret not in self._names:
            self._names[secret] = self._placeholders.name(
                secret, lambda name: any(name in text for text in self._texts)
            )
        return self._names[secret]


def _texts(value: Any, name: str = "", *, top: bool = True) -> Iterator[tuple[str, str]]:
    """Yield each string with the name that it is given to."""
    match value:
        case str():
            yield value, name
        case dict():
            for key, inner in value.items():
                if not (top and key in _AS_IT_IS):
                    yield key, ""
                    yield from _texts(inner, key, top=False)
        case list():
            for inner in value:
                yield from _texts(inner, name, top=False)


def _rebuilt(value: Any, new: dict[tuple[str, str], str], name: str = "", *, top: bool = True) -> Any:
    match value:
        case str():
            return new[value, name]
        case dict():
            return {
                key if top and key in _AS_IT_IS else new[key, ""]: inner
                if top and key in _AS_IT_IS
                else _rebuilt(inner, new, key, top=False)
                for key, inner in value.items()
            }
        case list():
            return [_rebuilt(inner, new, name, top=False) for inner in value]
    return value


def _anywhere(secrets: Iterable[str]) -> re.Pattern[str] | None:
    """Match these secrets wherever they stand; short ones only where no letter or digit touches them."""
    long = [secret for secret in secrets if len(secret) >= _SHORTEST_ELSEWHERE]
    alternatives = [
        re.escape(secret) if len(secret) >= _SHORTEST_INSIDE else rf"(?<![^\W_]){re.escape(secret)}(?![^\W_])"
        for secret in sorted(long, key=len, reverse=True)
    ]
    return re.compile("|".join(alternatives)) if alternatives else None


def _repeated(text: str, again: re.Pattern[str] | None, kinds: dict[str, str]) -> Iterator[Span]:
    for match in again.finditer(text) if again else ():
        yield Span(kinds[match[0]], *match.span())


def _united(spans: Iterable[Span]) -> list[Span]:
    """Join what overlaps; the kind is that of the longest."""
    joined: list[Span] = []
    for span in sorted(spans, key=lambda span: (span.start, -span.end)):
        if joined and span.start < joined[-1].end:
            last = joined[-1]
            joined[-1] = Span(last.kind, last.start, max(last.end, span.end))
        else:
            joined.append(span)
    return joined
