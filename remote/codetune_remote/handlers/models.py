"""Models: which there are, which are loaded, loading and unloading them."""

import asyncio
from typing import Self

from pydantic import Field, model_validator

from codetune_core.bootstrap.core import Core
from codetune_core.domain.execution import ModelIdentity, Role
from codetune_core.domain.service_key import Scope
from codetune_core.errors import CodeTuneError, SettingsError
from codetune_core.execution.wire import WireBody
from codetune_core.models.adapters import split_adapter
from codetune_core.models.catalogue import read_catalogue
from codetune_core.models.here import look, roles_served
from codetune_core.settings import Settings
from codetune_remote.problems import Refusal
from codetune_remote.replies.models import (
    CatalogueReply,
    LoadedReply,
    LoadReply,
    ModelsReply,
    RoleReply,
    UnloadedReply,
    identity,
)
from codetune_remote.route import Call, Route

_ROLE_SECONDS = 10
"""An engine that does not say within this who answers is called late."""


class LoadBody(WireBody):
    """Which model to load: one of the catalogue, or that of a role."""

    model: str = Field(default="", max_length=300)
    """Its name or id, with an adapter as ``model+adapter``; empty for that of the role."""
    role: Role | None = None
    """What it shall serve; without it, generation."""

    @model_validator(mode="after")
    def _says_which(self) -> Self:
        if not self.model and self.role is None:
            raise ValueError("say a model or a role")
        return self


class UnloadBody(WireBody):
    """Which model to unload."""

    model: str = Field(min_length=1, max_length=300)
    """Its name or id."""


async def available(call: Call) -> ModelsReply:
    """Say who answers for each role, which models the catalogue has, and which of them are loaded or being loaded."""
    core, tell_why = call.service.core, call.principal.sees_everyone
    models, loaded, roles = await asyncio.gather(
        asyncio.to_thread(_catalogue, core.settings),
        core.loads.loaded(),
        asyncio.gather(*(_answers(core, role, tell_why=tell_why) for role in Role)),
    )
    return ModelsReply(
        roles=tuple(roles),
        models=models,
        loaded=tuple(map(LoadedReply.of, loaded)),
        loads=tuple(map(LoadReply.of, core.loads.under_way())),
    )


async def load_model(call: Call[LoadBody]) -> LoadReply:
    """Begin to load a model, which may take minutes; who asks for one that is being loaded joins."""
    core, asked = call.service.core, call.body
    if asked.model and not await asyncio.to_thread(_is_known, core.settings, asked.model):
        raise Refusal(404, "not-found", "the service's catalogue has no such model: GET /api/models/available lists it")
    try:
        return LoadReply.of(await core.loads.begin(asked.model, asked.role or Role.GENERATION))
    except SettingsError as error:
        raise Refusal(409, "conflict", str(error)) from error


async def unload_model(call: Call[UnloadBody]) -> UnloadedReply:
    """End a model's process, also where it answers somebody, which frees its memory."""
    core, name = call.service.core, call.body.model
    catalogue = await asyncio.to_thread(read_catalogue, core.settings.models)
    gone = await core.loads.unload(name, catalogue.named(name))
    if not gone.models:
        raise Refusal(404, "not-found", f"that is not loaded; loaded are: {', '.join(gone.loaded) or 'none'}")
    return UnloadedReply(models=gone.models, processes=gone.processes)


def _catalogue(settings: Settings) -> tuple[CatalogueReply, ...]:
    catalogue, served = read_catalogue(settings.models), roles_served(settings)
    return tuple(
        CatalogueReply.of(spec, look(spec), tuple(served.get(spec.name, ())), own=spec.name in catalogue.own)
        for spec in catalogue.models.values()
    )


def _is_known(settings: Settings, name: str) -> bool:
    return read_catalogue(settings.models).named(split_adapter(name)[0]) is not None


async def _answers(core: Core, role: Role, *, tell_why: bool) -> RoleReply:
    try:
        async with asyncio.timeout(_ROLE_SECONDS):
            return RoleReply(role=role, model=identity(await _model(core, role)), why="")
    except TimeoutError:
        return RoleReply(role=role, model=None, why=f"the engine did not say within {_ROLE_SECONDS} s", late=True)
    except CodeTuneError as error:  # it may name servers and folders
        return RoleReply(role=role, model=None, why=str(error) if tell_why else "whoever runs the service can see why")


async def _model(core: Core, role: Role) -> ModelIdentity:
    if role is Role.EMBEDDING:
        return await (await asyncio.to_thread(lambda: core.embedder)).model("")
    if role is Role.RERANK:
        return await (await asyncio.to_thread(lambda: core.reranker)).model("")
    return await core.engine.model("", role)


ROUTES = (
    Route("GET", "/api/models/available", available, Scope.READ, "List models", reply=ModelsReply),
    Route(
        "POST",
        "/api/models/load",
        load_model,
        Scope.ADMIN,
        "Load a model",
        body=LoadBody,
        reply=LoadReply,
        status=202,
        problems={404: "The catalogue has no such model.", 409: "It cannot be loaded here; the detail says why."},
    ),
    Route(
        "POST",
        "/api/models/unload",
        unload_model,
        Scope.ADMIN,
        "Unload a model",
        body=UnloadBody,
        reply=UnloadedReply,
        problems={404: "It is not loaded."},
    ),
)
