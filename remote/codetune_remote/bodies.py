"""Reads what a request carries: JSON as RFC 7493 (I-JSON) asks for it, within limits of size, time and depth."""

import asyncio
import json
from typing import Any

from aiohttp import hdrs, web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_protocol import RequestPayloadError
from pydantic import BaseModel

from codetune_remote.limits import LIMITS
from codetune_remote.problems import Refusal
from codetune_remote.route import Nothing
from codetune_remote.valid import LARGEST_INTEGER, malformed, validated

_DIGITS = len(str(LARGEST_INTEGER)) + 1
_ENCODINGS = ("identity", "gzip", "deflate", "br", "zstd")


async def read_body(request: web.Request, wanted: type[BaseModel]) -> Any:
    """Return a valid body; raises Refusal 400, 408, 413, 415 or 422.

    Types are strict: a number in quotes is no number. Where nothing is sent, an empty object is meant.
    """
    if wanted is Nothing:
        return Nothing()
    if request.can_read_body:
        _check_headers(request)
    raw = await _read(request) or b"{}"
    _check(raw)
    return validated(lambda: wanted.model_validate_json(raw, strict=True), "body")


def _check_headers(request: web.Request) -> None:
    if request.content_type != "application/json":
        raise _unsupported("the body must be JSON, with the header Content-Type: application/json")
    if (request.charset or "utf-8").lower() not in {"utf-8", "utf8"}:
        raise _unsupported("JSON is UTF-8: leave the charset out")
    if request.headers.get(hdrs.CONTENT_ENCODING, "identity").lower() not in _ENCODINGS:
        raise _unsupported(f"a body may be compressed once, by one of {', '.join(_ENCODINGS)}")


def _unsupported(why: str) -> Refusal:
    return Refusal(415, "unsupported-media-type", why)


async def _read(request: web.Request) -> bytes:
    if (request.content_length or 0) > request.client_max_size:
        raise web.HTTPRequestEntityTooLarge(request.client_max_size)
    if request.content.is_eof() and not request.content.exception():  # it came with the headers
        return await request.read()
    try:
        async with asyncio.timeout(request.app[LIMITS].body_seconds):
            return await request.read()
    except TimeoutError as error:
        why = "the body did not arrive in time"
        raise Refusal(408, "request-timeout", why, headers={"Connection": "close"}) from error
    except (RequestPayloadError, HttpProcessingError) as error:
        raise Refusal(400, "malformed", "the body is broken: its length, chunks or compression are wrong") from error


def _check(raw: bytes) -> None:
    """Refuse what JSON readers understand differently from each other; raises Refusal 400."""
    try:
        json.loads(
            raw.decode(), object_pairs_hook=_pairs, parse_constant=_no_constant, parse_int=_integer, parse_float=_float
        )
    except UnicodeDecodeError as error:
        raise malformed("it is not UTF-8") from error
    except RecursionError as error:
        raise malformed("it is nested too deeply") from error
    except json.JSONDecodeError as error:
        raise malformed(f"{error.msg} in line {error.lineno}, column {error.colno}") from error


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise malformed("an object has the same name twice")
    return made


def _no_constant(name: str) -> None:
    raise malformed(f"{name} is no number")


def _integer(digits: str) -> int:
    if len(digits) > _DIGITS or abs(int(digits)) > LARGEST_INTEGER:
        raise malformed("a whole number is beyond 2^53 - 1")
    return int(digits)


def _float(digits: str) -> float:
    if (number := float(digits)) in {float("inf"), float("-inf")}:
        raise malformed("a number is too large")
    return number
