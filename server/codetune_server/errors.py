"""What a client is told when a request fails: a code and a short text without paths, code or tracebacks."""

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from codetune_core.errors import CodeTuneError
from codetune_server.spoken import spoken

INTERNAL = types.ErrorCodes.InternalError.value
INVALID_PARAMS = types.ErrorCodes.InvalidParams.value
INVALID_REQUEST = types.ErrorCodes.InvalidRequest.value
METHOD_NOT_FOUND = types.ErrorCodes.MethodNotFound.value
NOT_INITIALIZED = types.ErrorCodes.ServerNotInitialized.value
PARSE_ERROR = types.ErrorCodes.ParseError.value
CANCELLED = types.LSPErrorCodes.RequestCancelled.value
FAILED = types.LSPErrorCodes.RequestFailed.value
CHANGED = "The text has changed since, so nothing was done. Ask again."


class RequestError(JsonRpcException):
    """Answers the request with this code and text."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(spoken(message), code)


def invalid_params(message: str) -> RequestError:
    """The request's parameters do not fit its method."""
    return RequestError(INVALID_PARAMS, message)


def changed() -> RequestError:
    """What was asked is about another text; no ContentModified, as editors keep that one from their users."""
    return failed(CHANGED)


def not_open() -> RequestError:
    """What was asked is about a file that the editor does not have open."""
    return failed("This file is not open. Open it, and ask again.")


def failed(message: str) -> RequestError:
    """The request is right but cannot be done; the message is shown to people."""
    return RequestError(FAILED, message)


def cancelled() -> RequestError:
    """Nobody waits for the answer any more."""
    return RequestError(CANCELLED, "The request was cancelled.")


def told(error: BaseException) -> RequestError:
    """What the client is told of an exception."""
    if isinstance(error, RequestError):
        return error
    if isinstance(error, CodeTuneError):
        return failed(str(error))
    if isinstance(error, JsonRpcException):
        return failed("The editor refused what the server asked it for.")
    return RequestError(
        INTERNAL, f"Internal error ({type(error).__name__}); the server's log at level debug says more."
    )
