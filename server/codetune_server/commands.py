"""What `workspace/executeCommand` passes to a command's handler: checked arguments and the progress token."""

import inspect
import typing
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import attrs
from cattrs import Converter
from lsprotocol import types

from codetune_server.errors import invalid_params


@attrs.define
class CommandParams:
    """The protocol's ExecuteCommandParams, and a token that CodeTune's commands take as other requests do.

    ``partial_result_token`` is the one under which the client wants to be sent what there is of the answer.
    """

    command: str
    arguments: typing.Sequence[Any] | None = None
    work_done_token: types.ProgressToken | None = None
    partial_result_token: types.ProgressToken | None = None


command_params: ContextVar[CommandParams | None] = ContextVar("command_params", default=None)
_PLAIN = (bool, int, float, str)


def work_done_token() -> types.ProgressToken | None:
    """The progress token that the client gave with the command that runs now."""
    params = command_params.get()
    return params.work_done_token if params else None


def partial_result_token() -> types.ProgressToken | None:
    """The token under which the client wants to see the answer of the running command grow."""
    params = command_params.get()
    return params.partial_result_token if params else None


def bind_arguments(handler: Callable[..., Any], given: typing.Sequence[Any], converter: Converter) -> list[Any]:
    """Check and convert a command's arguments by the handler's annotations; defaults fill what is left out.

    Raises RequestError (InvalidParams) where there are too few, too many, or one is of the wrong type.
    """
    function = getattr(handler, "func", handler)
    own = list(inspect.signature(function).parameters.values())[function is not handler :]
    needed = sum(parameter.default is inspect.Parameter.empty for parameter in own)
    if not needed <= len(given) <= len(own):
        expected = str(needed) if needed == len(own) else f"{needed} to {len(own)}"
        raise invalid_params(f"The command takes {expected} arguments, not {len(given)}.")
    kinds = typing.get_type_hints(function)
    return [
        _convert(value, kinds.get(parameter.name, Any), parameter.name, converter)
        for value, parameter in zip(given, own, strict=False)
    ]


def _convert(value: Any, kind: Any, name: str, converter: Converter) -> Any:
    if kind is Any or kind is object:
        return value
    if kind in _PLAIN:
        if type(value) is kind or (kind is float and type(value) is int):
            return value
        raise invalid_params(f"The argument {name!r} must be of type {kind.__name__}.")
    try:
        return converter.structure(value, kind)
    except Exception:  # noqa: BLE001 - cattrs raises whatever a constructor raises
        raise invalid_params(f"The argument {name!r} is not of the form the command takes.") from None
