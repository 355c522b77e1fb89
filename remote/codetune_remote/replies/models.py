"""Models as endpoints give them: what there is, what is loaded, and who answers for a role."""

from pathlib import Path

from codetune_core.domain.execution import ModelIdentity, Role
from codetune_core.engines.transformers.loads import Load, LoadState
from codetune_core.engines.transformers.wire import Status
from codetune_core.http.replies import Moment, Reply
from codetune_core.models.here import Here
from codetune_core.models.spec import Kind, ModelSpec, Quantization


class IdentityReply(Reply):
    """Which weights answer."""

    name: str
    """What users call the model."""
    engine: str
    """What runs it."""
    revision: str
    """Commit of its weights; empty where the engine does not say."""
    quantization: str
    """How its weights are held; empty where the engine does not say."""
    adapter: str
    """The LoRA adapter; empty for none."""
    context_tokens: int
    """Longest prompt and answer together."""


class RoleReply(Reply):
    """Who answers for a role where no model is named."""

    role: Role
    """What the model is used for."""
    model: IdentityReply | None
    """Null where nobody answers."""
    why: str
    """Why nobody does."""
    late: bool = False
    """Whether the engine was too slow to say, so that asking again may help."""


class CatalogueReply(Reply):
    """A model of the service's catalogue."""

    name: str
    """What users call it."""
    id: str
    """Its repository on the Hugging Face Hub; empty for a folder of the service's machine."""
    kind: Kind
    """What its weights compute."""
    roles: tuple[Role, ...]
    """What it is good for."""
    parameters: int | None
    """Of all its weights; null where that is known once it is pulled."""
    context_tokens: int
    """Longest prompt and answer together."""
    licence: str
    """Its terms."""
    accept: bool
    """Whether these are accepted before the first load."""
    state: str
    """Of its files: ``ready`` to be loaded, ``pickled``, ``partial`` or ``absent``."""
    copies: tuple[Quantization, ...]
    """Quantizations in which a converted copy is there."""
    serves: tuple[Role, ...]
    """Roles that it serves among the models of this machine."""
    own: bool
    """Whether it is an entry of the service's own catalogue."""
    about: str
    """In a line."""

    @classmethod
    def of(cls, spec: ModelSpec, here: Here, serves: tuple[Role, ...], *, own: bool) -> "CatalogueReply":
        """Return what is given of a model: no path of the machine."""
        is_folder = spec.id.startswith((".", "~")) or Path(spec.id).is_absolute()
        return cls(
            name=spec.name,
            id="" if is_folder else spec.id,
            kind=spec.kind,
            roles=spec.roles,
            parameters=spec.architecture.parameters if spec.architecture else None,
            context_tokens=spec.context_tokens,
            licence=spec.licence.name,
            accept=spec.licence.accept,
            state=here.state,
            copies=tuple(here.copies),
            serves=serves,
            own=own,
            about=spec.about,
        )


class LoadedReply(Reply):
    """A model in memory, in a process of its own."""

    model: str
    """Its name."""
    state: LoadState
    """Whether it can answer yet."""
    quantization: str
    """How its weights are held."""
    device: str
    """Where: ``cpu`` or ``cuda:0``."""
    bytes_needed: int
    """Memory of the device that was taken for it."""
    running: int
    """Requests that it answers now."""
    waiting: int
    """Requests that wait."""
    idle_seconds: float
    """How long nobody asked it."""

    @classmethod
    def of(cls, status: Status) -> "LoadedReply":
        """Return what is given of a process."""
        named = {name: getattr(status, name) for name in cls.model_fields if name != "state"}
        return cls(**named, state=LoadState.LOADED if status.loaded else LoadState.LOADING)


class LoadReply(Reply):
    """A load of a model, as far as it is; see ``/api/models/available`` and ``/readyz`` for how it goes on."""

    model: IdentityReply
    """Which one."""
    state: LoadState
    """Whether it can answer yet."""
    stage: str
    """What is being done; empty before it is known."""
    part: float
    """How much of that is done, from 0 to 1."""
    started_at: Moment
    """When the load began."""
    load_ms: float | None
    """What loading took, once it is loaded."""
    error: str
    """Why it failed; empty where it did not."""

    @classmethod
    def of(cls, load: Load) -> "LoadReply":
        """Return what is given of a load."""
        return cls(
            model=identity(load.model),
            state=load.state,
            stage=load.stage,
            part=load.part,
            started_at=load.started_at,
            load_ms=None if load.load_seconds is None else load.load_seconds * 1000,
            error=load.error,
        )


class ModelsReply(Reply):
    """The models of the service."""

    roles: tuple[RoleReply, ...]
    """Who answers for each role."""
    models: tuple[CatalogueReply, ...]
    """Those of its catalogue."""
    loaded: tuple[LoadedReply, ...]
    """Those in its machine's memory."""
    loads: tuple[LoadReply, ...]
    """Those that somebody asked to load: what is being loaded, and what failed to be when it was last tried."""


class UnloadedReply(Reply):
    """What was unloaded."""

    models: tuple[str, ...]
    """Names of the models."""
    processes: int
    """How many processes ended."""


def identity(model: ModelIdentity) -> IdentityReply:
    """Return what is given of an identity: no address of a server."""
    return IdentityReply.model_validate(model)
