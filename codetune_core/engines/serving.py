"""Decides who answers for a role where nobody is named: a model of this machine, a local server, or nobody."""

import asyncio
from dataclasses import dataclass

from codetune_core.domain.execution import Role
from codetune_core.engines.local_servers import LocalServer, Probed, probe
from codetune_core.errors import CodeTuneError, NobodyAnswers
from codetune_core.models.choose import load_plan, wanted
from codetune_core.sections import EngineSettings
from codetune_core.settings import Settings


@dataclass(frozen=True, slots=True)
class Serving:
    """Who answers for a role, and why.

    Attributes:
        engine: what is to be built; None for nobody.
        model: the name that it is asked for.
        why: why it is this one; why no model of this machine where it is not one.
        port: that of a local server, 0 for everything else.
        servers: why no local server, where there is nobody.
        ways: what can be done about that, a few words and a command each.
    """

    engine: EngineSettings | None
    model: str
    why: str
    port: int = 0
    servers: tuple[str, ...] = ()
    ways: tuple[str, ...] = ()

    @property
    def reasons(self) -> str:
        """All of why, in a line."""
        return "; ".join((self.why, *self.servers))


async def serving(
    asked: EngineSettings, settings: Settings, role: Role, name: str = "", probed: Probed | None = None
) -> Serving:
    """Return who answers for a role, with the model of that name where one is given; never raises.

    The order: the address that the settings name, a model whose files are here and that fits, a server of this user
    on its usual port, nobody.
    """
    meant = name or asked.model or wanted(role, settings)
    if asked.base_url:
        return Serving(asked.model_copy(update={"name": "openai"}), meant, "engine.base_url says so")
    local = await asyncio.to_thread(_local, asked, settings, role, meant)
    if isinstance(local, Serving):
        return local
    probed = probed or await probe()
    for server in probed.servers:
        if model := _model(server, meant, role):
            return _served(asked, server, model, str(local))
    lacking = [
        f"{server.program} on port {server.port} has no model {meant or f'for {role}'}" for server in probed.servers
    ]
    reasons = (*lacking, *probed.refused)
    why, ways = (local.why, local.ways) if isinstance(local, NobodyAnswers) else (str(local), ())
    return Serving(None, "", why, servers=reasons or ("no server answers on its usual port",), ways=ways)


def _local(asked: EngineSettings, settings: Settings, role: Role, name: str) -> Serving | CodeTuneError:
    """Return the model of this machine, or why there is none."""
    try:
        plan = load_plan(name, role, settings)
    except CodeTuneError as error:
        return error
    engine = asked.model_copy(update={"name": "transformers"})
    why = f"its files are here, and as {plan.quantization} with {plan.context_tokens:,} tokens it fits {plan.device}"
    return Serving(engine, name or plan.spec.name, why)


def _model(server: LocalServer, name: str, role: Role) -> str:
    return (name if name in server.models else "") if name else server.default_model(role)


def _served(asked: EngineSettings, server: LocalServer, model: str, why_not_here: str) -> Serving:
    # A key or a proxy of the settings is for another server than the one that was found.
    own = {"name": "openai", "base_url": server.base_url, "model": model}
    engine = asked.model_copy(update={**own, "key_env": "", "key_command": (), "proxy": ""})
    return Serving(engine, model, f"{server.program} answers on port {server.port}; {why_not_here}", server.port)
