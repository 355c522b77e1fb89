"""A memory plan for people: a line for each model, quantization or combination."""

from rich.text import Text

from codetune_core.cli.formats.visible import visible
from codetune_core.cli.prompts.as_text import console, table
from codetune_core.models.memory import Fit, cross_bytes_per_token, gigabytes, kv_bytes_per_token
from codetune_core.models.plans import ModelPlan, Plan
from codetune_core.models.together import Together

_KIB = 1024


def write(plan: Plan) -> None:
    """Print a plan as tables."""
    out = console()
    out.print(f"{gigabytes(plan.on.budget)} for models on {plan.on.described}")
    out.print()
    if plan.combinations:
        _write_together(plan)
    elif plan.whole:
        _write_catalogue(plan)
    else:
        _write_model(plan.models[0])


def _write_catalogue(plan: Plan) -> None:
    made = table("model", "fits as", "takes", "context", "weights", right=("takes", "context", "weights"))
    for each in plan.models:
        made.add_row(Text(visible(each.spec.name), "bold"), *_chosen(each))
    console().print(made)


def _chosen(plan: ModelPlan) -> tuple[str, ...]:
    if not plan.fits:
        return "sizes are known once it is pulled", "", "", ""
    if not plan.chosen:
        smallest = min(plan.fits, key=lambda fit: fit.need.fixed)
        return "does not fit", "", "", f"{gigabytes(smallest.need.weights)} as {smallest.need.quantization}"
    fit = plan.chosen
    return fit.need.quantization, gigabytes(fit.total), f"{fit.context_tokens:,}", gigabytes(fit.need.weights)


def _write_model(plan: ModelPlan) -> None:
    out, sizes = console(), plan.spec.architecture
    if sizes is None:
        out.print(f"The sizes of {visible(plan.spec.name)} are not known before it is pulled.")
        return
    out.print(f"{visible(plan.spec.name)}: {sizes.parameters:,} parameters, {_tokens(plan)}")
    out.print()
    columns = ("as", "weights", "other", "context", "at once", "takes", "fits")
    made = table(*columns, right=columns[1:-1])
    for fit in plan.fits:
        made.add_row(*_row(fit, _taken(plan, fit)))
    out.print(made)


def _taken(plan: ModelPlan, fit: Fit) -> str:
    taken = plan.chosen
    if not taken or taken.need != fit.need:
        return "yes" if fit.fits else "no"
    return f"yes, and is taken with {taken.context_tokens:,} tokens"


def _tokens(plan: ModelPlan) -> str:
    sizes = plan.spec.architecture
    if sizes is None or not kv_bytes_per_token(sizes):
        return f"up to {plan.spec.context_tokens:,} tokens"
    cross = cross_bytes_per_token(sizes)
    more = f" and {cross / _KIB:,.0f} KiB more for the prompt's" if cross else ""
    return f"{kv_bytes_per_token(sizes) / _KIB:,.0f} KiB a token{more}, up to {plan.spec.context_tokens:,} tokens"


def _row(fit: Fit, verdict: str) -> tuple[str, ...]:
    fixed = (fit.need.quantization, gigabytes(fit.need.weights), gigabytes(fit.need.overhead))
    if not fit.fits:
        return *fixed, "", "", f"over {gigabytes(fit.need.fixed)}", verdict
    return *fixed, f"{fit.context_tokens:,}", str(fit.contexts or ""), gigabytes(fit.total), verdict


def _write_together(plan: Plan) -> None:
    names = [visible(each.spec.name) for each in plan.models]
    made = table(*names, "takes", "context of each", "at once", right=("takes",))
    for each in plan.combinations:
        made.add_row(*(need.quantization for need in each.needs), gigabytes(each.total), *_verdict(each))
    console().print(made)


def _verdict(combination: Together) -> tuple[str, str]:
    if not combination.fits:
        return "does not fit", ""
    contexts = " + ".join(f"{context:,}" for context in combination.contexts)
    return contexts, str(combination.at_once) if combination.at_once else "1, shortened"
