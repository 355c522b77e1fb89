"""The process of one plugin: loads it, answers one request after the other, and ends with its owner."""

import os
import sys
import traceback

from codetune_core.domain.execution import ErrorKind
from codetune_core.errors import CodeTuneError, ExecutionError
from codetune_core.plugins.api import AgentTool, Answer, Request
from codetune_core.plugins.child.guard import Guard, limit_memory
from codetune_core.plugins.child.lent_models import LentModels
from codetune_core.plugins.child.load import load_tool
from codetune_core.plugins.child.wire import Wire
from codetune_core.plugins.frames import Load, Loaded, LoadFailed, Result, Run, RunFailed, Shown


def serve(wire: Wire, guard: Guard) -> None:
    """Load what the first frame names, and answer requests until the input ends."""
    load = wire.receive()
    if not isinstance(load, Load):
        raise TypeError(f"the first frame is {type(load).__name__}, not Load")
    limit_memory(load.memory_bytes)
    guard.allow(load.capabilities, load.file)
    try:
        tool = load_tool(load)
        guard.allow(tool.METADATA.capabilities, load.file)
        tool.engine = LentModels(wire)
        tool.show = lambda text: wire.send(Shown(text=str(text)))
        tool.setup()
        loaded = Loaded(metadata=tool.METADATA, kind=tool.KIND)
    except BaseException as error:  # noqa: BLE001 - sys.exit of a plugin is not ours
        wire.send(LoadFailed(message=reason(error)))
        return
    wire.send(loaded)
    while isinstance(order := wire.receive(), Run):
        _answer(wire, tool, order)


def _answer(wire: Wire, tool: AgentTool, order: Run) -> None:
    try:
        value = tool.run(Request(order.task, order.text, order.arguments))
    except ExecutionError as error:
        wire.send(RunFailed(kind=ErrorKind(error.kind), message=str(error)))
    except CodeTuneError as error:
        wire.send(RunFailed(kind=ErrorKind.INVALID_INPUT, message=str(error)))
    except BaseException as error:  # noqa: BLE001 - whatever it is, the next request is another
        wire.send(RunFailed(kind=ErrorKind.INTERNAL, message=reason(error)))
    else:
        _give(wire, value)


def _give(wire: Wire, value: object) -> None:
    try:
        wire.send(Result(value=_plain(value)))
    except (ValueError, RecursionError, MemoryError) as error:
        said = " ".join(str(error).split())[:200]
        message = f"it answered what cannot be sent ({type(value).__name__}): {said}"
        wire.send(RunFailed(kind=ErrorKind.INTERNAL, message=message))


def _plain(value: object) -> object:
    if not isinstance(value, Answer):
        return value
    usage = {"prompt_tokens": value.usage.prompt_tokens, "completion_tokens": value.usage.completion_tokens}
    return {"text": value.text, "model": value.model, "finish_reason": value.finish_reason, "usage": usage}


def reason(error: BaseException) -> str:
    """Say what happened and in which line of the plugin."""
    if isinstance(error, CodeTuneError):
        return str(error)
    if isinstance(error, SystemExit):
        return f"it called sys.exit({error.code!r})"
    if isinstance(error, MemoryError):
        return "it needs more memory than plugins.memory_megabytes allows"
    said = traceback.format_exception_only(error)[-1].strip()
    frames = traceback.extract_tb(error.__traceback__)
    where = f" (line {frames[-1].lineno} of {os.path.basename(frames[-1].filename)})" if frames else ""  # noqa: PTH119
    return f"{said[:2000]}{where}".encode("utf-8", "replace").decode()


def main() -> None:
    """Serve until the standard input ends; whatever else is printed goes to the standard error."""
    source, sink = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123 - a name of the operating system
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    guard = Guard()
    sys.addaudithook(guard)
    serve(Wire(source, sink, lambda: os._exit(0)), guard)
    sys.stdout.flush()
    os._exit(0)  # a thread of the plugin must not keep the process


if __name__ == "__main__":
    main()
