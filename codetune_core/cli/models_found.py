"""The models as ``codetune doctor`` finds them: what they run on, and who serves each role and why."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from codetune_core.cli.loaded_models import loaded_as_json, loaded_as_text, loaded_models
from codetune_core.domain.execution import Role
from codetune_core.engines.local_servers import Probed, probe
from codetune_core.engines.serving import Serving, serving
from codetune_core.engines.transformers.wire import Status
from codetune_core.models.catalogue import read_catalogue
from codetune_core.models.hardware import Device, Hardware, detect, device
from codetune_core.models.local_extra import INSTALL, missing_parts
from codetune_core.models.memory import gigabytes
from codetune_core.settings import Settings


@dataclass(frozen=True, slots=True)
class FoundModels:
    """What models run on, what ``codetune[local]`` lacks, what servers said, who serves a role, what is loaded."""

    hardware: Hardware
    on: Device
    missing: tuple[str, ...]
    probed: Probed
    roles: dict[Role, Serving]
    mistakes: tuple[str, ...] = ()
    loaded: tuple[Status, ...] = ()


async def found_models(settings: Settings) -> FoundModels:
    """Look at hardware, files and ports; nothing is loaded."""
    hardware, probed = await asyncio.gather(asyncio.to_thread(detect), probe())
    roles = {role: await _serving(settings, role, probed) for role in Role}
    mistakes = tuple(notice.text for notice in read_catalogue(settings.models).notices)
    on, loaded = device(hardware, settings.models), tuple(await loaded_models(settings))
    return FoundModels(hardware, on, missing_parts(), probed, roles, mistakes, loaded)


async def _serving(settings: Settings, role: Role, probed: Probed) -> Serving:
    asked = settings.engines.get(settings.engine.name, settings.engine)
    if asked.name in {"", "none"}:
        return Serving(None, "", "engine.name says that none does")
    if asked.name not in {"auto", "transformers"}:
        order = f", and engine.chain in which order: {', '.join(asked.chain)}" if asked.chain else ""
        return Serving(asked, asked.model, f"engine.name says so{order}")
    return await serving(asked, settings, role, probed=Probed() if asked.name == "transformers" else probed)


def models_as_text(found: FoundModels) -> Iterator[str]:
    """Lines for people."""
    yield f"device      {found.on.described}: {gigabytes(found.on.budget)} for models"
    yield from (f"card        {gpu.name}: {_of(gpu.free, gpu.total)}" for gpu in found.hardware.gpus)
    yield f"memory      {_of(found.hardware.free_memory, found.hardware.memory)}"
    missing = f"lacks {', '.join(found.missing)}: {INSTALL}" if found.missing else "all there"
    yield f"local       {missing}"
    yield from (f"server      {text}" for text in _servers(found.probed))
    yield from (f"loaded      {text}" for text in loaded_as_text(found.loaded))
    yield from (f"mistake     {text}" for text in found.mistakes)
    yield from (f"{role:<10}  {_who(chosen)}" for role, chosen in found.roles.items())


def _of(free: int, total: int) -> str:
    return f"{gigabytes(free)} of {gigabytes(total)} free"


def _servers(probed: Probed) -> Iterator[str]:
    for server in probed.servers:
        yield f"{server.program} answers on port {server.port}: {', '.join(server.models)}"
    yield from probed.refused
    if not probed.servers and not probed.refused:
        yield "none answers on its usual port"


def _who(chosen: Serving) -> str:
    if chosen.engine is None:
        return "; ".join((f"nobody: {chosen.why}", *chosen.ways))
    return f"{chosen.model or 'its own choice'} ({chosen.engine.name}): {chosen.why}"


def models_as_json(found: FoundModels) -> dict[str, Any]:
    """An object for programs; sizes in bytes."""
    return {
        "device": {"name": found.on.name, "description": found.on.described, "bytes_for_models": found.on.budget},
        "gpus": [{"name": gpu.name, "bytes": gpu.total, "free_bytes": gpu.free} for gpu in found.hardware.gpus],
        "memory": {"bytes": found.hardware.memory, "free_bytes": found.hardware.free_memory},
        "cores": found.hardware.cores,
        "missing": list(found.missing),
        "servers": [
            {"program": server.program, "port": server.port, "models": list(server.models)}
            for server in found.probed.servers
        ],
        "refused": list(found.probed.refused),
        "loaded": loaded_as_json(found.loaded),
        "mistakes": list(found.mistakes),
        "roles": {role: _role_json(chosen) for role, chosen in found.roles.items()},
    }


def _role_json(chosen: Serving) -> dict[str, Any]:
    engine = chosen.engine.name if chosen.engine else None
    return {"engine": engine, "model": chosen.model, "why": "; ".join((chosen.reasons, *chosen.ways))}
