"""How the daemon is, for people and for scripts."""

import datetime as dt
from typing import Any

from codetune_core.cli.formats.visible import visible
from codetune_core.daemon.control import State
from codetune_core.daemon.identity import Identity, misfit
from codetune_core.runtime.folder import Files


def as_json(files: Files, found: State, ours: Identity) -> dict[str, Any]:
    """Return an object; what is not known is null."""
    theirs = found.identity
    wrong = misfit(theirs, ours) if theirs else None
    return {
        "running": found.pid is not None,
        "answers": found.answers,
        "pid": found.pid,
        "version": theirs.version if theirs else None,
        "wire": theirs.wire if theirs else None,
        "started_at": _time(theirs).isoformat(timespec="seconds") if theirs else None,
        "fits": wrong is None if theirs else None,
        "why_not": wrong.why if wrong else None,
        "socket": str(files.socket),
        "log": str(files.log),
    }


def as_text(files: Files, found: State, ours: Identity) -> str:
    """Return a few lines."""
    if found.pid is None:
        return "no daemon runs; the next program that needs it starts it"
    theirs = found.identity
    if theirs is None:
        return f"process {found.pid} is just starting or ending; its log is {files.log}"
    lines = [
        f"process {found.pid} runs CodeTune {visible(theirs.version)} since {_time(theirs):%Y-%m-%d %H:%M:%S}",
        f"socket {files.socket}",
        f"log    {files.log}",
    ]
    if not found.answers:
        lines.append("it does not answer: run `codetune daemon stop`")
    if wrong := misfit(theirs, ours):
        lines.append(f"not for this terminal: {wrong.why}")
    return "\n".join(lines)


def _time(identity: Identity) -> dt.datetime:
    return dt.datetime.fromtimestamp(identity.started_at, dt.UTC).astimezone()
