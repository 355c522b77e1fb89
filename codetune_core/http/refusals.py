"""What a server's refusal or a network's failure means, as an ExecutionError whose words say what to do."""

import datetime as dt
import json
import math
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from codetune_core.errors import (
    ContextTooLong,
    EngineLost,
    EngineOverloaded,
    EngineRefused,
    EngineTimeout,
    EngineUnusable,
    ExecutionError,
)

_SHOWN = 500
"""Characters of a server's own words."""
_TOO_LONG = re.compile(
    r"context[_ ](length|size|window)|maximum (context|input) length|prompt (is )?too long|input (is )?too long"
    r"|max_model_len|too many (input )?tokens|max_tokens must be at least 1|`inputs` tokens|context overflow",
    re.IGNORECASE,
)
"""The words of OpenAI, vLLM, SGLang, llama.cpp, Ollama, LM Studio, TGI and Anthropic for it."""
_MAY_BE_TOO_LONG = {400, 422, 500}
_NO_MONEY = {"insufficient_quota", "billing_error", "billing_hard_limit_reached"}
_TAGS = re.compile(r"<(script|style).*?</\1>|<[^>]*>", re.DOTALL | re.IGNORECASE)


class BadStatus(Exception):  # noqa: N818 - what HTTP calls it
    """A server answered with an error.

    Attributes:
        status: of HTTP, or what an error within a stream corresponds to.
        message: the server's own words.
        code: its name for the error, such as ``context_length_exceeded``.
        param: the field of the request that it is about.
        retry_after: seconds after which it asks to be tried again.
        headers: of the answer.
        content: of the answer, where that is an object in JSON.
    """

    def __init__(self, status: int, message: str, code: str = "", param: str = "", after: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.param = param
        self.retry_after = after
        self.headers: Mapping[str, str] = {}
        self.content: Mapping[str, Any] = {}

    def meaning(self, where: str, section: str = "engine") -> ExecutionError:
        """Return the error to be raised for it; ``where`` is the server's address, ``section`` where that is set."""
        said = f"{where} answered {self.status}: {self.message or 'nothing more'}"
        if self.is_too_long:
            return ContextTooLong(f"the prompt does not fit the model: {said}")
        if self.code in _NO_MONEY or self.status == 402:  # noqa: PLR2004 - Payment Required
            return EngineUnusable(f"the account has no credit left: {said}")
        return _by_status(self.status, said, self.retry_after, section)

    @property
    def is_too_long(self) -> bool:
        """Whether the prompt does not fit the model."""
        if self.status == 413:  # noqa: PLR2004 - Content Too Large
            return True
        return self.status in _MAY_BE_TOO_LONG and bool(_TOO_LONG.search(f"{self.code} {self.message}"))


def _by_status(status: int, said: str, retry_after: float | None, section: str) -> ExecutionError:
    match status:
        case 401 | 403:
            return EngineUnusable(f"{said}. Check the key: `codetune keys list` says where it comes from")
        case 404:
            return EngineUnusable(f"{said}. Is {section}.base_url the server's?")
        case 408 | 504 | 522 | 524:
            return EngineTimeout(said)
        case 425 | 429 | 503 | 529:
            return EngineOverloaded(said, retry_after)
        case _ if 300 <= status < 400:  # noqa: PLR2004
            hint = f"set {section}.base_url"
            return EngineUnusable(f"{said}. It is not followed, so that the key goes nowhere else: {hint}")
        case _ if status >= 500:  # noqa: PLR2004
            return EngineLost(said)
    return EngineRefused(said)


def bad_status(status: int, headers: Mapping[str, str], body: str) -> BadStatus:
    """Read an error answer in any of the shapes that servers give it."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        content = None
    found = told_error(content, status) if isinstance(content, dict) else BadStatus(status, "")
    if not found.message:
        found.message = " ".join(_TAGS.sub(" ", body).split())[:_SHOWN]
    if 300 <= status < 400:  # noqa: PLR2004
        found.message = f"the address has moved to {headers.get('Location', 'nowhere')}"
    found.retry_after = _retry_after(headers, found.retry_after)
    found.headers, found.content = headers, content if isinstance(content, dict) else {}
    return found


def told_error(content: Mapping[str, Any], status: int = 500) -> BadStatus:
    """Read the JSON of an error: ``{"error": {"message", "type", "param", "code"}}``, ``{"error": "..."}`` and kin.

    ``status`` is that of the answer; one within a stream has its own in ``code``, or 500.
    """
    inner = content.get("error", content)
    if not isinstance(inner, Mapping):
        inner = {"message": inner}
    message = inner.get("message") or inner.get("detail") or content.get("message") or ""
    code = inner.get("code") or content.get("code")
    if isinstance(code, int) and 400 <= code < 600:  # noqa: PLR2004
        status = code
    name = code if isinstance(code, str) else inner.get("type")
    after = content.get("estimated_time")
    return BadStatus(
        status,
        (message if isinstance(message, str) else json.dumps(message))[:_SHOWN],
        name if isinstance(name, str) else "",
        param if isinstance(param := inner.get("param"), str) else "",
        _seconds(after) if isinstance(after, int | float) else None,
    )


def _retry_after(headers: Mapping[str, str], otherwise: float | None) -> float | None:
    """Read ``retry-after-ms`` or ``Retry-After``, which is seconds or a date (RFC 9110, 10.2.3)."""
    try:
        if text := headers.get("retry-after-ms"):
            return _seconds(float(text) / 1000)
        text = headers.get("Retry-After", "")
        if text.strip().replace(".", "", 1).isdigit():
            return _seconds(text)
        at = parsedate_to_datetime(text)
        now = dt.datetime.now(at.tzinfo or dt.UTC)
        return _seconds((at.replace(tzinfo=at.tzinfo or dt.UTC) - now).total_seconds())
    except (ValueError, OverflowError):
        return otherwise


def _seconds(told: float | str) -> float | None:
    """Return a time to wait, which a server may write in any way; None for what is none."""
    try:
        seconds = float(told)
    except OverflowError:
        return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def network_error(error: Exception, where: str, connect_seconds: float, section: str = "engine") -> ExecutionError:
    """Say what a failure to reach a server, or to hear from it, means."""
    import aiohttp  # noqa: PLC0415 - only where it was used

    match error:
        case aiohttp.ServerTimeoutError():
            setting = f"{section}.connect_seconds"
            return EngineTimeout(f"{where} was not reached within {connect_seconds:g} seconds ({setting})")
        case aiohttp.ClientSSLError() | aiohttp.ServerFingerprintMismatch():
            why = getattr(error, "certificate_error", None) or error
            hint = f"If its certificate is your own, set {section}.ca_file"
            return EngineUnusable(f"{where} is not trusted: {why}. {hint}")
        case aiohttp.ClientHttpProxyError():
            hint = " Write its user and password as http://user:password@host:port" if error.status == 407 else ""  # noqa: PLR2004
            return EngineUnusable(f"the proxy to {where} answered {error.status}: {error.message}.{hint}")
        case aiohttp.ClientProxyConnectionError():
            settings = f"{section}.proxy, HTTPS_PROXY and HTTP_PROXY"
            return EngineLost(f"the proxy to {where} cannot be reached: see {settings}")
        case aiohttp.ClientConnectorDNSError():
            return EngineLost(f"no machine has the name in {where}: see {section}.base_url, or your network is down")
        case aiohttp.ClientConnectorError():
            return EngineLost(
                f"nothing listens at {where}: start the server, or set {section}.base_url ({error.strerror})"
            )
        case aiohttp.InvalidURL():
            settings = f"{section}.base_url and {section}.proxy"
            return EngineUnusable(f"{where} is no address that can be asked: see {settings}")
    return EngineLost(f"{where} hung up: {error or type(error).__name__}")
