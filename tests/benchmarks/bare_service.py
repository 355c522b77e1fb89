"""The floor below the service: aiohttp alone, which answers with bytes that it was given, and sleeps for the engine.

Run as ``bare_service.py SOCKET ANSWERS``; the answers are JSON: ``headers`` of each, ``cached`` for what is answered at
once, and ``before`` and ``after`` what the engine takes ``seconds`` for.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from aiohttp import web


def app_of(answers: dict[str, Any]) -> web.Application:
    """Return what answers."""
    cached, before, after = (answers[name].encode() for name in ("cached", "before", "after"))
    headers = answers["headers"]

    async def execute(request: web.Request) -> web.StreamResponse:
        if b"# late" not in await request.read():
            return web.Response(body=cached, headers=headers)
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        await response.write(before)
        await asyncio.sleep(answers["seconds"])
        await response.write(after)
        await response.write_eof()
        return response

    app = web.Application()
    app.router.add_post("/api/execute", execute)
    return app


if __name__ == "__main__":
    web.run_app(app_of(json.loads(Path(sys.argv[2]).read_text())), path=sys.argv[1], print=None, access_log=None)
