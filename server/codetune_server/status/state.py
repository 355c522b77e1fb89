"""How it stands with who answers, as editors are told it."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class State(StrEnum):
    """What can be expected; the names are those of the notification ``codetune/status``."""

    READY = "ready"
    """A model answers."""
    LOADING = "loading"
    """A model is being loaded, and what was asked waits for it."""
    WAKING = "waking"
    """What runs the models is waited for: a Space wakes up, a service is busy or is being reached again."""
    OVER_BUDGET = "overBudget"
    """What may be spent is spent."""
    OFFLINE = "offline"
    """Who should answer cannot be reached, or ended."""
    NO_MODEL = "noModel"
    """Nobody is there to answer, so that nothing of a model is offered."""


@dataclass(frozen=True, slots=True)
class Status:
    """What is told.

    Attributes:
        state: what can be expected.
        text: the same for a person, with what to do where something is to be done.
        model: who answers, or is being loaded; empty where it is not known.
        seconds: about how long it will still take; None where nobody knows.
        part: how much of the loading is done, from 0 to 1; None where it is not known.
    """

    state: State
    text: str
    model: str = ""
    seconds: float | None = None
    part: float | None = None

    def params(self) -> dict[str, Any]:
        """Return the notification's parameters; what is not known is left out."""
        return {name: value for name, value in asdict(self).items() if value not in (None, "")}


def about(seconds: float | None) -> str:
    """Return an estimate in words, empty where there is none."""
    if seconds is None:
        return ""
    return f", about {max(1, round(seconds))} s" if seconds < 90 else f", about {round(seconds / 60)} min"  # noqa: PLR2004 - a minute and a half
