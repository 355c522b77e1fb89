"""What ``codetune doctor`` looks at, and how it says it to people and to programs."""

import asyncio
import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from codetune_core.cli.database_found import FoundDatabase, found_database
from codetune_core.cli.editors import FoundEditor, found_editors, too_old
from codetune_core.cli.models_found import FoundModels, found_models, models_as_json, models_as_text
from codetune_core.cli.plugins.listing import as_json as plugin_as_json
from codetune_core.cli.plugins.listing import as_table as plugins_as_text
from codetune_core.cli.service_found import FoundService, found_service
from codetune_core.cli.workspace import Workspace, open_workspace
from codetune_core.domain.own_version import own_version
from codetune_core.engines.registry import available
from codetune_core.errors import CodeTuneError
from codetune_core.plugins.discover import Found, discover
from codetune_core.plugins.metadata import Kind
from codetune_core.settings import FILE_NAME
from codetune_core.workers.messages import DetectorState
from codetune_core.workers.pool import Pool

_README = "README.md#"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Everything the doctor looked at; ``failure`` says why no detector could be asked, empty where they could."""

    workspace: Workspace
    detectors: list[DetectorState]
    editors: list[FoundEditor]
    failure: str = ""
    database: FoundDatabase = field(default_factory=FoundDatabase)
    models: FoundModels | None = None
    service: FoundService = field(default_factory=FoundService)
    plugins: tuple[Found, ...] = ()

    @property
    def healthy(self) -> bool:
        """Whether anything can be reviewed."""
        return any(state.runs for state in self.detectors)


async def diagnose() -> Diagnosis:
    """Look at the workspace around the working directory; the detectors are asked in a worker, as when they review."""
    workspace = open_workspace([Path()], {})
    plugins = discover(workspace.settings, workspace.root, trusted=workspace.trusted)
    pool = Pool(1)
    try:
        asked, editors, database, models, service = await asyncio.gather(
            pool.describe(workspace.settings),
            asyncio.to_thread(found_editors),
            found_database(workspace.settings.storage),
            found_models(workspace.settings),
            asyncio.to_thread(found_service, workspace.settings),
            return_exceptions=True,
        )
    finally:
        await pool.aclose()
    if isinstance(editors, BaseException):
        raise editors
    if isinstance(database, BaseException):
        raise database
    if isinstance(models, BaseException):
        raise models
    if isinstance(service, BaseException):
        raise service
    if isinstance(asked, CodeTuneError):
        return Diagnosis(workspace, [], editors, str(asked), database, models, service, plugins)
    if isinstance(asked, BaseException):
        raise asked
    return Diagnosis(workspace, asked, editors, "", database, models, service, plugins)


def as_text(diagnosis: Diagnosis) -> Iterator[str]:
    """Lines for people."""
    workspace = diagnosis.workspace
    yield f"CodeTune {version('codetune')}, Python {platform.python_version()} ({sys.executable})"
    yield f"on {platform.platform()}"
    yield from ("", "Detectors")
    width = max((len(state.name) for state in diagnosis.detectors), default=0)
    for state in diagnosis.detectors:
        yield f"  {'runs' if state.runs else 'off ':4}  {state.name:<{width}}  {state.text}"
    if diagnosis.failure:
        yield f"  none can be asked: {diagnosis.failure}"
    yield from ("", "Workspace", f"  {workspace.root}")
    yield f"  {_trust(workspace)}"
    yield from ("", "Settings")
    yield from (f"  {source}" for source in workspace.sources)
    if not workspace.sources:
        yield f"  all defaults: there is no {FILE_NAME} and no [tool.codetune] in pyproject.toml"
    yield from (f"  mistake: {notice.text}" for notice in workspace.notices)
    yield from (
        "",
        "Prompts and history",
        f"  database  {diagnosis.database.text}",
        f"  engine    {_engine(workspace)}",
        f"  daemon    {diagnosis.service.daemon}",
        f"  service   {diagnosis.service.service}",
    )
    if diagnosis.models:
        yield from ("", "Models")
        yield from (f"  {line}" for line in models_as_text(diagnosis.models))
    yield from ("", "Plugins")
    yield from (f"  {line}" for line in plugins_as_text(_plugins(diagnosis)))
    yield from ("", "Editors")
    yield from (f"  {_editor(found)}" for found in diagnosis.editors)
    if not diagnosis.editors:
        yield f"  none on the PATH; any editor that speaks LSP can start `codetune lsp` ({_README}editors)"
    yield from ("", _verdict(diagnosis))


def _plugins(diagnosis: Diagnosis) -> list[Found]:
    """Return all but the detectors, which are said above."""
    return [found for found in diagnosis.plugins if found.kind is not Kind.DETECTOR]


def _trust(workspace: Workspace) -> str:
    if workspace.trusted:
        return "trusted: its settings may name commands to run (`codetune trust --remove` takes that back)"
    return "not trusted: commands in its settings are not run (`codetune trust` changes that)"


def _engine(workspace: Workspace) -> str:
    name, known = workspace.settings.engine.name, [*available(), *workspace.settings.engines]
    if name in {"", "none"}:
        return f"none; set engine.name (available: {', '.join(known)})"
    return name if name in known else f"there is no {name!r}; set engine.name to {' or '.join(known)}"


def _editor(found: FoundEditor) -> str:
    name = f"{found.editor.name} {found.version}".strip()
    old = f"; too old, {found.editor.oldest} or newer is needed" if too_old(found) else ""
    return f"{name} ({found.program}{old}): set up as in {_README}{found.editor.section}"


def _verdict(diagnosis: Diagnosis) -> str:
    if not diagnosis.healthy:
        return "No detector runs, so nothing can be reviewed. Reinstall with `pip install --force-reinstall codetune`."
    off = [state.name for state in diagnosis.detectors if not state.runs]
    off += [] if diagnosis.database.usable else ["prompts and history"]
    return f"Ready, without {', '.join(off)}." if off else "Ready."


def as_json(diagnosis: Diagnosis) -> dict[str, Any]:
    """An object for programs."""
    workspace = diagnosis.workspace
    return {
        "version": 1,
        "codetune": own_version(),
        "python": {"version": platform.python_version(), "executable": sys.executable},
        "platform": platform.platform(),
        "detectors": [{"name": state.name, "runs": state.runs, "text": state.text} for state in diagnosis.detectors],
        "failure": diagnosis.failure,
        "workspace": {"path": str(workspace.root), "trusted": workspace.trusted},
        "settings": {
            "sources": list(workspace.sources),
            "notices": [notice.text for notice in workspace.notices],
            "values": workspace.settings.model_dump(mode="json"),
        },
        "database": {
            "url": diagnosis.database.url,
            "state": diagnosis.database.state,
            "revision": diagnosis.database.revision,
            "head": diagnosis.database.head,
            "problem": diagnosis.database.problem,
        },
        "engine": {"name": workspace.settings.engine.name, "available": available()},
        "daemon": dict(diagnosis.service.state) or None,
        "service": diagnosis.service.team or None,
        "models": models_as_json(diagnosis.models) if diagnosis.models else None,
        "plugins": [plugin_as_json(found) for found in _plugins(diagnosis)],
        "editors": [
            {
                "name": found.editor.name,
                "program": found.program,
                "version": found.version,
                "too_old": too_old(found),
                "set_up": f"{_README}{found.editor.section}",
            }
            for found in diagnosis.editors
        ],
        "healthy": diagnosis.healthy,
    }
