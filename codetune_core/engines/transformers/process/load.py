"""Loads a model's weights and tokenizer as a LoadPlan says, and says in words why it cannot."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer
from transformers.utils import logging

from codetune_core.engines.transformers.process.adapters import Adapters
from codetune_core.engines.transformers.process.codet5p.modeling import register
from codetune_core.engines.transformers.process.int8 import quantize
from codetune_core.engines.transformers.process.loop import Progress, out_of_memory
from codetune_core.engines.transformers.process.weights import held, held_bytes, in_8_bit_by_torch
from codetune_core.errors import EngineRefused
from codetune_core.models.files import has_pickle, has_weights
from codetune_core.models.load_plan import LoadPlan
from codetune_core.models.spec import Kind, ModelSpec


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model, ready to compute.

    Attributes:
        model: of transformers; in evaluation mode, without gradients.
        tokenizer: the fast one that belongs to it.
        end_token_ids: what ends an answer: the config's, the tokenizer's, the spec's, and marks of infill.
        weights_bytes: what the weights take in memory, measured.
        adapters: its LoRA adapters.
    """

    model: Any
    tokenizer: Any
    end_token_ids: tuple[int, ...]
    weights_bytes: int
    adapters: Adapters


def load(plan: LoadPlan, progress: Progress) -> Loaded:
    """Load a model that generates text.

    Only safetensors are read. A model's own code runs only where the plan allows it, from its folder. ``progress`` is
    told a stage and how far it is, from 0 to 1. Raises EngineRefused, which says what to do.
    """
    folder = Path(plan.folder)
    _check(folder, plan.spec)
    register()
    if plan.threads:
        torch.set_num_threads(plan.threads)
    progress("reading the config", 0)
    with _in_words(plan):
        config = AutoConfig.from_pretrained(folder, trust_remote_code=plan.remote_code)
        _refuse_code(config, plan)
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=plan.remote_code)
        model = _model(plan, config, progress)
    if in_8_bit_by_torch(plan, config):
        quantize(model, keep=model.get_output_embeddings())
    ends = tuple(sorted(_ends(model, tokenizer, plan.spec)))
    progress("loaded", 1)
    return Loaded(model, tokenizer, ends, held_bytes(model), Adapters(model, plan.adapters))


def _check(folder: Path, spec: ModelSpec) -> None:
    if not (folder / "config.json").is_file():
        raise EngineRefused(f"there is no model in {folder}: run `codetune models pull {spec.name}`")
    if has_weights(folder):
        return
    if has_pickle(folder):
        raise EngineRefused(
            f"the weights of {spec.name} are pickle, which can run any code and is never loaded: "
            f"run `codetune models convert {spec.name}`"
        )
    raise EngineRefused(f"weights of {spec.name} are missing in {folder}: run `codetune models pull {spec.name}`")


def _refuse_code(config: Any, plan: LoadPlan) -> None:
    """Code of a repository that is not the model's own has no revision that anybody allowed."""
    elsewhere = [name for name in (getattr(config, "auto_map", None) or {}).values() if "--" in str(name)]
    if plan.remote_code and elsewhere:
        raise EngineRefused(f"{plan.spec.name} wants to run code of another repository ({elsewhere[0]})")


def _model(plan: LoadPlan, config: Any, progress: Progress) -> Any:
    family = AutoModelForCausalLM if plan.spec.kind is Kind.CAUSAL else AutoModelForSeq2SeqLM
    with _told(progress):
        model, found = family.from_pretrained(  # type: ignore[misc]
            plan.folder,
            **{"config": config, **held(plan, config)},
            use_safetensors=True,
            device_map={"": plan.device} if plan.device != "auto" else "auto",
            trust_remote_code=plan.remote_code,
            output_loading_info=True,
        )
    if found["missing_keys"]:
        names = ", ".join(sorted(found["missing_keys"])[:3])
        raise EngineRefused(f"weights of {plan.spec.name} are missing in its files ({names}): pull it again")
    model.eval()
    return model.requires_grad_(requires_grad=False)


@contextmanager
def _told(progress: Progress) -> Iterator[None]:
    """Tell how many weights are there; transformers counts them on a progress bar."""

    class Bar:
        def __init__(self, items: Any = (), **_: Any) -> None:
            self._items = items

        def __iter__(self) -> Iterator[Any]:
            count = max(len(self._items), 1)
            for number, item in enumerate(self._items):
                progress("loading weights", number / count)
                yield item

        def __getattr__(self, _: str) -> Callable[..., None]:
            return lambda *_, **__: None

    before = logging.set_tqdm_hook(lambda _, args, options: Bar(*args, **options))
    try:
        yield
    finally:
        logging.set_tqdm_hook(before)


@contextmanager
def _in_words(plan: LoadPlan) -> Iterator[None]:
    """Say what is wrong with files, code or memory."""
    name = plan.spec.name
    try:
        yield
    except SafetensorError as error:
        raise EngineRefused(f"a file of {name} is damaged ({error}): run `codetune models pull {name}`") from error
    except (OSError, ValueError, KeyError, TypeError, ImportError, AttributeError) as error:
        raise EngineRefused(f"{name} cannot be loaded from {plan.folder}: {_reason(plan, error)}") from error
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise EngineRefused(f"{name} cannot be loaded from {plan.folder}: {error}") from error
        raise EngineRefused(_too_large(plan)) from error


def _reason(plan: LoadPlan, error: Exception) -> str:
    if "trust_remote_code" in str(error):
        revision = f"{plan.spec.id}@{plan.spec.revision}"
        return f"it comes with code of its own; where you trust it, add {revision} to models.remote_code"
    return " ".join(str(error).split())


def _too_large(plan: LoadPlan) -> str:
    spec, smallest = plan.spec, plan.spec.quantizations[-1]
    smaller = f"set models.quantization to {smallest}, " if smallest is not plan.quantization else ""
    return (
        f"there is not enough memory on {plan.device} for {spec.name} as {plan.quantization}: unload other models, "
        f"{smaller}or choose a smaller model; `codetune models plan` says what fits"
    )


def _ends(model: Any, tokenizer: Any, spec: ModelSpec) -> set[int]:
    marks = (spec.infill.prefix, spec.infill.suffix, spec.infill.middle) if spec.infill else ()
    known = tokenizer.get_vocab()
    found = [known.get(mark) for mark in marks] + [tokenizer.eos_token_id, *spec.stop_token_ids]
    for config in (model.config, getattr(model.config, "decoder", None), getattr(model, "generation_config", None)):
        ends = getattr(config, "eos_token_id", None)
        found += ends if isinstance(ends, list) else [ends]
    return {token for token in found if token is not None}
