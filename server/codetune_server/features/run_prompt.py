"""``codetune.runPrompt``: a prompt of the library, run by the daemon, with progress and a real end when cancelled."""

from typing import Any

from codetune_server.backend import Backend
from codetune_server.following import Followed
from codetune_server.progress import progress


async def run_prompt(backend: Backend, asked: dict[str, Any]) -> dict[str, Any]:
    """Run a prompt; answers ``output``, ``model`` and ``executionId``."""
    if isinstance(uri := asked.get("uri"), str):
        asked = {**asked, "uri": backend.session.key(uri)}  # a cell lies where its notebook does
    runs = await backend.prompt_runs()
    async with progress(backend.server, "CodeTune runs a prompt", measured=False) as shown:
        return await runs.run(asked, backend.session.folders, Followed(backend.server, shown))
