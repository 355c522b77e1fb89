"""The user's own settings, which the daemon runs with: nothing of a workspace, an editor or a command line."""

import hashlib
import os
import sys
import time
from collections.abc import Iterator

from codetune_core.daemon.identity import Identity
from codetune_core.domain.own_version import own_version
from codetune_core.execution.headers import WIRE_VERSION
from codetune_core.http.keys import OWN, REMOTE_KEY
from codetune_core.settings import Resolved, Settings, read_options, resolve

_ELSEWHERE = {
    "detectors",
    "rules",
    "files",
    "editor",
    "completion",
    "fixes",
    "outcomes",
    "review",
    "plugins",
    "baseline",
    "fail_on",
}
"""What has nothing to do with executions: reviews happen next to the editor."""
_DATABASE = "CODETUNE_DATABASE_URL"
_SQLITE = "sqlite:///"
_PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY")


def own_settings() -> Resolved:
    """Read the user's own settings."""
    options, unreadable = read_options(None, trusted=True)
    resolved = resolve(options)
    return Resolved(resolved.settings, (*unreadable, *resolved.notices))


def why_without_daemon(settings: Settings) -> str:
    """Say why programs that run executions nowhere else run none; empty where the daemon may be used."""
    if sys.platform == "win32":
        return "prompts run in the daemon, which Windows has none of: run them with `codetune prompts run`"
    return "" if settings.daemon.enabled else "prompts run in the daemon, which is switched off (daemon.enabled)"


def are_own(settings: Settings) -> bool:
    """Tell whether the daemon runs executions as these settings say."""
    return _of_executions(settings) == _of_executions(own_settings().settings)


def database_is_relative(settings: Settings) -> bool:
    """Tell whether the database's path is another one for each working directory."""
    url = os.environ.get(_DATABASE, "") or settings.storage.database_url
    path = url.removeprefix(_SQLITE)
    return path != url and not path.startswith("/")


def own_identity(settings: Settings) -> Identity:
    """Return what this process is, with the user's own settings."""
    environment = {name: _digest(value) for name in _variables(settings) if (value := os.environ.get(name))}
    digest = _digest(_of_executions(settings) + os.environ.get(_DATABASE, ""))
    return Identity(own_version(), WIRE_VERSION, digest, environment, os.getpid(), time.time())


def _of_executions(settings: Settings) -> str:
    return settings.model_dump_json(exclude=_ELSEWHERE)


def _variables(settings: Settings) -> Iterator[str]:
    """Yield the environment variables that change what the service can do."""
    yield from (*_PROXIES, REMOTE_KEY)
    for own in OWN.values():
        yield from own.variables
    for asked in (settings.engine, settings.remote, *settings.engines.values()):
        if asked.key_env:
            yield asked.key_env


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]
