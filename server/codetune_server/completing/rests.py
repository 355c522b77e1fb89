"""How long nobody is asked after a failure: of one document, or of all of them."""

from dataclasses import dataclass, field

from codetune_core.domain.execution import ErrorKind

_FIRST, _LONGEST = 2.0, 60.0
_OF_DOCUMENT = frozenset({ErrorKind.REFUSED, ErrorKind.CONTEXT_TOO_LONG, ErrorKind.INVALID_INPUT})
"""What another document may not meet: the policy forbids only this one to leave."""
_ALL = ""


@dataclass(slots=True)
class Rests:
    """Times in seconds of any clock that only goes forward; after each failure the rest is twice as long."""

    _until: dict[str, float] = field(default_factory=dict)
    _last: dict[str, float] = field(default_factory=dict)

    def holds(self, uri: str, now: float) -> bool:
        """Say whether nobody is to be asked now for a document."""
        return any(now < self._until.get(key, now) for key in (uri, _ALL))

    def failed(self, uri: str, kind: ErrorKind, now: float) -> None:
        """Rest after a failure."""
        key = uri if kind in _OF_DOCUMENT else _ALL
        self._last[key] = min(_LONGEST, 2 * self._last.get(key, _FIRST / 2))
        self._until[key] = now + self._last[key]

    def succeeded(self, uri: str) -> None:
        """Begin anew with the next failure."""
        for key in (uri, _ALL):
            self._last.pop(key, None)
            self._until.pop(key, None)
