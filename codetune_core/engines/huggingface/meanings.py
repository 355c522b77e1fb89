"""What a failure of Hugging Face, or of the way to it, means: an ExecutionError whose words say what to do."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
from huggingface_hub.errors import OverloadedError, TextGenerationError, ValidationError

from codetune_core.errors import CodeTuneError, EngineLost, EngineTimeout, EngineUnusable, ExecutionError
from codetune_core.http.address import Address
from codetune_core.http.keys import Key, redacted
from codetune_core.http.refusals import BadStatus, told_error
from codetune_core.sections import EngineSettings

_NOT_JSON = (ValueError, KeyError, TypeError, AttributeError, IndexError)
"""What huggingface_hub raises over an answer that has not the form that it expects."""


@contextmanager
def failures_told(asked: EngineSettings, address: Address, key: Key | None, model: str) -> Iterator[None]:
    """Turn whatever goes wrong inside into an ExecutionError; ours go through."""
    try:
        yield
    except CodeTuneError:
        raise
    except BadStatus as error:
        error.message = redacted(error.message, key)
        raise meaning(error, address, model) from error
    except TextGenerationError as error:
        raise meaning(_in_stream(error, key), address, model) from error
    except httpx2.TimeoutException as error:
        raise _too_slow(error, asked, address) from error
    except TimeoutError as error:  # huggingface_hub's, of the pool's
        raise _too_slow(error.__cause__ or error, asked, address) from error
    except httpx2.TransportError as error:
        raise _unreachable(error, address) from error
    except _NOT_JSON as error:
        raise EngineLost(f"{address.base_url} sent what is no answer: is engine.base_url the server's?") from error


def meaning(refusal: BadStatus, address: Address, model: str) -> ExecutionError:
    """Return the error to be raised for an answer that is an error."""
    said = f"{address.base_url} answered {refusal.status}: {refusal.message or 'nothing more'}"
    match refusal.status:
        case _ if refusal.is_too_long:
            pass
        case 401:
            return EngineUnusable(f"{said}. Make a new token at https://huggingface.co/settings/tokens")
        case 402:
            return EngineUnusable(f"{said}. The credits are used up: see https://huggingface.co/settings/billing")
        case 403:
            return EngineUnusable(
                f"{said}. Accept the terms at https://huggingface.co/{model.partition(':')[0]}, and use a token that"
                " may call Inference Providers or this Endpoint"
            )
        case 404:
            return EngineUnusable(f"{said}. Is engine.model {model!r} served there, and engine.base_url its address?")
        case 400 if "paused" in refusal.message.lower():
            return EngineUnusable(f"{said}. Resume the Endpoint at https://endpoints.huggingface.co")
    return refusal.meaning(address.base_url)


def _in_stream(error: TextGenerationError, key: Key | None) -> BadStatus:
    """Read the error that a stream ended with."""
    status = {OverloadedError: 429, ValidationError: 422}.get(type(error), 500)
    told = error.args[0] if error.args else ""
    found = told_error(told if isinstance(told, dict) else {"error": told}, status)
    found.message = redacted(found.message, key)
    return found


def _too_slow(error: BaseException, asked: EngineSettings, address: Address) -> EngineTimeout:
    if isinstance(error, httpx2.ConnectTimeout | httpx2.PoolTimeout):
        seconds = asked.connect_seconds
        return EngineTimeout(f"{address.base_url} was not reached within {seconds:g} seconds (engine.connect_seconds)")
    seconds = asked.first_token_seconds
    return EngineTimeout(f"{address.base_url} gave nothing within {seconds:g} seconds (engine.first_token_seconds)")


def _unreachable(error: httpx2.TransportError, address: Address) -> ExecutionError:
    where = address.base_url
    match error:
        case httpx2.ConnectError() if "CERTIFICATE" in str(error).upper():
            return EngineUnusable(
                f"{where} is not trusted: {error}. If its certificate is your own, set engine.ca_file"
            )
        case httpx2.ConnectError():
            return EngineLost(f"{where} cannot be reached: see engine.base_url, or your network is down ({error})")
        case httpx2.ProxyError():
            return EngineUnusable(f"the proxy to {where} does not let it through: {error} (engine.proxy)")
    return EngineLost(f"{where} hung up: {error or type(error).__name__}")
