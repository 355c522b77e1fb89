"""LoRA adapters of a loaded model: named, and switched for each request."""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from codetune_core.errors import EngineRefused

_WEIGHTS = "adapter_model.safetensors"


class Adapters:
    """The adapters of one model; each is read from its folder when it is first used, and stays."""

    def __init__(self, model: Any, folders: Mapping[str, str]) -> None:
        self._model = model
        self._folders = dict(folders)
        self._layers: list[Any] = []
        self._loaded: set[str] = set()
        self._active = ""

    @contextmanager
    def use(self, name: str) -> Iterator[None]:
        """Let the model answer with an adapter, or with none where the name is empty.

        Raises EngineRefused, in words, for an adapter that is unknown or does not fit.
        """
        self.load(name)
        self._switch(name)
        try:
            yield
        finally:
            self._switch("")

    def load(self, name: str) -> None:
        """Read an adapter's weights, unless they are there; raises as `use`."""
        if not name or name in self._loaded:
            return
        if name not in self._folders:
            known = ", ".join(sorted(self._folders)) or "none"
            raise EngineRefused(f"there is no adapter {name!r} (known: {known}): add it to models.adapters")
        try:
            self._inject(name, Path(self._folders[name]))
        except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
            raise EngineRefused(f"the adapter {name} does not fit this model: {error}") from error
        self._loaded.add(name)

    def _inject(self, name: str, folder: Path) -> None:
        import peft  # noqa: PLC0415 - takes seconds, and most models have no adapters
        from peft.tuners.tuners_utils import BaseTunerLayer  # noqa: PLC0415
        from safetensors.torch import load_file  # noqa: PLC0415

        if not (folder / _WEIGHTS).is_file():
            raise EngineRefused(
                f"the adapter {name} has no {_WEIGHTS} in {folder}; others than safetensors are not read"
            )
        config = peft.PeftConfig.from_pretrained(str(folder))
        config.inference_mode = True
        weights = load_file(folder / _WEIGHTS)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that there is more than one is meant
                peft.inject_adapter_in_model(config, self._model, name)
            told: Any = peft.set_peft_model_state_dict(self._model, weights, name)
        finally:
            self._layers = [module for module in self._model.modules() if isinstance(module, BaseTunerLayer)]
            for layer in self._layers:
                layer.enable_adapters(enabled=False)
        if told.unexpected_keys:
            raise EngineRefused(
                f"the adapter {name} was made for another model: {told.unexpected_keys[0]} is not in this"
            )

    def _switch(self, name: str) -> None:
        if name == self._active:
            return
        for layer in self._layers:
            if name:
                layer.set_adapter([name], inference_mode=True)
            layer.enable_adapters(enabled=bool(name))
        self._active = name
