"""What can go wrong between this machine and a service, as errors that say what to do."""

import re
from collections.abc import Mapping

from codetune_core.errors import (
    BudgetSpent,
    ContextTooLong,
    EngineLost,
    EngineOverloaded,
    EngineRefused,
    EngineTimeout,
    EngineUnusable,
    ExecutionError,
    InvalidInput,
    InvalidOutput,
)
from codetune_core.execution.headers import WIRE_HEADER, WIRE_VERSION
from codetune_core.http.refusals import BadStatus

_KINDS: dict[str, type[ExecutionError]] = {
    kind.kind: kind
    for kind in (
        BudgetSpent,
        ContextTooLong,
        EngineLost,
        EngineOverloaded,
        EngineRefused,
        EngineTimeout,
        InvalidInput,
        InvalidOutput,
    )
}
_NOBODY_BEHIND = {502, 503, 504}
_IS_VERSION = re.compile(r"[0-9]{1,6}")


class Unreachable(EngineLost):
    """The service cannot be asked now; nothing was generated for this request."""


class Broken(EngineLost):
    """The connection was lost in the middle of an answer."""


class Stranger(Unreachable):
    """Something else answered in the service's place: ``status`` is what it said."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status

    @property
    def may_pass(self) -> bool:
        """Whether a proxy said that nobody is behind it now."""
        return self.status in _NOBODY_BEHIND


class Busy(EngineOverloaded):
    """The service takes no more now, or ends; nothing was generated for this request."""


class Ending(Busy):
    """The service ends."""


class Gone(EngineLost):
    """The service does not have what was asked for: ``detail`` is what it said, and nothing of who said it."""

    def __init__(self, message: str, detail: str = "") -> None:
        super().__init__(message)
        self.detail = detail


class Taken(EngineRefused):
    """The service had this execution's id before."""


def is_ours(headers: Mapping[str, str]) -> bool:
    """Whether a service of CodeTune answered, and not who stands in front of it."""
    return WIRE_HEADER in headers or headers.get("Content-Type", "").startswith("application/problem+json")


def check_wire(headers: Mapping[str, str], where: str, upgrade: str) -> None:
    """Raise EngineUnusable where the other side speaks another version; ``upgrade`` says how to bring it to ours."""
    text = headers.get(WIRE_HEADER, str(WIRE_VERSION))
    theirs = int(text) if _IS_VERSION.fullmatch(text) else 0
    if theirs == WIRE_VERSION:
        return
    speaks = f"{where} speaks version {text} of the wire, and this CodeTune version {WIRE_VERSION}"
    remedy = "upgrade CodeTune on this machine" if theirs > WIRE_VERSION else upgrade
    raise EngineUnusable(f"{speaks}: {remedy}")


def meaning(refusal: BadStatus, where: str) -> ExecutionError:
    """Return the error that a problem of the service means."""
    told = refusal.content.get("kind")
    said = f"{where} answered {refusal.status}: {refusal.message or 'nothing more'}"
    request = refusal.content.get("instance")
    if isinstance(told, str) and told in _KINDS and refusal.status not in {429, 503}:
        return _KINDS[told](refusal.message)
    match refusal.status:
        case 429 | 503:
            ends = refusal.content.get("type") == "/problems/draining"
            return (Ending if ends else Busy)(said, refusal.retry_after)
        case 401:
            return EngineUnusable(f"{said}. Set the service's key: `codetune keys set remote`, or CODETUNE_REMOTE_KEY")
        case 403:
            return EngineUnusable(f"{said}. Ask who runs the service for a key that may")
        case 404 | 410:
            return Gone(said, refusal.message)
        case 409:
            return Taken(said)
        case 408 | 504:
            return EngineTimeout(said)
        case 400 | 413 | 422:
            return InvalidInput(said)
        case status if status >= 500:  # noqa: PLR2004
            return EngineLost(f"{said} (request {request})" if request else said)
    return EngineRefused(said)


def stranger(where: str, status: int, headers: Mapping[str, str], said: str = "") -> Stranger:
    """Return the error for an answer that no service of CodeTune gave."""
    kind = headers.get("Content-Type", "").partition(";")[0] or "nothing"
    what = f"{where} answered {status} with {kind}, which is not CodeTune's" + (f": {said}" if said else "")
    if status in _NOBODY_BEHIND:
        return Stranger(f"{what}. The service behind it does not run now", status)
    hint = "is remote.base_url the service's, or does your network want you to log in first?"
    return Stranger(f"{what}: {hint}" if not said else f"{what} ({hint})", status)
