"""Cuts a streamed text at a stop, for servers that leave it in."""


class Until:
    """Gives out text up to the first stop; an end with which one may begin waits for what follows."""

    def __init__(self, stops: tuple[str, ...]) -> None:
        self._stops = tuple(filter(None, stops))
        self._held = ""
        self._is_over = False

    def push(self, text: str) -> str:
        """Return what is certain with this piece."""
        if self._is_over:
            return ""
        text = self._held + text
        found = [place for stop in self._stops if (place := text.find(stop)) >= 0]
        self._is_over = bool(found)
        certain = min(found) if found else len(text) - self._open(text)
        self._held = "" if found else text[certain:]
        return text[:certain]

    def close(self) -> str:
        """Return what waited, for nothing follows."""
        return self._held

    def _open(self, text: str) -> int:
        """Length of the longest end with which a stop begins."""
        most = min(max(map(len, self._stops), default=1) - 1, len(text))
        return next((n for n in range(most, 0, -1) if any(stop.startswith(text[-n:]) for stop in self._stops)), 0)
