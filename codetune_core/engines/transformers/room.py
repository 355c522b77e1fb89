"""Which models are unloaded so that another one fits into memory."""

from collections.abc import Mapping

from codetune_core.engines.transformers.wire import Status
from codetune_core.errors import EngineOverloaded, EngineRefused
from codetune_core.models.load_plan import LoadPlan


def to_unload(plan: LoadPlan, loaded: Mapping[str, Status], capacity: int) -> list[str]:
    """Return the keys of the models that must go, least recently used first, none where all fit together.

    ``loaded`` is by key; ``capacity`` is what models may take of the plan's device, in bytes. Raises EngineRefused
    where the model does not fit alone, and EngineOverloaded where those in the way are in use.
    """
    needs = f"{plan.spec.name} needs {_gb(plan.bytes_needed)} of the {_gb(capacity)} that models may take"
    if plan.bytes_needed > capacity:
        raise EngineRefused(
            f"{needs} (models.memory_gigabytes): choose a smaller model, quantization or context (codetune models plan "
            "says what fits)"
        )
    here = {key: status for key, status in loaded.items() if status.device == plan.device}
    missing = sum(status.bytes_needed for status in here.values()) + plan.bytes_needed - capacity
    going = []
    for key in sorted(filter(lambda key: _idle(here[key]), here), key=lambda key: -here[key].idle_seconds):
        if missing > 0:
            going.append(key)
            missing -= here[key].bytes_needed
    if missing > 0:
        busy = [f"{status.model} ({_gb(status.bytes_needed)})" for status in here.values() if not _idle(status)]
        raise EngineOverloaded(f"{needs}, and these are in use: {', '.join(busy)}; ask again when they are done")
    return going


def _idle(status: Status) -> bool:
    return status.loaded and not status.running and not status.waiting


def _gb(count: int) -> str:
    return f"{count / 1e9:.1f} GB"
