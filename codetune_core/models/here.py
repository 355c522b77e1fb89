"""What of a model is on this machine, and which roles it serves."""

from dataclasses import dataclass
from pathlib import Path

from codetune_core.domain.execution import Role
from codetune_core.errors import CodeTuneError
from codetune_core.models.choose import load_plan
from codetune_core.models.files import converted_folder, has_pickle, has_weights, is_here, source_folder
from codetune_core.models.hardware import detect
from codetune_core.models.spec import ModelSpec, Quantization
from codetune_core.settings import Settings


@dataclass(frozen=True, slots=True)
class Here:
    """The files of a model.

    Attributes:
        state: ``ready`` to be loaded; ``pickled``, to be converted first; ``partial``; or ``absent``.
        folder: with what was published; None where nothing of it is here.
        copies: quantization -> folder of a copy that CodeTune converted.
    """

    state: str
    folder: Path | None
    copies: dict[Quantization, Path]


def look(spec: ModelSpec) -> Here:
    """Return what of a model is here."""
    folder = source_folder(spec)
    places = {each: converted_folder(spec, each) for each in Quantization}
    copies = {each: place for each, place in places.items() if has_weights(place)}
    if is_here(spec):
        return Here("ready", folder, copies)
    if folder is None:
        return Here("absent", None, copies)
    return Here("pickled" if has_pickle(folder) else "partial", folder, copies)


def roles_served(settings: Settings) -> dict[str, list[Role]]:
    """Return the name of each model that serves a role here -> those roles."""
    hardware, served = detect(), dict[str, list[Role]]()
    for role in Role:
        try:
            name = load_plan("", role, settings, hardware=hardware).spec.name
        except CodeTuneError:
            continue
        served.setdefault(name, []).append(role)
    return served
