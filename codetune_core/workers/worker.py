"""The worker process: reads tasks from its standard input, answers on its standard output, ends with its owner."""

import asyncio
import gc
import os
import sys
import threading
from collections import OrderedDict
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import BinaryIO

from codetune_core.bootstrap.workbench import Workbench
from codetune_core.errors import CodeTuneError
from codetune_core.findings.suppress import suppress
from codetune_core.model_reviewer.anchored_here import anchored_here
from codetune_core.model_reviewer.units import read
from codetune_core.settings import Settings
from codetune_core.workers.climbing import Climbing
from codetune_core.workers.messages import (
    BACKGROUND,
    HEADER,
    AnchorTask,
    Ask,
    ByDetectors,
    Cancel,
    ClimbTask,
    DescribeTask,
    DetectorState,
    End,
    FixAllTask,
    Part,
    ReadTask,
    ReviewTask,
    SetAsideTask,
    Supply,
    Task,
    pack,
    unpack,
)

_KEPT_WORKBENCHES = 4


class Worker:
    """Runs tasks concurrently, each cancellable, with one workbench per settings."""

    def __init__(self, output: BinaryIO) -> None:
        self._output = output
        self._running: dict[int, asyncio.Task[None]] = {}
        self._climbs: dict[int, Climbing] = {}
        self._workbenches: OrderedDict[str, Workbench] = OrderedDict()

    def receive(self, message: object) -> None:
        """Begin, supply or cancel a task."""
        match message:
            case Ask(number=number, task=task):
                running = asyncio.create_task(self._run(number, task))
                self._running[number] = running
                running.add_done_callback(lambda _: self._running.pop(number, None))
            case Supply(number=number) if number in self._climbs:
                self._climbs[number].supply(message)
            case Cancel(number=number) if number in self._running:
                self._running[number].cancel()

    async def aclose(self) -> None:
        """Cancel what runs and end the workbenches."""
        for running in list(self._running.values()):
            running.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)
        await asyncio.gather(*(workbench.aclose() for workbench in self._workbenches.values()))

    async def _run(self, number: int, task: Task) -> None:
        try:
            async with aclosing(self._answer(number, task)) as values:
                async for value in values:
                    self._send(Part(number, value))
        except asyncio.CancelledError:
            self._send(End(number, "cancelled"))
        except CodeTuneError as error:
            self._send(End(number, str(error)))
        except Exception as error:  # noqa: BLE001 - one task's fault must not end the others
            self._send(End(number, f"internal error ({type(error).__name__}): {error}"))
        else:
            self._send(End(number))

    async def _answer(self, number: int, task: Task) -> AsyncGenerator[object]:
        match task:
            case ReadTask():
                yield await asyncio.to_thread(read, task.document)
            case AnchorTask():
                yield await anchored_here(task.document, task.quotes)
            case SetAsideTask():
                yield suppress(task.document, task.findings, task.settings.rules, task.relative_path)
            case _:
                async with aclosing(self._answer_by_detectors(number, task)) as values:
                    async for value in values:
                        yield value

    async def _answer_by_detectors(self, number: int, task: ByDetectors) -> AsyncGenerator[object]:
        workbench = await self._workbench(task.settings)
        match task:
            case ReviewTask():
                async for review in workbench.review(
                    task.document, task.relative_path, task.pace, with_fixes=task.with_fixes
                ):
                    yield review
            case FixAllTask():
                yield await workbench.fix_all(task.document, task.findings)
            case DescribeTask():
                yield _states(workbench)
            case ClimbTask():
                climbing = self._climbs[number] = Climbing(task, workbench)
                try:
                    async with aclosing(climbing.parts()) as parts:
                        async for part in parts:
                            yield part
                finally:
                    del self._climbs[number]

    async def _workbench(self, settings: Settings) -> Workbench:
        key = settings.key
        if key not in self._workbenches:
            self._workbenches[key] = Workbench(settings)
        self._workbenches.move_to_end(key)
        while len(self._workbenches) > _KEPT_WORKBENCHES:
            await self._workbenches.popitem(last=False)[1].aclose()
        return self._workbenches[key]

    def _send(self, message: object) -> None:
        self._output.write(pack(message))
        self._output.flush()


def _states(workbench: Workbench) -> list[DetectorState]:
    states = [
        DetectorState(notice.key.partition(":")[2], runs=False, text=notice.text) for notice in workbench.registered.off
    ]
    for detector in workbench.registered.detectors:
        try:
            states.append(DetectorState(detector.name, runs=True, text=detector.describe()))
        except CodeTuneError as error:
            states.append(DetectorState(detector.name, runs=False, text=str(error)))
    return states


def _read(source: BinaryIO, loop: asyncio.AbstractEventLoop, queue: "asyncio.Queue[object]") -> None:
    while len(header := source.read(HEADER.size)) == HEADER.size:
        message = unpack(source.read(HEADER.unpack(header)[0]))
        loop.call_soon_threadsafe(queue.put_nowait, message)
    loop.call_soon_threadsafe(queue.put_nowait, None)


async def _serve(source: BinaryIO, output: BinaryIO) -> None:
    worker = Worker(output)
    queue: asyncio.Queue[object] = asyncio.Queue()
    threading.Thread(target=_read, args=(source, asyncio.get_running_loop(), queue), daemon=True).start()
    while (message := await queue.get()) is not None:
        worker.receive(message)
    await worker.aclose()


def _give_way() -> None:
    """Run, and have ruff run, only when nobody else wants the processor; Windows has no such word for it."""
    if hasattr(os, "SCHED_IDLE"):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    elif hasattr(os, "nice"):
        os.nice(19)


def main() -> None:
    """Serve until the standard input ends; whatever else prints goes to the standard error."""
    output = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    gc.freeze()
    if BACKGROUND in sys.argv[1:]:
        _give_way()
    asyncio.run(_serve(sys.stdin.buffer, output))
    os._exit(0)  # a detector's thread that hangs must not keep the process


if __name__ == "__main__":
    main()
