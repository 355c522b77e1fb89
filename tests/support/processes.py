"""Child processes of tests: they say a line when they are somewhere, and wait there until they are told or killed."""

import subprocess
import sys
from pathlib import Path


def start(script: str, *arguments: str) -> subprocess.Popen:
    """Start Python with a script's text; it reads lines from its standard input and writes lines to its output."""
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
        cwd=Path(__file__).parents[2],
    )


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
