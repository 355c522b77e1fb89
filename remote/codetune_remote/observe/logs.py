"""Logs: one line an event, for people or in JSON, with the request's id, and with no code and no secrets."""

import asyncio
import logging
import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor

Format = Literal["auto", "console", "json"]
_KEYS = re.compile(r"\bctk_[0-9A-Za-z]{10}_[0-9A-Za-z]+|\b(?:hf|sk|sk-ant)[_-][0-9A-Za-z_-]{16,}|Bearer\s+\S+")
_HIDDEN = "***"
_LOG = logging.getLogger(__name__)


@contextmanager
def logging_as(log_format: Format, stream: TextIO | None = None) -> Iterator[None]:
    """Write all that is logged meanwhile, whoever logs it, to a stream; else to the standard error."""
    where = stream or sys.stderr
    handler = logging.StreamHandler(where)
    handler.setFormatter(_formatter(_renderer(log_format, where)))
    root = logging.getLogger()
    before = root.handlers, root.level
    root.handlers, root.level = [handler], logging.INFO
    logging.getLogger("alembic.runtime.plugins").setLevel(logging.WARNING)  # it tells each part of itself
    logging.captureWarnings(capture=True)
    try:
        yield
    finally:
        logging.captureWarnings(capture=False)
        root.handlers, root.level = before
        handler.flush()


def watch(loop: asyncio.AbstractEventLoop) -> None:
    """Let what fails in a task that nobody waits for be logged by its kind and place, and not by what it says."""
    loop.set_exception_handler(_failed)


def _failed(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    # What follows shows a callback with its arguments.
    what = str(context.get("message", "an error in the event loop")).partition(" callback ")[0]
    _LOG.error("%s", what, exc_info=context.get("exception"))


def _renderer(log_format: Format, stream: TextIO) -> Processor:
    terminal = stream.isatty()
    if log_format == "console" or (log_format == "auto" and terminal):
        return structlog.dev.ConsoleRenderer(colors=terminal)
    return structlog.processors.JSONRenderer()


def _formatter(renderer: Processor) -> logging.Formatter:
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper("iso", utc=True),
        _without_what_errors_say,
        _without_keys,
    ]
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )


def _without_what_errors_say(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Put the types of errors and where they were raised in place of their text, which may quote the user's code."""
    raised = event.pop("exc_info", None)
    error = raised[1] if isinstance(raised, tuple) else raised
    event.pop("stack_info", None)
    if isinstance(error, BaseException):
        event["error"] = type(error).__qualname__
        frames = traceback.extract_tb(error.__traceback__)
        event["where"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    return event


def _without_keys(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Hide what looks like a key, should one ever come here."""
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = _KEYS.sub(_HIDDEN, value)
    return event
