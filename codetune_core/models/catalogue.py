"""The catalogue: the models that come with CodeTune, and the user's own over them."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from platformdirs import user_config_path
from pydantic import ValidationError

from codetune_core.domain.execution import Role
from codetune_core.domain.review import Notice
from codetune_core.errors import SettingsError
from codetune_core.models.architecture import shape_of
from codetune_core.models.described import described_by_files
from codetune_core.models.files import source_folder
from codetune_core.models.pins import pinned_all
from codetune_core.models.spec import ModelSpec
from codetune_core.sections import ModelSettings

FILE_NAME = "models.yaml"
_SHIPPED = "catalogue.yaml"
Entry = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Models by name, the user's own before those that come with CodeTune.

    Attributes:
        models: all of them.
        own: the names of the user's entries.
        preferred: role -> names of what comes with CodeTune that go before the rest for it.
        notices: what is wrong in the user's file.
    """

    models: Mapping[str, ModelSpec]
    own: frozenset[str] = frozenset()
    preferred: Mapping[str, Sequence[str]] = field(default_factory=dict)
    notices: tuple[Notice, ...] = ()

    def for_role(self, role: Role) -> list[ModelSpec]:
        """Return the models for a role, the best first: the user's own, the preferred, the rest in their order."""
        first = [*(name for name in self.models if name in self.own), *self.preferred.get(role, ()), *self.models]
        return [self.models[name] for name in dict.fromkeys(first) if role in self.models[name].roles]

    def find(self, name: str) -> ModelSpec:
        """Return a model by its name, its Hugging Face id, or its folder; raises SettingsError.

        One that is not in the catalogue is described by its own files, so they have to be on this machine.
        """
        if spec := self.named(name):
            return spec
        if spec := described_by_files(name):
            return spec
        raise SettingsError(self._unknown(name))

    def named(self, name: str) -> ModelSpec | None:
        """Return the entry of that name or id, in capitals or not."""
        meant = name.casefold()
        entries = self.models.values()
        return self.models.get(name) or next(
            (s for s in entries if meant in {s.name.casefold(), s.id.casefold()}), None
        )

    def _unknown(self, name: str) -> str:
        near = difflib.get_close_matches(name, self.models, n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]}?" if near else ""
        if name.startswith((".", "~", "/")):
            return f"{name} is no folder of a model: it needs a config.json that can be read"
        if name.count("/") == 1:
            return (
                f"the model {name} is neither in the catalogue nor on this machine{hint} (to get it from Hugging Face: "
                f"codetune models pull {name})"
            )
        return f"there is no model {name!r}{hint} (codetune models list)"


def read_catalogue(settings: ModelSettings) -> Catalogue:
    """Return the models that come with CodeTune with the user's own; what is wrong there is left out and said."""
    shipped = _shipped()
    path = settings.catalogue or user_config_path("codetune") / FILE_NAME
    entries, notices = _written(path, must_exist=settings.catalogue is not None)
    own: dict[str, ModelSpec] = {}
    for number, entry in enumerate(entries, 1):
        base = shipped.get(str(entry.get("name"))) if isinstance(entry, Mapping) else None
        try:
            spec = _spec(_merged(base, entry))
        except (ValidationError, ValueError, TypeError) as error:
            name = entry.get("name", "") if isinstance(entry, Mapping) else ""
            notices.append(_mistake(path, number, name, error))
        else:
            own[spec.name] = spec
    rest = {name: _spec(entry) for name, entry in shipped.items() if name not in own}
    return Catalogue(pinned_all({**own, **rest}), frozenset(own), _file_that_comes_along()["preferred"], tuple(notices))


def _shipped() -> dict[str, Entry]:
    return {entry["name"]: entry for entry in _file_that_comes_along()["models"]}


@lru_cache(maxsize=1)
def _file_that_comes_along() -> Any:
    return yaml.safe_load(files("codetune_core.models").joinpath(_SHIPPED).read_text("utf-8"))


def _merged(base: Entry | None, entry: Entry) -> Entry:
    """Lay the user's entry over the one of its name; sizes of its own replace all sizes."""
    if base is None:
        return entry
    sized = {"config", "architecture"} & set(entry)
    return {**{key: value for key, value in base.items() if not sized or key != "config"}, **entry}


def _spec(entry: Entry) -> ModelSpec:
    """Make a catalogue entry of what is written; ``config`` gives what is not written itself."""
    values = dict(entry)
    config = values.pop("config", None)
    if config is None:
        return ModelSpec.model_validate(values)
    if not isinstance(config, Mapping):
        raise TypeError("`config`: must be the fields of a config.json")
    shape = shape_of(config)
    read = {"kind": shape.kind, "context_tokens": shape.context_tokens, "architecture": shape.architecture}
    return ModelSpec.model_validate({**read, **values})


def _written(path: Path, *, must_exist: bool) -> tuple[list[Entry], list[Notice]]:
    try:
        content = yaml.safe_load(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        return [], [_unusable(path, error)] if must_exist else []
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        return [], [_unusable(path, error)]
    entries = content.get("models") if isinstance(content, Mapping) else None
    if not isinstance(entries, list):
        return [], [_unusable(path, "it needs a list `models`")]
    return entries, []


def _unusable(path: Path, why: object) -> Notice:
    return Notice(f"catalogue:{path}", f"{path}: not used, because it cannot be read as a catalogue: {why}")


def _mistake(path: Path, number: int, name: object, error: Exception) -> Notice:
    where = f"models[{number}]" + (f" ({name})" if name else "")
    return Notice(f"catalogue:{path}:{number}", f"{path}: {where} is not used: {'; '.join(_reasons(error))}")


def _reasons(error: Exception) -> Iterable[str]:
    if not isinstance(error, ValidationError):
        return [str(error)]
    details = error.errors(include_url=False)
    return [
        f"`{'.'.join(str(part) for part in detail['loc']) or 'entry'}`: {detail['msg'].lower()}" for detail in details
    ]


def with_sizes(spec: ModelSpec) -> ModelSpec:
    """Return a model with its sizes, from its files where the catalogue does not know them."""
    if spec.architecture or not source_folder(spec):
        return spec
    found = described_by_files(spec.id)
    return spec.model_copy(update={"architecture": found.architecture}) if found else spec
