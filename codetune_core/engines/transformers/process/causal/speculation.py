"""Prompt-lookup speculation: what followed the last tokens when they stood in the sequence before is drafted again."""

_LONGEST = 3
"""Tokens that must have stood there before; fewer find more, and more that is wrong."""
_SHORTEST = 2
_FIRST_DRAFT = 4
_LONGEST_DRAFT = 12
"""With more tokens a step stops being bound by memory on processors, and each costs in full."""
_LONGEST_PAUSE = 32


class Drafter:
    """Drafts for one sequence, as long as they proved true: the width doubles with each draft that is accepted whole.

    After drafts of which nothing was accepted it pauses, twice as long each time. The idea is prompt lookup decoding
    (Saxena 2023); which draft is tried never changes what is generated, since each token is verified.
    """

    def __init__(self) -> None:
        self._followed: dict[tuple[int, ...], int] = {}
        self._read = 0
        self._width = _FIRST_DRAFT
        self._misses = 0
        self._pause = 0
        self._distance: int | None = None
        """From what was drafted last to where it stood before."""

    def propose(self, tokens: list[int], most: int) -> list[int]:
        """Return up to ``most`` tokens that may follow; none where nothing is known or nothing was gained lately."""
        if most <= 0:
            return []
        if self._pause:
            self._pause -= 1
            return []
        self._read_up_to(tokens)
        at = self._find(tokens)
        if at is None and self._distance is not None:
            at = len(tokens) - self._distance  # one token was replaced, and what follows it is the same again
        if at is None:
            return []
        self._distance = len(tokens) - at
        # Beyond the end of what is known a repetition goes on with itself.
        period = len(tokens) - at
        return [tokens[at + number % period] for number in range(min(most, self._width))]

    def learn(self, drafted: int, accepted: int) -> None:
        """Be told how many of the drafted tokens were right."""
        if accepted:
            self._misses = 0
            self._width = (
                min(2 * self._width, _LONGEST_DRAFT) if accepted == drafted else max(accepted + 1, self._width // 2)
            )
        else:
            self._misses += 1
            self._distance = self._distance if self._misses == 1 else None
            self._width = _FIRST_DRAFT
            self._pause = min(2 ** (self._misses - 1) - 1, _LONGEST_PAUSE)

    def _find(self, tokens: list[int]) -> int | None:
        for length in range(_LONGEST, _SHORTEST - 1, -1):
            at = self._followed.get(tuple(tokens[-length:]))
            if at is not None:
                return at
        return None

    def _read_up_to(self, tokens: list[int]) -> None:
        """Note what follows each run of tokens, the last of them left out, since nothing follows it yet."""
        for end in range(max(self._read, _SHORTEST), len(tokens)):
            for length in range(_SHORTEST, min(_LONGEST, end) + 1):
                self._followed[tuple(tokens[end - length : end])] = end
        self._read = len(tokens)
