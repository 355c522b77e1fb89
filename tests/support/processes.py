"""Child processes of tests: they say a line when they are somewhere, and wait there until they are told or killed."""

import subprocess
import sys
from pathlib import Path

_BY_LINES = "import sys\nsys.stdout.reconfigure(line_buffering=True, write_through=False)\n"
_AT_ONCE = """
import os

print("ready")
sys.stdin.readline()
children = []
for _ in range({count}):
    if not (child := os.fork()):
        sys.exit(asyncio.run(main()))
    children.append(child)
sys.exit(max(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children))
"""


def start(script: str, *arguments: str) -> subprocess.Popen:
    """Start Python with a script's text; it reads lines from its standard input and writes lines to its output."""
    return subprocess.Popen(
        [sys.executable, "-c", _BY_LINES + script, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
        cwd=Path(__file__).parents[2],
    )


def start_at_once(count: int, script: str, *arguments: str) -> subprocess.Popen:
    """Start a process that says ``ready`` and, once told, becomes ``count`` which run a script's ``main`` at once.

    They share its output, and their imports are done: they meet more closely than processes that each load Python do.
    """
    return start(script + _AT_ONCE.format(count=count), *arguments)


def await_line(process: subprocess.Popen) -> str:
    """Return the next line that a process says; fails where it ends instead."""
    line = process.stdout.readline()
    assert line, f"the process ended with {process.wait()}"
    return line.strip()


def tell(process: subprocess.Popen, line: str = "go") -> None:
    process.stdin.write(f"{line}\n")
    process.stdin.flush()


def end(process: subprocess.Popen) -> int:
    """Wait for a process's end and close its pipes; return its exit code."""
    code = process.wait(60)
    process.stdin.close()
    process.stdout.close()
    return code


def kill(process: subprocess.Popen) -> None:
    """End a process at once, as ``kill -9`` does."""
    process.kill()
    end(process)
