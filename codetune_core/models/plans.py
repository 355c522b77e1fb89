"""Puts a memory plan together: for the whole catalogue, for one model, or for several at once."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from codetune_core.errors import SettingsError
from codetune_core.models.catalogue import Catalogue, with_sizes
from codetune_core.models.hardware import Device, detect, device, imagined_gpu
from codetune_core.models.memory import Fit, fit
from codetune_core.models.quantize import chosen, offered, with_context
from codetune_core.models.spec import ModelSpec
from codetune_core.models.together import Together, together
from codetune_core.sections import ModelSettings


@dataclass(frozen=True, slots=True)
class ModelPlan:
    """A model with the fit of each of its quantizations, and the one that it would be loaded with (None for none)."""

    spec: ModelSpec
    fits: tuple[Fit, ...]
    chosen: Fit | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What fits a device; ``combinations`` where several models are loaded at once.

    ``whole`` says that it is about the catalogue, and not about models that were named.
    """

    on: Device
    models: tuple[ModelPlan, ...]
    combinations: tuple[Together, ...] = field(default=())
    whole: bool = False


def plan(names: Sequence[str], card: int | None, settings: ModelSettings, catalogue: Catalogue) -> Plan:
    """Plan for a card of that many bytes, or for this machine; raises SettingsError for a model that is not known."""
    if card is not None:
        settings = settings.model_copy(update={"device": "auto", "memory_gigabytes": None})
    on = device(imagined_gpu(card) if card is not None else detect(), settings)
    specs = [catalogue.find(name) for name in names] or list(catalogue.models.values())
    models = tuple(_model(with_sizes(spec), on, settings) for spec in specs)
    if len(names) < 2:  # noqa: PLR2004 - one is not together
        return Plan(on, models, whole=not names)
    for each in models:
        if each.spec.architecture is None:
            raise SettingsError(f"the sizes of {each.spec.name} are not known before it is pulled")
    beside = together([with_context(each.spec, settings) for each in models], on.name, on.budget)
    return Plan(on, models, tuple(beside))


def _model(spec: ModelSpec, on: Device, settings: ModelSettings) -> ModelPlan:
    if spec.architecture is None:
        return ModelPlan(spec, (), None)
    meant = with_context(spec, settings)
    fits = tuple(fit(meant, spec.architecture, each, on.name, on.budget) for each in offered(spec, on))
    return ModelPlan(spec, fits, chosen(spec, on, settings, anywhere=True))
