"""A memory plan as JSON: a contract with scripts (docs/models.md), to whose objects keys are only added."""

from typing import Any

from codetune_core.cli.prompts.as_json import write_json
from codetune_core.models.memory import Fit, Need, cross_bytes_per_token, kv_bytes_per_token
from codetune_core.models.plans import ModelPlan, Plan
from codetune_core.models.together import Together


def write(plan: Plan) -> None:
    """Print a plan; all sizes in bytes."""
    write_json(
        {
            "device": {"name": plan.on.name, "description": plan.on.described, "bytes_for_models": plan.on.budget},
            "models": [_model(each) for each in plan.models],
            "together": [_together(each, plan) for each in plan.combinations],
        }
    )


def _model(plan: ModelPlan) -> dict[str, Any]:
    return {
        "name": plan.spec.name,
        "context_tokens": plan.spec.context_tokens,
        "parameters": plan.spec.architecture.parameters if plan.spec.architecture else None,
        "chosen": _chosen(plan.chosen) if plan.chosen else None,
        "quantizations": [_fit(plan, each) for each in plan.fits],
    }


def _chosen(fit: Fit) -> dict[str, Any]:
    return {"quantization": fit.need.quantization, "context_tokens": fit.context_tokens, "bytes": fit.total}


def _fit(plan: ModelPlan, fit: Fit) -> dict[str, Any]:
    sizes = plan.spec.architecture
    return {
        **_need(fit.need),
        "kv_bytes_per_token": kv_bytes_per_token(sizes, fit.need.quantization) if sizes else None,
        "cross_bytes_per_token": cross_bytes_per_token(sizes, fit.need.quantization) if sizes else None,
        "fits": fit.fits,
        "context_tokens": fit.context_tokens,
        "contexts_at_once": fit.contexts,
        "bytes": fit.total if fit.fits else None,
    }


def _need(need: Need) -> dict[str, Any]:
    return {"quantization": need.quantization, "weights_bytes": need.weights, "overhead_bytes": need.overhead}


def _together(combination: Together, plan: Plan) -> dict[str, Any]:
    each = zip(plan.models, combination.needs, combination.contexts, strict=True)
    return {
        "models": [
            {"name": model.spec.name, "quantization": need.quantization, "context_tokens": context}
            for model, need, context in each
        ],
        "fits": combination.fits,
        "contexts_at_once": combination.at_once,
        "bytes": combination.total,
    }
