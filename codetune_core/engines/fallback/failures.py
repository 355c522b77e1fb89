"""Why the engines of a chain did not answer, and the one error that says it."""

from dataclasses import dataclass

from codetune_core.engines.fallback.retry import retry_after
from codetune_core.errors import EngineLost, EngineOverloaded, EngineUnusable, ExecutionError, SettingsError


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
    """Return the error that says all of it, of the last one's kind; it is to be tried again when the first may be."""
    told = "no engine of the chain answered. " + "; ".join(map(str, failures))
    waits = [seconds for failure in failures if (seconds := retry_after(failure.error)) is not None]
    if waits:
        return EngineOverloaded(told, min(waits))
    last = failures[-1].error
    if isinstance(last, SettingsError):
        return EngineUnusable(told)
    return type(last)(told) if isinstance(last, ExecutionError) else EngineLost(told)
