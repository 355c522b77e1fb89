"""Models that could not be loaded several times in a row are left alone for a while."""

from dataclasses import dataclass
from time import monotonic

from codetune_core.errors import EngineLost

_IN_A_ROW = 3
_REST_SECONDS = 30


@dataclass(slots=True)
class _Failed:
    times: int = 0
    attempt: object = None
    last: str = ""
    when: float = 0


class Failures:
    """Counts, for each key of a LoadPlan, the attempts to load it that failed since it was last loaded."""

    def __init__(self) -> None:
        self._failed: dict[str, _Failed] = {}

    def add(self, key: str, attempt: object, error: Exception) -> None:
        """Count a failed attempt, once for all who waited for it."""
        failed = self._failed.setdefault(key, _Failed())
        if failed.attempt is not attempt:
            failed.times += 1
        failed.attempt, failed.last, failed.when = attempt, str(error), monotonic()

    def forget(self, key: str) -> None:
        """It is loaded."""
        self._failed.pop(key, None)

    def check(self, key: str) -> None:
        """Raise EngineLost where it is not to be tried now."""
        failed = self._failed.get(key)
        if failed is None or failed.times < _IN_A_ROW:
            return
        rest = failed.when + _REST_SECONDS - monotonic()
        if rest > 0:
            raise EngineLost(
                f"it could not be loaded {failed.times} times in a row, and is tried again in {rest:.0f} seconds; "
                f"the last time: {failed.last}"
            )
        failed.times = _IN_A_ROW - 1
