"""Starts a model process, and says how it ended."""

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import BinaryIO

from codetune_core.models.load_plan import LoadPlan
from codetune_core.runtime.folder import Files

COMMAND = (sys.executable, "-P", "-m", "codetune_core.engines.transformers.process.main")
"""``-P``: nothing is imported from the working directory."""
_SECRET = re.compile(r"TOKEN|_KEY|APIKEY|SECRET|PASSWORD|CREDENTIAL", re.IGNORECASE)
_TAIL = 2000


class Spawned:
    """A process that this one started."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process
        # It outlives this process: it is waited for in the background, and left behind in the end.
        self._waiting = Thread(target=process.wait, name=f"wait for {process.pid}", daemon=True)
        self._waiting.start()

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._waiting.is_alive()

    def how_it_ended(self, seconds: float = 1) -> str:
        """Say how it ended; empty where it has not within these seconds."""
        self._waiting.join(seconds)
        code = self._process.returncode
        if code is None:
            return ""
        if code >= 0:
            return f"ended with exit code {code}"
        perhaps = ", perhaps because memory ran out" if code == -signal.SIGKILL else ""
        return f"was killed by signal {-code} ({signal.Signals(-code).name}){perhaps}"


def spawn(plan: LoadPlan, files: Files, lock: int, command: tuple[str, ...] = COMMAND) -> Spawned:
    """Start the process of a plan, which inherits the descriptor of its lock; raises OSError."""
    os.truncate(lock, 0)  # the id of the process before
    with tempfile.TemporaryFile() as standard_input, new_log(files.log) as log:
        standard_input.write(plan.model_dump_json().encode())
        standard_input.seek(0)
        process = subprocess.Popen(  # noqa: S603 - the command is ours
            [*command, str(files.socket)],
            stdin=standard_input,
            stdout=log,
            stderr=log,
            cwd=files.folder,
            env=environment(os.environ, plan.threads),
            pass_fds=(lock,),
            start_new_session=True,
        )
    os.pwrite(lock, str(process.pid).encode(), 0)
    return Spawned(process)


def environment(own: Mapping[str, str], threads: int) -> dict[str, str]:
    """Return the environment of a model process: no network, no keys, so many threads (0: torch's choice)."""
    kept = {name: value for name, value in own.items() if not _SECRET.search(name)}
    kept |= {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "TOKENIZERS_PARALLELISM": "false"}
    # Devices are numbered as nvidia-smi, by which they are chosen, numbers them.
    kept |= {"PYTHONFAULTHANDLER": "1", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    if threads:
        kept |= {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    return kept


def log_tail(path: Path) -> str:
    """Return the last lines of a log, empty where there is none."""
    with suppress(OSError), path.open("rb") as log:
        log.seek(max(0, log.seek(0, os.SEEK_END) - _TAIL))
        return log.read().decode("utf-8", "replace").strip()
    return ""


def new_log(path: Path) -> BinaryIO:
    """Open an empty log; that of the process before is kept beside it."""
    with suppress(FileNotFoundError):
        path.replace(path.with_suffix(".log.old"))
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")
