"""Keeps names that people choose from becoming endless labels."""


class Known:
    """The first names that are seen, so many of them; all others are ``other``."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._names: set[str] = set()

    def label(self, name: str) -> str:
        """Return the name under which something is counted."""
        if name not in self._names:
            if len(self._names) >= self._most:
                return "other"
            self._names.add(name)
        return name
