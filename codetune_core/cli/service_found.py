"""The daemon and the service as ``codetune doctor`` finds them: looked at, never started nor asked to run anything."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from codetune_core.cli.daemon_state import as_json
from codetune_core.daemon.control import state
from codetune_core.daemon.own import own_identity, own_settings
from codetune_core.daemon.place import daemon_files
from codetune_core.errors import CodeTuneError
from codetune_core.settings import Settings


@dataclass(frozen=True, slots=True)
class FoundService:
    """Who runs prompts.

    Attributes:
        daemon: what there is to say of it, in a line.
        state: the same for programs; empty where it is not used.
        team: address of the service that it asks; empty where this machine's engine answers.
    """

    daemon: str = ""
    state: Mapping[str, Any] = field(default_factory=dict)
    team: str = ""

    @property
    def service(self) -> str:
        """What there is to say of the team's service, in a line."""
        if not self.team:
            return "none: prompts run on this machine (remote.base_url)"
        return f"{self.team}: prompts run there, and not with this machine's engine"


def found_service(settings: Settings) -> FoundService:
    """Look at the daemon; takes two seconds where it hangs."""
    team = settings.remote.base_url
    if not settings.daemon.enabled:
        return FoundService("off: daemon.enabled is false, so each program runs prompts itself", {}, team)
    try:
        files = daemon_files()
        said = as_json(files, state(files), own_identity(own_settings().settings))
    except CodeTuneError as error:
        return FoundService(f"none: {error}", {}, team)
    return FoundService(_line(said), said, team)


def _line(said: Mapping[str, Any]) -> str:
    if not said["running"]:
        return "not running: whoever needs it first starts it"
    doubt = "" if said["answers"] else "; it does not answer: codetune daemon status"
    return f"process {said['pid']}, CodeTune {said['version']}{doubt}" if said["version"] else "is starting or ending"
