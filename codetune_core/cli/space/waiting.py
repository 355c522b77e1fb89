"""Waits for a Space: until it runs what was uploaded, or says why it never will."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from codetune_core.cli.space.reach import Place
from codetune_core.errors import CodeTuneError

if TYPE_CHECKING:
    from huggingface_hub import HfApi, SpaceRuntime

_PAUSE = 5.0
_OK = 200
_DONE = "done"
_ENDED = {"BUILD_ERROR", "RUNTIME_ERROR", "CONFIG_ERROR", "NO_APP_FILE", "DELETING", "PAUSED", "STOPPED"}
_ANSWERS = {"RUNNING", "RUNNING_BUILDING", "RUNNING_APP_STARTING", "SLEEPING"}
"""Something answers then, though it may be what ran before; who asks a Space that sleeps wakes it."""
_SURE = 3
"""So often the stage has to be seen, where the Hub does not say of which commit it is: the one before may linger."""

OnStage = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Wait:
    """For whom, and for how many seconds; ``on_stage`` is told where it stands."""

    hub: "HfApi"
    space: str
    place: Place
    seconds: float
    on_stage: OnStage

    def for_commit(self, commit: str, uploaded: str) -> None:
        """Wait until ``/version`` of the service says ``commit``.

        The Hub's own word that a Space runs is not enough: the build before may still run. ``uploaded`` is the commit
        of the Space's repository that holds the upload, so that an error of an earlier one does not count.

        Raises CodeTuneError where the Space ends otherwise, or when the time is over.
        """

        def arrived(runtime: "SpaceRuntime") -> str:
            if runtime.stage not in _ANSWERS:
                return ""
            answer = self.place.ask("/version")
            if answer.content.get("commit") == commit:
                return _DONE
            return f"{runtime.stage}, with what ran before" if answer.status == _OK else ""

        self._until(arrived, uploaded)

    def until_awake(self) -> None:
        """Wait until the service answers; raises CodeTuneError as ``for_commit`` does."""

        def arrived(runtime: "SpaceRuntime") -> str:
            return _DONE if runtime.stage in _ANSWERS and self.place.ask("/healthz").status == _OK else ""

        self._until(arrived)

    def _until(self, arrived: "Callable[[SpaceRuntime], str]", uploaded: str = "") -> None:
        deadline = time.monotonic() + self.seconds
        stage, seen = "", 0
        while True:
            runtime = self.hub.get_space_runtime(self.space)
            word = arrived(runtime)
            if word == _DONE:
                return
            seen = seen + 1 if str(runtime.stage) == stage else 1
            stage = str(runtime.stage)
            self.on_stage(word or stage)
            if stage in _ENDED and _is_ours(runtime, uploaded, seen):
                raise CodeTuneError(_ended(self.space, runtime))
            if time.monotonic() > deadline:
                hint = f"codetune space logs {self.space} --build"
                raise CodeTuneError(f"{self.space} is still {stage} after {self.seconds:.0f} s: {hint}")
            time.sleep(_PAUSE)


def _is_ours(runtime: "SpaceRuntime", uploaded: str, seen: int) -> bool:
    of = runtime.raw.get("sha")
    return seen >= _SURE if not (of and uploaded) else of == uploaded


def _ended(space: str, runtime: "SpaceRuntime") -> str:
    why = f" ({runtime.raw['errorMessage']})" if runtime.raw.get("errorMessage") else ""
    todo = {
        "BUILD_ERROR": f"codetune space logs {space} --build",
        "RUNTIME_ERROR": f"codetune space logs {space}",
        "PAUSED": f"codetune space wake {space}",
        "STOPPED": f"codetune space wake {space}",
    }.get(str(runtime.stage), "look at its page on the Hub")
    return f"{space} ended with {runtime.stage}{why}: {todo}"
