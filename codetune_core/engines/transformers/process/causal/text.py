"""Tokens to text, piece by piece: what is emitted is never half a character, nor part of a stop."""

from typing import Any

from codetune_core.engines.transformers.process.prompt import without

_UNFINISHED = "\N{REPLACEMENT CHARACTER}"


class TextStream:
    """The text of one answer as its tokens come.

    Decodes a short window of tokens twice, with and without the newest, since what a token reads as can depend on its
    neighbours (the blank before a word, bytes of one character); text that ends within a character waits.
    """

    def __init__(self, tokenizer: Any, stops: tuple[str, ...], blanks: str = "") -> None:
        """``blanks`` are what the prompt ended with, and the model did not get: the answer may begin with them."""
        self._tokenizer = tokenizer
        self._blanks = blanks
        self._tokens: list[int] = []
        self._shown = ""
        self._stops = StopFilter(stops)

    @property
    def stopped(self) -> bool:
        """Whether a stop was met."""
        return self._stops.stopped

    def push(self, token: int) -> str:
        """Return the text that is certain now; empty once a stop was met."""
        self._tokens.append(token)
        text = self._decode(self._tokens)
        if len(text) <= len(self._shown) or text.endswith(_UNFINISHED):
            return ""
        new = text[len(self._shown) :]
        self._tokens = self._tokens[-_WINDOW:]
        self._shown = self._decode(self._tokens)
        return self._emit(new)

    def close(self) -> str:
        """Return what was held back, but for a character of which bytes are missing."""
        rest = self._decode(self._tokens)[len(self._shown) :].rstrip(_UNFINISHED)
        return self._emit(rest) + self._stops.close()

    def _emit(self, text: str) -> str:
        self._blanks, text = without(self._blanks, text)
        return self._stops.push(text)

    def _decode(self, tokens: list[int]) -> str:
        text: str = self._tokenizer.decode(tokens, skip_special_tokens=True)
        return text


_WINDOW = 4
"""Tokens that are decoded together with the next."""


class StopFilter:
    """Cuts text before the stop that is complete first, however the text is divided into pieces."""

    def __init__(self, stops: tuple[str, ...]) -> None:
        self._stops = tuple(stop for stop in stops if stop)
        self._held = ""
        self.stopped = False

    def push(self, text: str) -> str:
        """Return what cannot belong to a stop any more."""
        if self.stopped:
            return ""
        self._held += text
        found = [(self._held.find(stop) + len(stop), -len(stop)) for stop in self._stops if stop in self._held]
        if found:
            end, length = min(found)
            self.stopped = True
            return self._take(end + length, drop=True)
        return self._take(len(self._held) - self._open())

    def close(self) -> str:
        """Return what was held back, for no more text comes."""
        return "" if self.stopped else self._take(len(self._held))

    def _open(self) -> int:
        """Length of the longest end of the held text with which a stop begins."""
        longest = max(map(len, self._stops), default=1) - 1
        ends = range(min(longest, len(self._held)), 0, -1)
        return next((n for n in ends if any(stop.startswith(self._held[-n:]) for stop in self._stops)), 0)

    def _take(self, length: int, *, drop: bool = False) -> str:
        text, rest = self._held[:length], self._held[length:]
        self._held = "" if drop else rest
        return text
