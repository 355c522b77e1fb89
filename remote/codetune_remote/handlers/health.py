"""Whether it lives, whether it can execute, and which version it is."""

import os
from importlib.metadata import version as installed

from pydantic import BaseModel

from codetune_core.execution.wire import WIRE_VERSION
from codetune_remote.route import Call, Route


class Alive(BaseModel):
    """The process answers."""

    status: str = "alive"


class Version(BaseModel):
    """Which CodeTune answers: ``commit`` is empty where it was not built from one."""

    version: str
    commit: str
    wire: int


async def healthz(_call: Call) -> Alive:
    """Say that the process answers, whatever its models do."""
    return Alive()


async def version(_call: Call) -> Version:
    """Say which version and which wire this is."""
    return Version(version=installed("codetune"), commit=os.environ.get("CODETUNE_COMMIT", ""), wire=WIRE_VERSION)


ROUTES = (
    Route("GET", "/healthz", healthz, None, "Whether the process answers", reply=Alive),
    Route("GET", "/version", version, None, "Which version answers", reply=Version),
)
