"""Pulls a model's files into the Hugging Face cache: resumable, with progress, checked against their hashes, pinned."""

import hashlib
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from typing import Any

from codetune_core.errors import SettingsError
from codetune_core.models.hub_errors import said
from codetune_core.models.pins import pin, pinned
from codetune_core.models.spec import ModelSpec

OnProgress = Callable[[str, int, int], None]
"""What is being done (``pulling``, ``checking``), bytes done, bytes in all."""

_BESIDE = ("*.json", "*.txt", "*.model", "*.jinja", "*.tiktoken", "LICEN[CS]E*", "README.md")
_WEIGHTS = ("*.safetensors", "*.bin")
"""Safetensors where a model has them, else pickle, which `convert` reads once and nothing else ever."""
_NOT_OURS = ("onnx/*", "openvino/*", "*.onnx", "*.gguf", "*training_args.bin", "*optimizer.bin", "original/*")
_CHUNK = 2**20
_REMOTE_CODE = "*.py"


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file as the Hub lists it; ``sha256`` is empty for the small ones, which git keeps itself."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Pulled:
    """What came; ``pickled`` where its weights are no safetensors, so that they have to be converted."""

    folder: Path
    revision: str
    size: int
    pickled: bool


def pull(spec: ModelSpec, on_progress: OnProgress, *, remote_code: bool = False) -> Pulled:
    """Pull what is missing of a model, check all of its weights, and pin it.

    ``remote_code`` also takes its Python files. What came before an interruption is kept, and the next pull goes on
    from there. Raises SettingsError, which says what to do, where the Hub does not give it, where the disk is full,
    and where a file is not what it was when it was pinned.
    """
    spec = pinned(spec)
    with said(spec):
        revision, listed = _listing(spec)
        files = wanted_files(listed, remote_code=remote_code)
        _expect_as_pinned(spec, files)
        _expect_room(files)
        folder = _download(spec, revision, files, on_progress)
    _check(spec, folder, files, on_progress)
    hashes = {file.name: file.sha256 for file in files if file.sha256}
    pin(spec, revision, hashes)
    pickled = not any(file.name.endswith(".safetensors") for file in files)
    return Pulled(folder, revision, sum(file.size for file in files), pickled)


def wanted_files(listed: Iterable[HubFile], *, remote_code: bool = False) -> list[HubFile]:
    """Return those of a repository's files that loading needs."""
    ours = [file for file in listed if not _like(file.name, _NOT_OURS)]
    weights: list[HubFile] = next(filter(None, ([f for f in ours if fnmatch(f.name, each)] for each in _WEIGHTS)), [])
    beside = (*_BESIDE, _REMOTE_CODE) if remote_code else _BESIDE
    taken = {file.name for file in weights}
    indexes = {"safetensors": "*.bin.index.json", "bin": "*.safetensors.index.json"}
    unneeded = indexes.get(weights[0].name.rpartition(".")[2] if weights else "", "")
    return [f for f in ours if f.name in taken or (_like(f.name, beside) and not fnmatch(f.name, unneeded))]


def _like(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch(name, pattern) for pattern in patterns)


def _listing(spec: ModelSpec) -> tuple[str, list[HubFile]]:
    from huggingface_hub import HfApi  # noqa: PLC0415 - takes its time

    info = HfApi().model_info(spec.id, revision=spec.revision or None, files_metadata=True)
    listed = [
        HubFile(each.rfilename, each.size or 0, each.lfs.sha256 if each.lfs else "") for each in info.siblings or ()
    ]
    if not info.sha or not listed:
        raise SettingsError(f"{spec.id} has no files on the Hub")
    return info.sha, listed


def _expect_as_pinned(spec: ModelSpec, files: list[HubFile]) -> None:
    for file in files:
        expected = spec.files.get(file.name, "")
        if expected and file.sha256 and expected != file.sha256:
            raise SettingsError(
                f"{file.name} of {spec.id} is not what it was when it was pinned, so it is not pulled: its SHA-256 was "
                f"{expected} and is {file.sha256}"
            )


def _expect_room(files: list[HubFile]) -> None:
    from huggingface_hub.constants import HF_HUB_CACHE  # noqa: PLC0415

    cache = Path(HF_HUB_CACHE)
    there = next(folder for folder in (cache, *cache.parents) if folder.is_dir())
    known = {blob.name for blob in cache.glob("models--*/blobs/*")}
    needed = sum(file.size for file in files if file.sha256 not in known)
    free = shutil.disk_usage(there).free
    if needed > free:
        raise SettingsError(
            f"{needed / 1e9:.1f} GB are to be pulled, and {there} has room for {free / 1e9:.1f} GB: make room, or set "
            "HF_HOME to a folder on a larger disk"
        )


def _download(spec: ModelSpec, revision: str, files: list[HubFile], on_progress: OnProgress) -> Path:
    from huggingface_hub import hf_hub_download  # noqa: PLC0415

    total, done = sum(file.size for file in files), 0
    folder = Path()
    for file in files:
        on_progress("pulling", done, total)
        bar = _bar(partial(_add, on_progress, done, total))
        path = hf_hub_download(spec.id, file.name, revision=revision, tqdm_class=bar)
        folder = Path(path).parents[file.name.count("/")]
        done += file.size
    on_progress("pulling", total, total)
    return folder


def _add(on_progress: OnProgress, before: int, total: int, part: int) -> None:
    on_progress("pulling", before + part, total)


def _bar(on_bytes: Callable[[int], None]) -> type[Any]:
    """Return a progress bar, of the kind that huggingface_hub fills, which draws nothing and tells bytes so far."""
    from tqdm.auto import tqdm  # noqa: PLC0415

    class Bar(tqdm):  # type: ignore[misc]
        def __init__(self, *args: Any, **options: Any) -> None:
            options.pop("name", None)
            super().__init__(*args, **{**options, "disable": True})
            self.so_far = int(options.get("initial") or 0)

        def update(self, n: float | None = 1) -> bool | None:
            self.so_far += int(n or 0)
            on_bytes(self.so_far)
            return None

    return Bar


def _check(spec: ModelSpec, folder: Path, files: list[HubFile], on_progress: OnProgress) -> None:
    hashed = [file for file in files if file.sha256]
    total, done = sum(file.size for file in hashed), 0
    for file in hashed:
        found = hashlib.sha256()
        with (folder / file.name).open("rb") as stream:
            while data := stream.read(_CHUNK):
                found.update(data)
                done += len(data)
                on_progress("checking", done, total)
        if found.hexdigest() != file.sha256:
            (folder / file.name).resolve().unlink()
            (folder / file.name).unlink(missing_ok=True)
            raise SettingsError(
                f"{file.name} of {spec.id} came damaged, so it was removed: codetune models pull {spec.name} gets it "
                "anew"
            )
