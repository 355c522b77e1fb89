"""Snippets of other open documents that share names with what is being written."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from math import log

from codetune_core.domain.document import Document
from codetune_core.domain.text import split_lines

DOCUMENTS = 8
CHARACTERS = 40_000
_LINES = 16
_NAME = re.compile(r"[^\W\d]\w{2,}")
_MARKS = {"python": "#", "shellscript": "#", "ruby": "#", "yaml": "#", "toml": "#", "sql": "--"}
_ENCLOSED = {"html": ("<!--", " -->"), "xml": ("<!--", " -->"), "css": ("/*", " */")}


@dataclass(frozen=True, slots=True)
class Snippet:
    """Some lines of another document."""

    name: str
    text: str

    def as_comment(self, language: str) -> str:
        """Return the lines as comments of a language, below the name of their file."""
        begin, end = _ENCLOSED.get(language, (_MARKS.get(language, "//"), ""))
        lines = [f"Path: {self.name}", *(line.replace(end.strip() or "\0", "") for line in split_lines(self.text))]
        return "".join(f"{begin} {line.rstrip()}".rstrip() + f"{end}\n" for line in lines)


@dataclass(frozen=True, slots=True)
class _Chunk:
    snippet: Snippet
    names: frozenset[str]


def snippets(text: str, others: Iterable[Document], budget: int) -> tuple[Snippet, ...]:
    """Choose the snippets that share most with a text, the best first, as many as fit ``budget`` characters.

    A name counts the more, the fewer snippets have it (inverse document frequency), and a long snippet the less. At
    most ``DOCUMENTS`` others are looked at, the first ``CHARACTERS`` characters of each.
    """
    names = set(_NAME.findall(text))
    if not names or budget <= 0:
        return ()
    chunks = [chunk for other in islice(others, DOCUMENTS) for chunk in _chunks(other)]
    shared = Counter(name for chunk in chunks for name in chunk.names & names)
    scores = [(_score(chunk, names, shared, len(chunks)), -number) for number, chunk in enumerate(chunks)]
    best = sorted(((score, number) for score, number in scores if score > 0), reverse=True)
    return _fitting([chunks[-number].snippet for _, number in best], budget)


def _score(chunk: _Chunk, names: set[str], shared: Counter[str], chunks: int) -> float:
    common = chunk.names & names
    weight = sum(log(1 + chunks / shared[name]) for name in common)
    return weight / (1 + len(chunk.names)) ** 0.5 if len(common) > 1 else 0.0


def _fitting(ranked: Sequence[Snippet], budget: int) -> tuple[Snippet, ...]:
    chosen = []
    for snippet in ranked:
        if len(snippet.text) <= budget:
            chosen.append(snippet)
            budget -= len(snippet.text)
    return tuple(chosen)


@lru_cache(maxsize=2 * DOCUMENTS)
def _chunks(document: Document) -> tuple[_Chunk, ...]:
    """Cut a document into pieces of about sixteen lines, where nothing is indented if there is such a place."""
    pieces: list[list[str]] = [[]]
    for line in split_lines(document.text[:CHARACTERS]):
        full, begins = len(pieces[-1]) >= _LINES, bool(line.strip()) and not line[0].isspace()
        if full and (begins or len(pieces[-1]) >= 2 * _LINES):
            pieces.append([])
        pieces[-1].append(line)
    texts = ("".join(piece).strip("\r\n") for piece in pieces)
    return tuple(_Chunk(Snippet(document.name, text), frozenset(_NAME.findall(text))) for text in texts if text.strip())
