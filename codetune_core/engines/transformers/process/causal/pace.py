"""How many tokens of prompts one step may read, by how long that took before."""

_SECONDS = 0.15
"""What reading may add to a step while others decode."""
_SECONDS_ALONE = 0.5
"""While nobody decodes: soon enough for who comes in the meantime."""
_FEWEST = 32
_MOST = 512
_FIRST = 128
_WEIGHT = 0.3
"""Of the newest measurement."""


class Pace:
    """Measures how fast prompts are read: 50 tokens a second on a laptop, 10,000 on a GPU."""

    def __init__(self) -> None:
        self._rate: float | None = None

    def tokens(self, *, alone: bool) -> int:
        """Return how many tokens of prompts the next step may read; ``alone`` where nobody decodes."""
        if self._rate is None:
            return _FIRST
        seconds = _SECONDS_ALONE if alone else _SECONDS
        return round(min(max(self._rate * seconds, _FEWEST), _MOST))

    def learn(self, tokens: int, seconds: float) -> None:
        """Be told how long a step took that read so many tokens."""
        if tokens < _FEWEST or seconds <= 0:
            return
        rate = tokens / seconds
        self._rate = rate if self._rate is None else (1 - _WEIGHT) * self._rate + _WEIGHT * rate
