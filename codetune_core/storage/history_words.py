"""What a search text asks for: phrases of words, in the query languages of FTS5 and of PostgreSQL.

A word is a run of letters, digits and accents in any script, whatever their case: ``my_function.name`` is three words,
``camelCase`` is one. What stands together without white space, or in double quotes, is a phrase: its words follow one
another. A star at the end of either lets its last word go on.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_CHUNK = re.compile(r'"([^"]*)"?(\*?)|([^\s"]+)')
_ACCENTS = range(0x300, 0x370)


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words that follow one another; the last one may go on where it is a ``prefix``."""

    words: tuple[str, ...]
    prefix: bool = False


def phrases(text: str) -> list[Phrase]:
    """Read what a person typed; every text can be read, and punctuation alone asks for nothing."""
    found = []
    for match in _CHUNK.finditer(text):
        quoted, star, plain = match.groups()
        chunk = plain if quoted is None else quoted
        if words := tuple(_words(chunk)):
            found.append(Phrase(words, bool(star) or (quoted is None and plain.endswith("*"))))
    return found


def _words(text: str) -> Iterator[str]:
    word = ""
    for character in (*text, " "):
        if _in_word(character):
            word += character
        elif word:
            yield word
            word = ""


def _in_word(character: str) -> bool:
    category = unicodedata.category(character)
    return category[0] == "L" or category == "Nd" or ord(character) in _ACCENTS


def fts5(wanted: Iterable[Phrase]) -> str:
    """Write the query of SQLite's FTS5, <https://sqlite.org/fts5.html#full_text_query_syntax>."""
    return " AND ".join(f'"{" ".join(phrase.words)}"{" *" * phrase.prefix}' for phrase in wanted)


def tsquery(wanted: Iterable[Phrase]) -> str:
    """Write the tsquery that all matches fulfil: all words, in any order."""
    return " & ".join(_lexeme(phrase, place) for phrase in wanted for place in range(len(phrase.words)))


def _lexeme(phrase: Phrase, place: int) -> str:
    last = place == len(phrase.words) - 1
    return f"'{phrase.words[place]}'{':*' * (last and phrase.prefix)}"


def like_patterns(wanted: Iterable[Phrase]) -> list[str]:
    """Write for each phrase of several words the LIKE pattern that ``' ' || words || ' '`` of a match fulfils."""
    return [f"% {' '.join(phrase.words)}{'' if phrase.prefix else ' '}%" for phrase in wanted if len(phrase.words) > 1]
