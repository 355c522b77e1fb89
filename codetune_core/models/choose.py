"""Chooses a model for a role by the hardware, and says how it is to be loaded, or in words why it cannot be."""

from pathlib import Path

from codetune_core.domain.canonical import digest
from codetune_core.domain.execution import Role
from codetune_core.errors import NobodyAnswers, SettingsError
from codetune_core.models.adapters import adapters_for, split_adapter
from codetune_core.models.catalogue import Catalogue, read_catalogue, with_sizes
from codetune_core.models.files import contents, has_pickle, is_here, located, source_folder
from codetune_core.models.hardware import Device, Hardware, detect, device
from codetune_core.models.licences import licence_accepted
from codetune_core.models.load_plan import LoadPlan
from codetune_core.models.local_extra import INSTALL, can_hold, missing_for
from codetune_core.models.memory import Fit
from codetune_core.models.quantize import SHARE, chosen, refusal
from codetune_core.models.spec import ModelSpec, Quantization
from codetune_core.settings import Settings

_BILLION = 10**9
_CPU_PARAMETERS = 8 * _BILLION
_TYPING_PARAMETERS = {"cpu": 2 * _BILLION, "cuda": 8 * _BILLION}
"""Larger models are too slow to be chosen: on a processor at all, or for completing while one types."""
_KV_TOKENS = {"cpu": 65_536, "cuda": 131_072}
"""Tokens of all running requests together for which memory is taken where it is there."""


def wanted(role: Role, settings: Settings) -> str:
    """Return the model that the settings name for a role; empty for ``auto``."""
    name = str(getattr(settings.models, role))
    return "" if name == "auto" else name


def choose(name: str, role: Role, settings: Settings, catalogue: Catalogue, on: Device) -> ModelSpec:
    """Return the model of that name, or of that role in the settings, or the best for the role that is here and fits.

    Raises SettingsError where there is none.
    """
    if meant := name or wanted(role, settings):
        return with_sizes(catalogue.find(meant))
    for spec in candidates(role, catalogue, on):
        sized = with_sizes(spec)
        if is_here(spec) and licence_accepted(spec) and not missing_for(spec) and chosen(sized, on, settings.models):
            return sized
    raise _none_here(role, settings, catalogue, on)


def candidates(role: Role, catalogue: Catalogue, on: Device) -> list[ModelSpec]:
    """Return the models for a role that are fast enough there, best first."""
    kind = on.name.partition(":")[0]
    most = _TYPING_PARAMETERS[kind] if role is Role.COMPLETION else _CPU_PARAMETERS if kind == "cpu" else None
    found = [with_sizes(spec) for spec in catalogue.for_role(role)]
    return [spec for spec in found if most is None or (spec.architecture and spec.architecture.parameters <= most)]


def load_plan(name: str, role: Role, settings: Settings, *, hardware: Hardware | None = None) -> LoadPlan:
    """Return how a model is to be loaded, that of the role where no name is given; ``name+adapter`` names it too.

    Raises SettingsError, whose text says what to do: not on this machine, terms not accepted, part not installed,
    does not fit, no such adapter.
    """
    catalogue, on = read_catalogue(settings.models), device(hardware or detect(), settings.models)
    meant, adapter = split_adapter(name or wanted(role, settings))
    spec = choose(meant, role, settings, catalogue, on)
    if spec.architecture and chosen(spec, on, settings.models, anywhere=True) is None:
        raise SettingsError(refusal(spec, spec.architecture, on, settings.models, candidates(role, catalogue, on)))
    _expect_usable(spec)
    fit = chosen(spec, on, settings.models)
    if fit is None:
        raise SettingsError(_not_so_here(spec, on))
    return _plan(spec, fit, on, settings, adapters_for(spec, settings.models, asked=adapter))


def _not_so_here(spec: ModelSpec, on: Device) -> str:
    """Say why a model that is here and would fit is not loaded."""
    if spec.architecture is None:
        return f"{spec.name} cannot be loaded, because its sizes cannot be read from its config"
    if not can_hold(Quantization.NF4, on):
        return f"{spec.name} fits only as int8 or nf4, which need bitsandbytes: {INSTALL}"
    here = ", ".join(each for each in spec.quantizations if located(spec, each))
    return f"{spec.name} is here as {here} only, which does not fit: codetune models pull {spec.name}"


def _expect_usable(spec: ModelSpec) -> None:
    if missing := missing_for(spec):
        raise SettingsError(f"{spec.name} cannot be loaded without {', '.join(missing)}: {INSTALL}")
    if not is_here(spec):
        folder = source_folder(spec)
        if folder and has_pickle(folder):
            raise SettingsError(
                f"{spec.name} has only pickled weights, which are not loaded: codetune models convert {spec.name}"
            )
        what = "its files are not all on this machine" if folder else "it is not on this machine"
        raise SettingsError(f"{spec.name} cannot be loaded, because {what}: codetune models pull {spec.name}")
    if not licence_accepted(spec):
        raise SettingsError(
            f"{spec.name} is under the {spec.licence.name}, which you have not accepted: codetune models pull "
            f"{spec.name} shows its terms"
        )


def _plan(spec: ModelSpec, fit: Fit, on: Device, settings: Settings, adapters: dict[str, str]) -> LoadPlan:
    place = located(spec, fit.need.quantization)
    if place is None:  # `chosen` takes what is located
        raise SettingsError(f"the files of {spec.name} went away: codetune models pull {spec.name}")
    tokens = _kv_tokens(fit, on)
    allowed = settings.models.remote_code.get(spec.id, "")
    return LoadPlan(
        spec=spec,
        folder=str(place.folder),
        contents=digest([contents(folder) for folder in (place.folder, *map(Path, adapters.values()))]),
        quantization=fit.need.quantization,
        prequantized=place.prequantized,
        device=on.name,
        context_tokens=fit.context_tokens,
        kv_tokens=tokens,
        adapters=adapters,
        remote_code=bool(allowed) and allowed == spec.revision,
        bytes_needed=fit.need.total(tokens),
        idle_seconds=settings.models.keep_loaded_seconds,
    )


def _kv_tokens(fit: Fit, on: Device) -> int:
    """Return the tokens of all running requests together: one context at least, more within the model's share."""
    room = fit.need.tokens(int(on.budget * SHARE))
    if room is None:
        return fit.context_tokens
    return max(fit.context_tokens, min(room, _KV_TOKENS[on.name.partition(":")[0]]))


def _none_here(role: Role, settings: Settings, catalogue: Catalogue, on: Device) -> NobodyAnswers:
    fitting = [spec for spec in candidates(role, catalogue, on) if chosen(spec, on, settings.models, anywhere=True)]
    if not fitting:
        return NobodyAnswers(f"no model for {role} fits the {on.budget / _BILLION:.1f} GB of {on.described}")
    first = fitting[0]
    install = f"{INSTALL} && " if missing_for(first) else ""
    way = f"{first.name} would fit: {install}codetune models pull {first.name}"
    return NobodyAnswers(f"no model for {role} is on this machine", way)
