"""Makes safetensors of a model's pickled weights, in a child that may do nothing else."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codetune_core.errors import SettingsError
from codetune_core.models.files import converted_folder, has_pickle, has_weights, source_folder
from codetune_core.models.spec import ModelSpec, Quantization

_TYPES = {"float32": Quantization.FP32, "bfloat16": Quantization.BF16, "float16": Quantization.FP16}
_KEPT = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PYTHONPATH", "SYSTEMROOT", "VIRTUAL_ENV")
"""Of the environment: no token and no key is among them."""
_BESIDE = ("*.json", "*.txt", "*.model", "*.jinja", "LICEN[CS]E*", "README.md", "*/*.json")

OnPart = Callable[[int, int], None]
"""Files done, files in all."""


@dataclass(frozen=True, slots=True)
class Converted:
    """The copy that was made; ``sandbox`` says what the child could not do."""

    folder: Path
    quantization: Quantization
    tensors: int
    sandbox: tuple[str, ...]


def convert(spec: ModelSpec, on_part: OnPart) -> Converted:
    """Write a copy of a model with its weights in safetensors, each tensor compared with what was read.

    Raises SettingsError, which says what to do, where there is nothing to convert, and where the weights hold anything
    but tensors; what was there before stays then.
    """
    source = source_folder(spec)
    if source is None:
        raise SettingsError(f"{spec.name} is not on this machine: codetune models pull {spec.name}")
    if has_weights(source):
        raise SettingsError(f"{spec.name} has its weights in safetensors already")
    if not has_pickle(source):
        raise SettingsError(f"the weights of {spec.name} are not all here: codetune models pull {spec.name}")
    try:
        return _converted(spec, source, on_part)
    except OSError as error:
        raise SettingsError(f"the copy of {spec.name} could not be written: {error}") from error


def _converted(spec: ModelSpec, source: Path, on_part: OnPart) -> Converted:
    home = converted_folder(spec, Quantization.BF16).parent
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".converting-", dir=home) as place:
        target = Path(place) / "weights"
        target.mkdir()
        told = _run(spec, source, target, on_part)
        quantization = _TYPES.get(told["type"])
        if quantization is None:
            raise SettingsError(f"the weights of {spec.name} are of type {told['type']}, which is not loaded")
        copy_beside(source, target)
        folder = converted_folder(spec, quantization)
        shutil.rmtree(folder, ignore_errors=True)
        target.replace(folder)
    return Converted(folder, quantization, told["tensors"], tuple(told["sandbox"]))


def copy_beside(source: Path, target: Path) -> None:
    """Copy what a model needs beside its weights: config, tokenizer, licence."""
    for pattern in _BESIDE:
        for path in source.glob(pattern):
            if not path.name.endswith((".bin.index.json", ".safetensors.index.json")):
                copy = target / path.relative_to(source)
                copy.parent.mkdir(exist_ok=True)
                shutil.copyfile(path, copy)


def _run(spec: ModelSpec, source: Path, target: Path, on_part: OnPart) -> dict[str, Any]:
    """Return all that the child told, the later over the earlier."""
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    command = [sys.executable, "-m", "codetune_core.models.unpickle", str(source.resolve()), str(target)]
    told: dict[str, Any] = {}
    with (
        tempfile.TemporaryFile("w+") as problems,
        subprocess.Popen(  # noqa: S603 - our own module
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=problems,
            text=True,
            env={**environment, "HOME": str(target.parent)},
            cwd=target,
        ) as child,
    ):
        for line in child.stdout or ():
            news = _told(line)
            told |= news
            if "total" in news:
                on_part(news["done"], news["total"])
        code = child.wait()
        problems.seek(0)
        last = problems.read().strip().splitlines()[-1:] or [f"its process ended with {code}"]
    if "error" in told:
        raise SettingsError(f"the weights of {spec.name} are not converted: {told['error']}")
    if code or "type" not in told:
        raise SettingsError(f"the weights of {spec.name} could not be converted: {last[0]}")
    return told


def _told(line: str) -> dict[str, Any]:
    """Return what a line of the child says; nothing for what a library of its prints."""
    try:
        values = json.loads(line)
    except ValueError:
        return {}
    return values if isinstance(values, dict) else {}
