"""Why the engines of a chain did not answer, and the one error that says it."""

from dataclasses import dataclass

from codetune_core.engines.fallback.retry import retry_after
from codetune_core.errors import (
    ContextTooLong,
    EngineLost,
    EngineOverloaded,
    EngineRefused,
    EngineTimeout,
    EngineUnusable,
    ExecutionError,
    OutboundRefused,
    SettingsError,
)

_LIKELIEST_TO_PASS = (EngineTimeout, EngineLost, ContextTooLong, EngineUnusable, EngineRefused, OutboundRefused)


class PassedOn(Exception):  # noqa: N818 - says what is done with it
    """The next engine is to be asked, because of ``error``; this one ``again`` only where that may help."""

    def __init__(self, error: Exception, *, again: bool = True) -> None:
        super().__init__(str(error))
        self.error = error
        self.again = again


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an engine did not answer."""

    name: str
    error: Exception

    def __str__(self) -> str:
        told = str(self.error) or type(self.error).__name__
        return f"{self.name}: {told}"


def together(failures: list[Failure]) -> ExecutionError:
    """Return the error that says all of it, of the kind that is likeliest to pass."""
    told = "no engine of the chain answered. " + "; ".join(map(str, failures))
    waits = [seconds for failure in failures if (seconds := retry_after(failure.error)) is not None]
    kinds = {type(failure.error) for failure in failures}
    if kinds and all(issubclass(kind, SettingsError) for kind in kinds):
        return EngineUnusable(told)
    if waits or EngineOverloaded in kinds:
        return EngineOverloaded(told, min(waits, default=None))
    return next((kind(told) for kind in _LIKELIEST_TO_PASS if kind in kinds), EngineLost(told))
