"""Chooses the quantization and the context with which a model fits, and says in words why none does."""

from collections.abc import Iterable

from codetune_core.models.files import located
from codetune_core.models.hardware import Device
from codetune_core.models.local_extra import can_hold
from codetune_core.models.memory import LEAST_CONTEXT, Fit, fit, gigabytes
from codetune_core.models.spec import Architecture, ModelSpec, Quantization
from codetune_core.sections import ModelSettings

SHARE = 0.6
"""Of the memory, what one model takes where it can be helped: so the others need not be unloaded for it each time."""
_COMFORTABLE_CONTEXT = 16_384
"""For this much, a model takes more than its share; for a longer context it does not."""
_LARGE = 10**9
"""From this many parameters on, a processor is as fast as its memory: fewer bits go before exactness."""
_FASTEST = (Quantization.NF4, Quantization.INT8, Quantization.BF16, Quantization.FP16, Quantization.FP32)
_FASTEST_WITHOUT_BF16 = (Quantization.INT8, Quantization.FP32, Quantization.BF16, Quantization.FP16, Quantization.NF4)
"""On processors, as measured: without bfloat16, bitsandbytes' 4 bits are seven times as slow as our 8."""


def chosen(spec: ModelSpec, on: Device, settings: ModelSettings, *, anywhere: bool = False) -> Fit | None:
    """Return the quantization and context that a model gets on a device; None where it does not fit.

    ``anywhere`` also takes one whose files are not on this machine.
    """
    if spec.architecture is None:
        return None
    meant, sizes = with_context(spec, settings), spec.architecture
    options = [each for each in _order(spec, sizes, on, settings) if anywhere or _loadable(spec, each, on)]
    least = meant.context_tokens if settings.context_tokens else min(meant.context_tokens, _COMFORTABLE_CONTEXT)
    share = SHARE if on.fast_bf16 else 1  # rather one model at a time than 4 bits, which crawl there
    shared = (fit(meant, sizes, each, on.name, int(on.budget * share)) for each in options)
    if comfortable := next((each for each in shared if each.context_tokens >= least), None):
        return comfortable
    small = meant.model_copy(update={"context_tokens": least})
    fits = [fit(small, sizes, each, on.name, on.budget) for each in options]
    longest = max(fits, key=lambda each: (each.context_tokens, -each.need.weights), default=None)
    enough = longest and (longest.context_tokens >= least or not settings.context_tokens)
    return longest if longest and longest.fits and enough else None


def with_context(spec: ModelSpec, settings: ModelSettings) -> ModelSpec:
    """Return a model with the context that the settings limit it to."""
    context = min(spec.context_tokens, settings.context_tokens or spec.context_tokens)
    return spec.model_copy(update={"context_tokens": context})


def _loadable(spec: ModelSpec, quantization: Quantization, on: Device) -> bool:
    return can_hold(quantization, on) and located(spec, quantization) is not None


def _order(spec: ModelSpec, sizes: Architecture, on: Device, settings: ModelSettings) -> tuple[Quantization, ...]:
    """Return what is tried, in order: what the settings say, as far as the model is offered so."""
    held = offered(spec, on)
    if settings.quantization in held:
        return (Quantization(settings.quantization),)
    if on.name != "cpu" or sizes.parameters < _LARGE:
        return held
    return tuple(sorted(held, key=(_FASTEST if on.fast_bf16 else _FASTEST_WITHOUT_BF16).index))


def offered(spec: ModelSpec, on: Device) -> tuple[Quantization, ...]:
    """Return how a model can be held on a device, most exact first, but what is slow there last.

    A processor that cannot compute in bfloat16 takes eight times as long to read a prompt in it as in float32.
    """
    if on.fast_bf16 or Quantization.BF16 not in spec.quantizations:
        return spec.quantizations
    others = (each for each in spec.quantizations if each not in {Quantization.BF16, Quantization.FP32})
    return (Quantization.FP32, *others, Quantization.BF16)


def refusal(
    spec: ModelSpec, sizes: Architecture, on: Device, settings: ModelSettings, others: Iterable[ModelSpec] = ()
) -> str:
    """Say why a model cannot be loaded on a device, and what could be: it made smaller, or one of ``others``."""
    what = "; ".join(_ways(spec, sizes, on, settings, others)) or "no model of the catalogue for this fits"
    return f"{_too_large(spec, sizes, on, settings)}. What would fit: {what}"


def _too_large(spec: ModelSpec, sizes: Architecture, on: Device, settings: ModelSettings) -> str:
    order = _order(spec, sizes, on, settings)
    context = with_context(spec, settings).context_tokens
    least = context if settings.context_tokens else min(context, LEAST_CONTEXT)
    smallest = min((fit(spec, sizes, each, on.name, on.budget).need for each in order), key=lambda each: each.fixed)
    takes = f"takes {gigabytes(smallest.total(least))} ({gigabytes(smallest.weights)} of it weights)"
    there = f"there are {gigabytes(on.budget)} for models on {on.described}"
    return f"{spec.name} as {smallest.quantization} with {least:,} tokens of context {takes}, and {there}"


def _ways(
    spec: ModelSpec, sizes: Architecture, on: Device, settings: ModelSettings, others: Iterable[ModelSpec]
) -> Iterable[str]:
    """Yield a shorter context, a smaller quantization, another model."""
    free = settings.model_copy(update={"context_tokens": None})
    if settings.context_tokens and (shorter := chosen(spec, on, free, anywhere=True)):
        yield f"it with {shorter.context_tokens:,} tokens of context (models.context_tokens)"
    for each in spec.quantizations:
        smaller = fit(with_context(spec, settings), sizes, each, on.name, on.budget)
        if settings.quantization in spec.quantizations and settings.quantization != each and smaller.fits:
            yield f"it as {each} with {smaller.context_tokens:,} tokens of context (models.quantization)"
    plain = free.model_copy(update={"quantization": "auto"})
    for other in others:
        if other.name != spec.name and (found := chosen(other, on, plain, anywhere=True)):
            yield f"{other.name} as {found.need.quantization} ({gigabytes(found.total)})"
            return
