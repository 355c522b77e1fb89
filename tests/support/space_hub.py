"""A local server that speaks the Hugging Face Hub's interface for Spaces, and the Space that it builds and runs."""

import asyncio
import base64
import hashlib
import json
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

import huggingface_hub
from aiohttp import web
from huggingface_hub import constants


@dataclass
class Space:
    """One Space: what was set on it, its files, and the commit that its running service was built from.

    ``stages`` are told one after the other, the last one for ever; with the first RUNNING after an upload, the
    service is the new one. ``stale`` is how many more times the old one answers then.
    """

    private: bool
    files: dict[str, bytes] = field(default_factory=lambda: {".gitattributes": b"", "old.txt": b""})
    secrets: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    volumes: list[dict] = field(default_factory=list)
    hardware: str = "cpu-basic"
    sleep: int | None = None
    stages: list[str] = field(default_factory=lambda: ["BUILDING", "APP_STARTING", "RUNNING"])
    stale: int = 0
    running: str = "before"
    message: str = ""
    sha: str = "0" * 40

    def stage(self) -> str:
        return self.stages.pop(0) if len(self.stages) > 1 else self.stages[0]

    def answer(self) -> str:
        """The commit that ``/version`` says."""
        if self.stale:
            self.stale -= 1
        elif "commit" in self.files:
            self.running = self.files["commit"].decode().strip()
        return self.running


class SpaceHub:
    """Spaces by name; ``asked`` has method and path of every request, ``refuse`` such a pair -> status and text."""

    def __init__(self) -> None:
        self.spaces: dict[str, Space] = {}
        self.buckets: list[str] = []
        self.asked: list[str] = []
        self.tokens: set[str] = set()
        self.refuse: dict[str, tuple[int, str]] = {}
        self.logs = {"run": ["it serves\n"], "build": ["step 1\n", "step \x1b[2J2\n"]}
        self.url = ""

    def changes(self) -> list[str]:
        return [one for one in self.asked if not one.startswith(("GET", "HEAD"))]

    @web.middleware
    async def watched(self, request: web.Request, handler):
        line = f"{request.method} {request.path}"
        self.asked.append(line)
        self.tokens.add(request.headers.get("Authorization", ""))
        if line in self.refuse:
            status, text = self.refuse[line]
            return web.json_response({"error": text}, status=status, headers={"X-Error-Message": text})
        return await handler(request)

    def _space(self, request: web.Request) -> Space:
        name = "{owner}/{name}".format(**request.match_info)
        if name not in self.spaces:
            raise web.HTTPNotFound(headers={"X-Error-Code": "RepoNotFound"})
        return self.spaces[name]

    async def create(self, request: web.Request) -> web.Response:
        asked = await request.json()
        name = f"{asked['organization']}/{asked['name']}"
        pairs = {key: {one["key"]: one["value"] for one in asked.get(key, [])} for key in ("secrets", "variables")}
        made = Space(asked["visibility"] == "private", volumes=asked.get("volumes", []), **pairs)
        assert asked["sdk"] == "docker"
        made.hardware, made.sleep = asked["hardware"], asked["sleepTimeSeconds"]
        self.spaces[name] = made
        return web.json_response({"url": f"{self.url}/spaces/{name}"})

    async def info(self, request: web.Request) -> web.Response:
        space = self._space(request)
        name = "{owner}/{name}".format(**request.match_info)
        host = f"{self.url}/live/{name}"
        siblings = [{"rfilename": file} for file in space.files]
        return web.json_response({"id": name, "host": host, "private": space.private, "siblings": siblings})

    async def by_host(self, request: web.Request) -> web.Response:
        """The Space whose address begins so, as the Hub's own pages ask for it."""
        names = {name.replace("/", "-"): name for name in self.spaces}
        if request.match_info["host"] not in names:
            raise web.HTTPNotFound(headers={"X-Error-Code": "RepoNotFound"})
        return web.json_response({"id": names[request.match_info["host"]]})

    async def settings(self, request: web.Request) -> web.Response:
        self._space(request).private = (await request.json())["visibility"] == "private"
        return web.json_response({})

    async def runtime(self, request: web.Request) -> web.Response:
        space = self._space(request)
        return web.json_response(
            {
                "stage": space.stage(),
                "hardware": {"current": space.hardware, "requested": space.hardware},
                "gcTimeout": space.sleep,
                "volumes": space.volumes,
                "errorMessage": space.message,
                **({"sha": space.sha} if space.sha else {}),
            }
        )

    async def pairs(self, request: web.Request) -> web.Response:
        space, kind = self._space(request), request.match_info["kind"]
        held = getattr(space, kind)
        if request.method == "POST":
            asked = await request.json()
            held[asked["key"]] = asked["value"]
        shown = {key: {} if kind == "secrets" else {"value": value} for key, value in held.items()}
        return web.json_response(shown)

    async def hardware(self, request: web.Request) -> web.Response:
        asked, space = await request.json(), self._space(request)
        space.hardware, space.sleep = asked["flavor"], asked["sleepTimeSeconds"]
        return await self.runtime(request)

    async def sleeptime(self, request: web.Request) -> web.Response:
        self._space(request).sleep = (await request.json())["seconds"]
        return await self.runtime(request)

    async def volumes(self, request: web.Request) -> web.Response:
        self._space(request).volumes = (await request.json())["volumes"]
        return web.json_response({})

    async def restart(self, request: web.Request) -> web.Response:
        self._space(request).stages = ["APP_STARTING", "APP_STARTING", "RUNNING"]
        return await self.runtime(request)

    async def tree(self, request: web.Request) -> web.Response:
        files = self._space(request).files
        return web.json_response(
            [{"type": "file", "path": file, "size": len(data), "oid": "0"} for file, data in files.items()]
        )

    async def preupload(self, request: web.Request) -> web.Response:
        files = (await request.json())["files"]
        return web.json_response(
            {"files": [{"path": one["path"], "uploadMode": "regular", "shouldIgnore": False} for one in files]}
        )

    async def commit(self, request: web.Request) -> web.Response:
        space = self._space(request)
        for line in (await request.text()).splitlines():
            step = json.loads(line)
            if step["key"] == "file":
                space.files[step["value"]["path"]] = base64.b64decode(step["value"]["content"])
            if step["key"] == "deletedFile":
                del space.files[step["value"]["path"]]
        made = hashlib.sha1(b"".join(space.files.values())).hexdigest()
        if space.sha:
            space.sha = made
        where = "{url}/spaces/{owner}/{name}/commit/{made}".format(url=self.url, made=made, **request.match_info)
        return web.json_response({"commitUrl": where, "commitOid": made, "pullRequestUrl": None})

    async def bucket(self, request: web.Request) -> web.Response:
        name = "{owner}/{name}".format(**request.match_info)
        if name in self.buckets:
            return web.json_response({"error": "exists", "url": f"{self.url}/buckets/{name}"}, status=409)
        self.buckets.append(name)
        assert (await request.json())["visibility"] == "private"
        return web.json_response({"url": f"{self.url}/buckets/{name}"})

    async def log(self, request: web.Request) -> web.Response:
        self._space(request)
        lines = self.logs[request.match_info["kind"]]
        events = (json.dumps({"data": line, "timestamp": "2026-01-01T00:00:00.000Z"}) for line in lines)
        return web.Response(text="".join(f"data: {event}\n\n" for event in events), content_type="text/event-stream")

    async def yaml(self, _request: web.Request) -> web.Response:
        return web.json_response({"errors": [], "warnings": []})

    async def live(self, request: web.Request) -> web.Response:
        space = self._space(request)
        if request.match_info["path"] == "version":
            return web.json_response({"version": "0.1.0", "commit": space.answer(), "wire": 1})
        return web.json_response({})

    def application(self) -> web.Application:
        application = web.Application(middlewares=[self.watched], client_max_size=20_000_000)
        at = "/api/spaces/{owner}/{name}"
        routes = {
            ("POST", "/api/repos/create"): self.create,
            ("GET", "/api/spaces/by-subdomain/{host}"): self.by_host,
            ("GET", at): self.info,
            ("PUT", f"{at}/settings"): self.settings,
            ("GET", f"{at}/runtime"): self.runtime,
            ("*", f"{at}/{{kind:secrets|variables}}"): self.pairs,
            ("POST", f"{at}/hardware"): self.hardware,
            ("POST", f"{at}/sleeptime"): self.sleeptime,
            ("PUT", f"{at}/volumes"): self.volumes,
            ("POST", f"{at}/restart"): self.restart,
            ("GET", f"{at}/tree/main"): self.tree,
            ("POST", f"{at}/preupload/main"): self.preupload,
            ("POST", f"{at}/commit/main"): self.commit,
            ("GET", f"{at}/logs/{{kind}}"): self.log,
            ("POST", "/api/buckets/{owner}/{name}"): self.bucket,
            ("POST", "/api/validate-yaml"): self.yaml,
            ("GET", "/live/{owner}/{name}/{path}"): self.live,
        }
        for (method, path), handler in routes.items():
            application.router.add_route(method, path, handler)
        return application


@asynccontextmanager
async def hub_here(monkeypatch) -> AsyncIterator[SpaceHub]:
    """Serve in this process, as the Hub of whoever runs in it, who has a token for it."""
    hub = SpaceHub()
    runner = web.AppRunner(hub.application())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{runner.addresses[0][1]}")
    monkeypatch.setenv("HF_TOKEN", "hf_of_the_user")
    try:
        yield hub
    finally:
        huggingface_hub.close_session()
        await runner.cleanup()


@contextmanager
def space_hub() -> Iterator[SpaceHub]:
    """Serve in a thread, for commands that wait."""
    hub, loop = SpaceHub(), asyncio.new_event_loop()
    runner = web.AppRunner(hub.application())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def run(work):
        return asyncio.run_coroutine_threadsafe(work, loop).result(30)

    try:
        run(runner.setup())
        run(web.TCPSite(runner, "127.0.0.1", 0).start())
        hub.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield hub
    finally:
        run(runner.cleanup())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
