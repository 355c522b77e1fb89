"""The child that makes safetensors of pickled weights: it reads tensors and nothing else, inside a sandbox.

Its arguments are the folder of the weights and the one to write to; it tells its progress and its end as JSON, a line
each, on the standard output.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from codetune_core.models.sandbox import enter

_INDEX = "pytorch_model.bin.index.json"


def main() -> None:
    """Convert, or tell why not."""
    source, target = (Path(argument) for argument in sys.argv[1:])
    _tell(sandbox=enter(target))
    try:
        _tell(**_convert(source, target))
    except Exception as error:  # noqa: BLE001 - whatever an untrusted file brings about
        _tell(error=f"{type(error).__name__}: {error}")


def _convert(source: Path, target: Path) -> dict[str, Any]:
    from safetensors.torch import save_file  # noqa: PLC0415 - after the sandbox is closed

    files, types, places = _parts(source), Counter[str](), dict[str, str]()
    for number, file in enumerate(files, 1):
        tensors = dict(_tensors(file))
        name = file.name.replace("pytorch_model", "model").removesuffix(".bin") + ".safetensors"
        save_file(tensors, target / name, {"format": "pt"})
        _compare(tensors, target / name)
        types.update({str(each.dtype).removeprefix("torch."): each.numel() for each in tensors.values()})
        places |= dict.fromkeys(tensors, name)
        _tell(done=number, total=len(files))
    if len(files) > 1:
        size = sum(path.stat().st_size for path in target.glob("*.safetensors"))
        index = {"metadata": {"total_size": size}, "weight_map": places}
        (target / "model.safetensors.index.json").write_text(json.dumps(index, indent=2), "utf-8")
    return {"type": types.most_common(1)[0][0], "tensors": len(places)}


def _parts(source: Path) -> list[Path]:
    if (source / _INDEX).is_file():
        index = json.loads((source / _INDEX).read_text("utf-8"))
        return [source / Path(name).name for name in sorted(set(index["weight_map"].values()))]
    return [source / "pytorch_model.bin"]


def _tensors(file: Path) -> Iterator[tuple[str, Any]]:
    """Read a file's tensors; each in memory of its own, since safetensors shares none."""
    import torch  # noqa: PLC0415

    content = torch.load(file, map_location="cpu", weights_only=True)
    if not isinstance(content, dict):
        raise TypeError(f"{file.name} holds no tensors by name")
    for name, value in content.items():
        if not isinstance(value, torch.Tensor):
            raise TypeError(f"{name} in {file.name} is no tensor")
        yield name, value.detach().clone().contiguous()


def _compare(tensors: dict[str, Any], written: Path) -> None:
    from safetensors import safe_open  # noqa: PLC0415
    from torch import equal  # noqa: PLC0415

    with safe_open(written, "pt") as file:
        for name, value in tensors.items():
            if not equal(file.get_tensor(name), value):
                raise ValueError(f"{name} is not in {written.name} what it was")


def _tell(**values: Any) -> None:
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
