"""Puts secrets back where an answer holds the placeholders that stand for them."""

import json
import re
from collections.abc import Mapping


class Restorer:
    """Restores a text that comes in pieces, however it is cut.

    Only the placeholders that this one request was given are known, so no model can ask for another secret.
    """

    def __init__(self, replaced: Mapping[str, str], *, as_json: bool = False) -> None:
        """``replaced`` maps placeholder to secret; in an answer ``as_json`` secrets stand within JSON strings."""
        self._secrets = {
            name: json.dumps(secret, ensure_ascii=False)[1:-1] if as_json else secret
            for name, secret in replaced.items()
        }
        longest_first = sorted(map(re.escape, self._secrets), key=len, reverse=True)
        self._names = re.compile("|".join(longest_first)) if longest_first else None
        self._longest = max(map(len, self._secrets), default=0)
        self._initials = {name[0] for name in self._secrets}
        self._held = ""

    def text(self, text: str) -> str:
        """Return a whole text restored."""
        if self._names is None:
            return text
        return self._names.sub(lambda match: self._secrets[match[0]], text)

    def feed(self, piece: str) -> str:
        """Return what can be said of the text after its next piece; what may be half a placeholder is held back."""
        if self._names is None:
            return piece
        text = self._held + piece
        cut = self._unfinished(text)
        self._held = text[cut:]
        return self.text(text[:cut])

    def end(self) -> str:
        """Return what was held back."""
        held, self._held = self._held, ""
        return self.text(held)

    def _unfinished(self, text: str) -> int:
        """Return where the text's end begins that may become a placeholder."""
        for start in range(max(0, len(text) - self._longest + 1), len(text)):
            if text[start] in self._initials:
                end = text[start:]
                if any(len(name) > len(end) and name.startswith(end) for name in self._secrets):
                    return start
        return len(text)
