"""A local server that speaks the Hugging Face Hub's interface for models: listing, metadata, ranges, and faults."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

LARGE = (".safetensors", ".bin")
"""Kept in Git LFS, whose hashes the Hub tells."""


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Hub:
    """Repositories by id: file name -> content; each has one commit.

    Attributes:
        asked: method, path and Range header of every request.
        cut: bytes after which the next answer with a file breaks off; None for never.
        damaged: names of files that come with another content than their hash says.
        status: answered to everything instead, with ``error`` as the Hub's X-Error-Code.
    """

    def __init__(self) -> None:
        self.repositories: dict[str, dict[str, bytes]] = {}
        self.asked: list[tuple[str, str, str]] = []
        self.cut: int | None = None
        self.damaged: set[str] = set()
        self.status = 200
        self.error = ""
        self.url = ""

    def add(self, name: str, folder: Path, **changed: bytes) -> None:
        files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        self.repositories[name] = files | changed

    def commit(self, name: str) -> str:
        files = self.repositories[name]
        return digest(b"".join(key.encode() + files[key] for key in sorted(files)))[:40]

    async def listing(self, request: web.Request) -> web.StreamResponse:
        if refusal := self._refusal(request):
            return refusal
        name = "{owner}/{name}".format(**request.match_info)
        if name not in self.repositories or request.match_info.get("revision", "main") not in {
            "main",
            self.commit(name),
        }:
            code = "RevisionNotFound" if name in self.repositories else "RepoNotFound"
            return web.json_response({"error": code}, status=404, headers={"X-Error-Code": code})
        siblings = [self._sibling(file, data) for file, data in self.repositories[name].items()]
        return web.json_response(
            {"id": name, "modelId": name, "sha": self.commit(name), "siblings": siblings, "private": False}
        )

    def _sibling(self, file: str, data: bytes) -> dict:
        large = {"lfs": {"sha256": digest(data), "size": len(data), "pointerSize": 130}} if file.endswith(LARGE) else {}
        return {"rfilename": file, "size": len(data), "blobId": digest(data)[:40], **large}

    async def file(self, request: web.Request) -> web.StreamResponse:
        if refusal := self._refusal(request):
            return refusal
        name = "{owner}/{name}".format(**request.match_info)
        path = request.match_info["path"]
        data = self.repositories[name][path]
        headers = {"ETag": f'"{digest(data)}"', "X-Repo-Commit": self.commit(name), "Accept-Ranges": "bytes"}
        if request.method == "HEAD":
            return web.Response(headers=headers | {"Content-Length": str(len(data))})
        start = int(request.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
        body = (b"\0" * len(data) if path in self.damaged else data)[start:]
        ranged = {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"} if "Range" in request.headers else {}
        answer = web.StreamResponse(status=206 if ranged else 200, headers=headers | ranged)
        answer.content_length = len(body)
        await answer.prepare(request)
        if self.cut is not None and path.endswith(LARGE):
            cut, self.cut = self.cut, None
            await answer.write(body[:cut])
            request.transport.close()
            return answer
        await answer.write(body)
        return answer

    def _refusal(self, request: web.Request) -> web.Response | None:
        self.asked.append((request.method, request.path, request.headers.get("Range", "")))
        if self.status == 200:
            return None
        return web.json_response({"error": self.error}, status=self.status, headers={"X-Error-Code": self.error})


@asynccontextmanager
async def hub() -> AsyncIterator[Hub]:
    found = Hub()
    application = web.Application()
    application.router.add_get("/api/models/{owner}/{name}", found.listing)
    application.router.add_get("/api/models/{owner}/{name}/revision/{revision}", found.listing)
    application.router.add_route("*", "/{owner}/{name}/resolve/{revision}/{path:.+}", found.file)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield found
    finally:
        await runner.cleanup()
