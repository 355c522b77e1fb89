"""Connects to an OpenAI-compatible server."""

from codetune_core.http.server import HttpServer
from codetune_core.sections import EngineSettings


def connect(asked: EngineSettings) -> HttpServer:
    """Return the server that the settings mean, OpenAI's own where they name no address; raises SettingsError."""
    return HttpServer(asked, lambda key: {"Authorization": f"Bearer {key}"})
