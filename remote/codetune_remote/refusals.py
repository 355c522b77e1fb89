"""Makes any error into the Refusal that is sent: one table for the whole tree of CodeTune's errors."""

import datetime as dt
import math
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import web

from codetune_core import errors
from codetune_remote.problems import Refusal

_SOON_SECONDS = 5


@dataclass(frozen=True, slots=True)
class _Kind:
    """``retry`` gives the seconds after which to ask again, None for not at all."""

    status: int
    kind: str
    retry: Callable[[errors.CodeTuneError], float | None] = lambda _error: None


def _soon(error: errors.CodeTuneError) -> float:
    return getattr(error, "retry_after", None) or _SOON_SECONDS


def _next_day(_error: errors.CodeTuneError) -> float:
    now = dt.datetime.now(dt.UTC)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + dt.timedelta(days=1)
    return (midnight - now).total_seconds()


_KINDS: dict[type[errors.CodeTuneError], _Kind] = {
    errors.PromptNotFound: _Kind(404, "not-found"),
    errors.NameTaken: _Kind(409, "name-taken"),
    errors.IdenticalVersion: _Kind(409, "identical-version"),
    errors.LedgerMoved: _Kind(409, "ledger-moved"),
    errors.PromptChanged: _Kind(409, "conflict"),
    errors.PromptFileError: _Kind(422, "prompt-file"),
    errors.RenderError: _Kind(422, "render"),
    errors.PromptError: _Kind(422, "prompt"),
    errors.InvalidInput: _Kind(422, "invalid-input"),
    errors.ContextTooLong: _Kind(422, "context-too-long"),
    errors.EngineUnusable: _Kind(502, "engine-unusable"),
    errors.EngineRefused: _Kind(422, "refused"),
    errors.InvalidOutput: _Kind(502, "invalid-output"),
    errors.EngineLost: _Kind(502, "engine-lost", _soon),
    errors.EngineTimeout: _Kind(504, "engine-timeout"),
    errors.EngineOverloaded: _Kind(503, "overloaded", _soon),
    errors.BudgetSpent: _Kind(429, "budget-spent", _next_day),
    errors.ExecutionCancelled: _Kind(409, "cancelled"),
    errors.WorkerLost: _Kind(503, "unavailable", _soon),
    errors.SchemaMismatch: _Kind(503, "storage"),
    errors.MigrationFailed: _Kind(503, "storage"),
    errors.StorageError: _Kind(503, "storage", _soon),
    errors.SettingsError: _Kind(503, "settings"),
    errors.PluginError: _Kind(503, "settings"),
    errors.CodeTuneError: _Kind(500, "failed"),
}

_HTTP_KINDS = {
    404: "not-found",
    405: "method-not-allowed",
    408: "request-timeout",
    413: "too-large",
    415: "unsupported-media-type",
    417: "expectation-failed",
}
_HTTP_DETAILS = {
    404: "there is nothing at this address",
    413: "the body is larger than the service takes (serve.max_body_megabytes)",
    417: "the only expectation that is known is 100-continue",
}


def refusal_of(error: errors.CodeTuneError) -> Refusal:
    """Return what is answered to a known error, by the nearest of its kind in the tree."""
    found = next(_KINDS[kind] for kind in type(error).__mro__ if kind in _KINDS)
    seconds = found.retry(error)
    extra: dict[str, object] = {}
    if isinstance(error, errors.IdenticalVersion):
        extra["number"] = error.number
    if isinstance(error, errors.ExecutionError):
        extra["kind"] = error.kind
    headers = {} if seconds is None else {"Retry-After": str(math.ceil(seconds))}
    return Refusal(found.status, found.kind, str(error), headers=headers, extra=extra)


def refusal_of_http(error: web.HTTPException) -> Refusal:
    """Return what is answered to an error of the framework: an unknown address or method, a body that is too large."""
    kind = _HTTP_KINDS.get(error.status, "malformed" if error.status < HTTPStatus.INTERNAL_SERVER_ERROR else "internal")
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(error.allowed_methods))
        detail = f"{error.method[:20]} is not for this address: it takes {allowed}"
        return Refusal(error.status, kind, detail, headers={"Allow": allowed})
    return Refusal(error.status, kind, _HTTP_DETAILS.get(error.status, error.reason))
