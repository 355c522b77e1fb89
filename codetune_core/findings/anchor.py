"""Where in a document the code stands that a model quotes: the exact range, or why there is none.

Two texts are the same code where they have the same words in the same order, whatever the blanks and line ends between
them, and whatever comments and docstrings one of them lacks. A quote without comments may come from any place that has
its words, so what distinguishes two such places is the symbol that the claim names, or the order of several claims, and
never how the places are laid out. In doubt there is no range: a wrong one costs more than a missing one.
"""

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property, lru_cache

from codetune_core.domain.document import Document
from codetune_core.domain.text import Range
from codetune_core.findings.blanking import blanked, spans
from codetune_core.findings.quotes import Reading, readings
from codetune_core.findings.scopes import Scope, named, scopes

_WORD = re.compile(r"\d[\w.]*+|\w++|[^\w\s]")
_MOST_PLACES = 5_000
"""A quote with more places than these says nothing."""
_FEWEST_WORDS = 2
"""What a quote must keep when its comments, which stand nowhere in the document, are left aside."""


class Miss(StrEnum):
    """Why a claim has no range."""

    EMPTY = "empty"
    """The quote has no code."""
    ABSENT = "absent"
    """The document has no such code."""
    ELSEWHERE = "elsewhere"
    """It has, but not in the symbol that the claim names."""
    AMBIGUOUS = "ambiguous"
    """It stands in several places, and nothing says which one is meant."""


@dataclass(frozen=True, slots=True)
class Quoted:
    """What a claim says about its place.

    Attributes:
        quote: code, copied more or less exactly.
        symbol: the function or class around it, as the model names it; empty where it does not.
        about: what is claimed, such as a rule; of claims about the same, the order tells the places apart.
    """

    quote: str
    symbol: str = ""
    about: str = ""


def anchor(document: Document, quote: str, *, symbol: str = "") -> Range | Miss:
    """Find the one place that a quote talks about: from its first to its last character that is not blank."""
    return anchor_all(document, [Quoted(quote, symbol)])[0]


def anchor_all(document: Document, claims: Sequence[Quoted]) -> tuple[Range | Miss, ...]:
    """Find the place of each claim; as many claims about the same as there are places take them in order."""
    known = {(claim.quote, claim.symbol): claim for claim in claims}
    places_of = {key: _places(document, claim) for key, claim in known.items()}
    found = [places_of[claim.quote, claim.symbol] for claim in claims]
    alike: defaultdict[tuple[str, tuple[Range, ...] | Miss], list[int]] = defaultdict(list)
    for index, (claim, places) in enumerate(zip(claims, found, strict=True)):
        alike[claim.about, places].append(index)
    anchored: list[Range | Miss] = [Miss.AMBIGUOUS] * len(claims)
    for (_, places), indexes in alike.items():
        for order, index in enumerate(indexes):
            anchored[index] = _chosen(places, order, len(indexes))
    return tuple(anchored)


def _chosen(places: tuple[Range, ...] | Miss, order: int, claims: int) -> Range | Miss:
    if isinstance(places, Miss):
        return places
    if len(places) == 1:
        return places[0]
    return places[order] if len(places) == claims else Miss.AMBIGUOUS


def _places(document: Document, claim: Quoted) -> tuple[Range, ...] | Miss:
    if not claim.quote.strip():
        return Miss.EMPTY
    places = next(filter(None, (_found(document, reading) for reading in readings(claim.quote, document.language))), ())
    if not places:
        return Miss.ABSENT
    if len(places) > _MOST_PLACES:
        return Miss.AMBIGUOUS
    return _within(document, places, claim.symbol) or Miss.ELSEWHERE


def _found(document: Document, reading: Reading) -> tuple[Range, ...]:
    """Every place of the quote's words: with its comments where it has some, else without, else as they stand."""
    text = _read(document)
    comments = [span for span in spans(reading.text, document.language, fragment=True) if span.comment]
    full = _WORD.findall(reading.text)
    bare = _WORD.findall(blanked(reading.text, (span.place for span in comments)))
    usable = not comments or (len(bare) >= _FEWEST_WORDS and any(word[0].isalnum() for word in bare))
    searches = (
        (text.as_it_stands, full if comments else []),
        (text.code, bare if usable else []),
        (text.as_it_stands, full),
    )
    for words, needle in searches:
        offsets = [place for place in words.places(needle) if text.begins_well(place[0])]
        if reading.whole_lines:
            offsets = [place for place in offsets if text.whole_lines(*place)]
        if offsets:
            return tuple(Range(document.position(start), document.position(end)) for start, end in offsets)
    return ()


def _within(document: Document, places: tuple[Range, ...], symbol: str) -> tuple[Range, ...]:
    parts = named(symbol)
    around = scopes(document, parts) if parts else None
    if around is None:
        return places
    if not around:
        if scopes(document, parts[-1:]):
            return ()
        places = _within(document, places, ".".join(parts[:-1]))
        return tuple(place for place in places if _names(document, place, parts[-1]))
    return tuple(place for place in places if _inside(place, around))


def _inside(place: Range, around: Iterable[Scope]) -> bool:
    return any(first <= place.start.line and place.end.line <= last for first, last in around)


def _names(document: Document, place: Range, name: str) -> bool:
    """Say whether a name that is no function's or class's stands in the lines of a place, as a variable's does."""
    start, end = document.starts[place.start.line], document.starts[place.end.line + 1]
    return re.compile(rf"(?<!\w){re.escape(name)}(?!\w)").search(document.text, start, end) is not None


class _Words:
    """The words of a text, searched in time linear in its length."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._joined = " ".join(["", *_WORD.findall(text), ""])

    @cached_property
    def _spans(self) -> list[tuple[int, int]]:
        return [found.span() for found in _WORD.finditer(self._text)]

    def places(self, words: Sequence[str]) -> Iterator[tuple[int, int]]:
        """Offsets of the first and past the last character of each place with these words; overlaps count."""
        needle = " ".join(["", *words, ""])
        at = self._joined.find(needle) if words else -1
        first, done = 0, 0
        for _ in range(_MOST_PLACES + 1):
            if at < 0:
                return
            first, done = first + self._joined.count(" ", done, at), at
            yield self._spans[first][0], self._spans[first + len(words) - 1][1]
            at = self._joined.find(needle, at + 1)


class _Text:
    """A document's text, read once for all quotes."""

    def __init__(self, document: Document) -> None:
        self._text = document.text
        self._comments = [span for span in spans(document.text, document.language) if span.comment]
        self._starts = [span.start for span in self._comments]
        self._blanked = blanked(document.text, (span.place for span in self._comments))

    @cached_property
    def as_it_stands(self) -> _Words:
        return _Words(self._text)

    @cached_property
    def code(self) -> _Words:
        return _Words(self._blanked)

    def begins_well(self, offset: int) -> bool:
        """Say whether a place begins in code or with a comment; code that was commented out is no code."""
        before = bisect_right(self._starts, offset) - 1
        return before < 0 or self._comments[before].start == offset or self._comments[before].end <= offset

    def whole_lines(self, start: int, end: int) -> bool:
        """Say whether nothing else stands on the lines of a place but comments."""
        before = self._blanked[max(self._blanked.rfind(mark, 0, start) for mark in "\r\n") + 1 : start]
        after = re.compile(r"[^\r\n]*+").match(self._blanked, end)
        return not before.strip() and not (after and after[0].strip())


@lru_cache(maxsize=2)
def _read(document: Document) -> _Text:
    return _Text(document)
