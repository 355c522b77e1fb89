"""Writes a model with its weights quantized, so that later loads read a quarter of the bytes; a program too.

``python -m codetune_core.engines.transformers.process.quantize FOLDER`` takes a LoadPlan as JSON on its standard input,
tells on its standard output how far it is, as Loading frames of one line each, and where it cannot, a LoadFailed.
"""

import shutil
import sys
import tempfile
from pathlib import Path

from codetune_core.engines.transformers.process.load import load
from codetune_core.engines.transformers.process.loop import Progress
from codetune_core.engines.transformers.wire import LoadFailed, Loading
from codetune_core.errors import CodeTuneError, EngineRefused
from codetune_core.models.load_plan import LoadPlan
from codetune_core.models.spec import Quantization


def save(plan: LoadPlan, target: Path, progress: Progress) -> int:
    """Load as the plan says, quantizing, and write weights, config and tokenizer; return the bytes of the folder.

    The folder is there whole or not at all; one that was there before is replaced. Raises EngineRefused for another
    quantization than NF4, and as `load` does.
    """
    if plan.quantization is not Quantization.NF4:
        raise EngineRefused(f"only nf4 is written down quantized, not {plan.quantization}: others load as fast without")
    if plan.prequantized:
        raise EngineRefused(f"{plan.folder} is quantized already")
    loaded = load(plan.model_copy(update={"adapters": {}}), progress)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".quantizing-") as folder:
        made = Path(folder) / "model"
        # Before any forward pass: the first one changes the order of the weights on some processors.
        loaded.model.save_pretrained(made)
        loaded.tokenizer.save_pretrained(made)
        shutil.rmtree(target, ignore_errors=True)
        made.rename(target)
    progress("written", 1)
    return sum(file.stat().st_size for file in target.iterdir())


def main() -> None:
    """Do what the module says."""
    plan = LoadPlan.model_validate_json(sys.stdin.buffer.read())

    def tell(stage: str, part: float) -> None:
        sys.stdout.write(Loading(stage=stage, part=part).model_dump_json() + "\n")

    try:
        save(plan, Path(sys.argv[1]), tell)
    except (CodeTuneError, OSError) as error:
        sys.stdout.write(LoadFailed(message=str(error)).model_dump_json() + "\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
