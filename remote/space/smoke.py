# ruff: noqa: INP001 - a script of its own, which needs nothing installed
"""Tries the service as a container runs it: the entry of the image with a new disk each time, an image, or a Space.

    python smoke.py entry PYTHON FOLDER   the entry of the image, with an interpreter that has codetune installed
    python smoke.py image IMAGE FOLDER    the same in a container, by docker
    python smoke.py service URL           one that runs; its key is in CODETUNE_SMOKE_KEY, the Space's token in HF_TOKEN

FOLDER has to be new; it takes the place of the disk and of the storage bucket. Ends with 0 where all was well.
"""

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

SETTINGS = """
[engine]
name = "scripted"
script = "{script}"
[serve]
drain_seconds = 5
[daemon]
enabled = false
"""
BODY = {"task": "explain", "prompt": "explain-code", "variables": {"code": "a + b", "language": "python"}}
ANSWER = "it adds two numbers"
COMMIT = "the commit of this image"
SECONDS = float(os.environ.get("CODETUNE_SMOKE_SECONDS", "120"))


class SmokeError(Exception):
    """What was not as it should be."""


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def expect(found: object, wanted: object, what: str) -> None:
    """Raise SmokeError where something is not as it should be."""
    if found != wanted:
        raise SmokeError(f"{what}: {found!r} instead of {wanted!r}")
    say(f"ok  {what}")


class Service:
    """A service over HTTP."""

    def __init__(self, url: str, key: str, token: str = "") -> None:
        self.url = url.rstrip("/")
        bearer = {"Authorization": f"Bearer {token}"} if token else {}
        self.headers = {"X-CodeTune-Key": key, "Content-Type": "application/json", **bearer}

    def ask(self, method: str, path: str, body: object = None, *, key: bool = True) -> tuple[int, str]:
        """Return status and text; status 0 where nobody answers."""
        headers = {name: value for name, value in self.headers.items() if key or name != "X-CodeTune-Key"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}{path}", data, headers, method=method)  # noqa: S310 - http alone
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except (OSError, http.client.HTTPException):
            return 0, ""

    def wait(self, path: str, alive: Callable[[], bool] = lambda: True) -> None:
        """Wait until a path answers with 200; raises SmokeError where its process ends or it takes too long."""
        deadline = time.monotonic() + SECONDS
        while (status := self.ask("GET", path, key=False)[0]) != http.HTTPStatus.OK:
            if not alive():
                raise SmokeError(f"it ended before {path} answered")
            if time.monotonic() > deadline:
                raise SmokeError(f"{path} answers {status or 'nothing'} after {SECONDS:.0f} s")
            time.sleep(0.1)
        say(f"ok  {path} answers")

    def execute(self, answer: str = "") -> None:
        """Run a prompt with the key, and not without it."""
        expect(self.ask("POST", "/api/execute", BODY, key=False)[0], 401, "an execution without a key is refused")
        status, text = self.ask("POST", "/api/execute", BODY)
        expect(status, 200, "an execution with the key is answered")
        events = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: ")]
        expect(events[-1]["type"] if events else "nothing", "finished", "its last event")
        if answer:
            expect(events[-1]["output"], answer, "its output")

    def history(self) -> int:
        """Return how many executions are remembered."""
        status, text = self.ask("GET", "/api/execution/history")
        expect(status, 200, "the history is answered")
        return len(json.loads(text)["items"])


class Box:
    """A folder with what a container is given: settings, a commit, a bucket, and a disk that is new at each start."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.disk, self.bucket, self.settings = (folder / name for name in ("disk", "bucket", "etc"))
        configuration = self.settings / "codetune"
        configuration.mkdir(parents=True)
        self.bucket.mkdir()
        (configuration / "answers.yaml").write_text(f"default: {{answers: ['{ANSWER}']}}\n")
        (configuration / "commit").write_text(COMMIT)
        self.configure(configuration)

    def configure(self, seen_at: Path) -> None:
        """Write the settings, for a container that sees this folder somewhere."""
        text = SETTINGS.format(script=seen_at / "answers.yaml")
        (self.settings / "codetune" / "codetune.toml").write_text(text)

    def new_disk(self) -> None:
        """Forget what the container before had on its disk."""
        shutil.rmtree(self.disk, ignore_errors=True)
        self.disk.mkdir(mode=0o700)

    def snapshots(self) -> list[str]:
        """Return the names of the snapshots in the bucket."""
        return sorted(path.name for path in self.bucket.rglob("*.db"))


Start = Callable[[int, str], contextlib.AbstractContextManager[subprocess.Popen[bytes]]]
"""Starts a container that serves on a port and knows the hash of a key."""


def try_twice(start: Start, new_key: tuple[str, str], box: Box) -> None:
    """Run it, execute something, end it with SIGTERM, and find that in the history of the next one."""
    key_hash, key = new_key
    for turn in (1, 2):
        box.new_disk()
        port = free_port()
        with start(port, key_hash) as process:
            service = Service(f"http://127.0.0.1:{port}", key)
            for path in ("/healthz", "/readyz"):
                service.wait(path, lambda running=process: running.poll() is None)  # type: ignore[misc]
            expect(json.loads(service.ask("GET", "/version")[1])["commit"], COMMIT, "its commit")
            expect(service.history(), turn - 1, f"executions remembered from {turn - 1} containers before")
            if turn == 1:
                service.execute(ANSWER)
            process.send_signal(signal.SIGTERM)
            expect(process.wait(SECONDS), 0, "its exit code after SIGTERM")
        if not box.snapshots():
            raise SmokeError("there is no snapshot in the bucket")
    say(f"ok  snapshots: {', '.join(box.snapshots())}")


def free_port() -> int:
    """Return a port of this machine that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def made_key(output: str) -> tuple[str, str]:
    """Read the hash and the key out of what ``codetune keys create --offline`` prints."""
    first, key = output.split()
    return first.partition("=")[2], key


def clean(box: Box) -> dict[str, str]:
    """Return the environment of the entry: what the image sets, and nothing of whoever runs this."""
    here = {
        "HOME": box.disk,
        "TMPDIR": box.disk,
        "XDG_CONFIG_HOME": box.settings,
        "XDG_DATA_HOME": box.disk,
        "CODETUNE_SNAPSHOTS": box.bucket,
    }
    return {"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"} | {name: str(path) for name, path in here.items()}


def entry(python: str, folder: Path) -> None:
    """Try the entry of the image with an interpreter."""
    box = Box(folder)
    programs = {"PATH": f"{Path(python).parent}{os.pathsep}{os.environ['PATH']}"}

    @contextlib.contextmanager
    def start(port: int, key_hash: str) -> Iterator[subprocess.Popen[bytes]]:
        command = [python, "-m", "codetune_remote.container", "--tcp", f"127.0.0.1:{port}"]
        variables = clean(box) | programs | {"CODETUNE_ADMIN_KEY_SHA256": key_hash}
        with subprocess.Popen(command, env=variables, cwd=box.disk) as process:  # noqa: S603 - ours
            yield from _ended(process)

    command = [python, "-m", "codetune_core.cli.main", "keys", "create", "--offline"]
    made = subprocess.run(command, env=clean(box) | programs, check=True, capture_output=True, text=True)  # noqa: S603
    try_twice(start, made_key(made.stdout), box)


def image(name: str, folder: Path) -> None:
    """Try an image by docker, as a Space runs it: uid 1000, no privileges, the bucket at /data."""
    box = Box(folder)
    box.configure(Path("/etc/codetune"))
    box.bucket.chmod(0o777)  # the container's user is 1000, whoever runs this
    mounts = {box.settings / "codetune": "/etc/codetune:ro", box.bucket: "/data"}
    options = ["--rm", "--user=1000:1000", "--cap-drop=ALL", "--security-opt=no-new-privileges"]
    options += [f"--volume={source.absolute()}:{target}" for source, target in mounts.items()]

    @contextlib.contextmanager
    def start(port: int, key_hash: str) -> Iterator[subprocess.Popen[bytes]]:
        variables: Mapping[str, str] = {"CODETUNE_ADMIN_KEY_SHA256": key_hash, "CODETUNE_SNAPSHOTS": "/data/codetune"}
        given = [f"--env={key}={value}" for key, value in variables.items()]
        command = ["docker", "run", *options, *given, f"--publish=127.0.0.1:{port}:7860", name]
        with subprocess.Popen(command) as process:  # noqa: S603 - docker passes SIGTERM on
            yield from _ended(process)

    made = subprocess.run(  # noqa: S603
        ["docker", "run", "--rm", "--entrypoint=codetune", name, "keys", "create", "--offline"],  # noqa: S607
        check=True,
        capture_output=True,
        text=True,
    )
    try_twice(start, made_key(made.stdout), box)


def _ended(process: "subprocess.Popen[bytes]") -> Iterator["subprocess.Popen[bytes]"]:
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()


def main(arguments: list[str]) -> int:
    """Do what the command line says."""
    try:
        match arguments:
            case ["entry", python, folder]:
                entry(python, Path(folder).absolute())
            case ["image", name, folder]:
                image(name, Path(folder).absolute())
            case ["service", url]:
                service = Service(url, os.environ["CODETUNE_SMOKE_KEY"], os.environ.get("HF_TOKEN", ""))
                for path in ("/healthz", "/readyz"):
                    service.wait(path)
                service.execute()
            case _:
                say(__doc__ or "")
                return 2
    except (SmokeError, OSError, KeyError, subprocess.SubprocessError) as error:
        say(f"FAILED  {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
