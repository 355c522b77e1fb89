"""A shell command with values built into it, split into the words that a POSIX shell would make of it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from codetune_core.fixes.slots import NotATemplate, Slot
from codetune_core.fixes.templates import Literal, Template

_ACTIVE = frozenset("|&;<>()$`*?[]{}!\n")
_BUILTINS = frozenset(
    (
        ".",
        ":",
        "alias",
        "bg",
        "break",
        "cd",
        "case",
        "command",
        "continue",
        "eval",
        "exec",
        "exit",
        "export",
        "fg",
        "for",
        "getopts",
        "hash",
        "if",
        "jobs",
        "local",
        "read",
        "readonly",
        "return",
        "set",
        "shift",
        "source",
        "time",
        "times",
        "trap",
        "type",
        "ulimit",
        "umask",
        "unalias",
        "unset",
        "until",
        "wait",
        "while",
        "[[",
        "{",
    )
)

Part = str | Slot
Word = tuple[Part, ...]


class NeedsShell(Exception):  # noqa: N818 - says what is the case
    """The command uses what only a shell does; the text says what."""


@dataclass
class _Splitter:
    """Splits as POSIX does (Shell Command Language, 2.2 Quoting and 2.3 Token Recognition)."""

    words: list[Word] = field(default_factory=list)
    _word: list[Part] = field(default_factory=list)
    _begun: bool = False
    _quote: str = ""

    def slot(self, slot: Slot) -> None:
        self._word.append(slot)
        self._begun = True

    def text(self, text: str) -> None:
        characters = iter(text)
        for character in characters:
            if self._quote:
                self._quoted(character, characters)
            elif character in "'\"":
                self._quote, self._begun = character, True
            elif character == "\\":
                self._escaped(next(characters, ""))
            elif character in " \t":
                self._end()
            else:
                self._plain(character)

    def finish(self) -> list[Word]:
        if self._quote:
            raise NeedsShell("quotes that do not end")
        self._end()
        return self.words

    def _plain(self, character: str) -> None:
        if character in _ACTIVE or (character in "~#" and not self._begun):
            raise NeedsShell(f"`{character.strip() or 'a line end'}`")
        self._word.append(character)
        self._begun = True

    def _quoted(self, character: str, following: Iterator[str]) -> None:
        if character == self._quote:
            self._quote = ""
        elif self._quote == '"' and character == "\\":
            escaped = next(following, "")
            self._word += [escaped] if escaped in '$`"\\' else [] if escaped == "\n" else ["\\", escaped]
        elif self._quote == '"' and character in "$`":
            raise NeedsShell(f"`{character}`")
        else:
            self._word.append(character)

    def _escaped(self, character: str) -> None:
        if not character:
            raise NeedsShell("a backslash before a value")
        if character != "\n":
            self._word.append(character)
            self._begun = True

    def _end(self) -> None:
        if self._begun:
            self.words.append(tuple(_joined(self._word)))
        self._word, self._begun = [], False


def words_of(template: Template) -> list[Word]:
    """The words of a command; raises NeedsShell or NotATemplate."""
    splitter = _Splitter()
    for part in _parts(template):
        if isinstance(part, Slot):
            splitter.slot(part)
        else:
            splitter.text(part)
    words = splitter.finish()
    if not words:
        raise NotATemplate
    first = words[0][0] if words[0] else ""
    if isinstance(first, str) and (first in _BUILTINS or re.match(r"[A-Za-z_]\w*=", first)):
        raise NeedsShell(f"`{first}`")
    return words


def _parts(template: Template) -> Iterator[Part]:
    for item in template.items:
        if isinstance(item, Literal):
            for part in item.parts:
                yield item.cooked(part) if isinstance(part, str) else part
        else:
            yield item


def _joined(word: list[Part]) -> Iterator[Part]:
    """Neighbouring characters as one text."""
    text = ""
    for part in word:
        if isinstance(part, str):
            text += part
            continue
        if text:
            yield text
        text = ""
        yield part
    if text or not word:
        yield text
