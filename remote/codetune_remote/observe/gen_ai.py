"""The one place that knows OpenTelemetry's names: of its semantic conventions for generative AI and for HTTP.

Source: opentelemetry.io, "Semantic conventions for generative client AI spans" (status: development) and "HTTP spans".
No prompt and no answer is an attribute: they are the user's code.
"""

from collections.abc import Mapping

from codetune_core.domain.execution import ExecutionRequest, FinishReason
from codetune_core.execution.events import Failed, Finished, UsageCounted

Attributes = Mapping[str, str | int | float | bool | tuple[str, ...]]

GENERATION = "chat"
"""``gen_ai.operation.name`` of a generation."""
_PROVIDERS = {"transformers": "codetune", "huggingface": "hugging_face"}
"""Engines that the conventions have another name for; those of others are their own."""


def request_name(method: str, route: str) -> str:
    """Return the name of a request's span."""
    return f"{method} {route}" if route else method


def request_attributes(method: str, route: str, scheme: str) -> Attributes:
    """Say what was asked: of the address only the route's template."""
    return {"http.request.method": method, "http.route": route, "url.scheme": scheme}


def response_attributes(status: int) -> Attributes:
    """Say what was answered."""
    return {"http.response.status_code": status}


def execution_attributes(request: ExecutionRequest) -> Attributes:
    """Say what is run; names of our own where the conventions have none."""
    return {
        "codetune.execution.id": str(request.id or ""),
        "codetune.task": request.task.value,
        "codetune.prompt": request.prompt,
        "codetune.priority": request.priority.name.lower(),
    }


def generation_name(model: str) -> str:
    """Return the name of a generation's span."""
    return f"{GENERATION} {model}"


def generation_attributes(engine: str, model: str) -> Attributes:
    """Say who is asked."""
    return {
        "gen_ai.operation.name": GENERATION,
        "gen_ai.provider.name": _provider(engine),
        "gen_ai.request.model": model,
    }


def _provider(engine: str) -> str:
    return _PROVIDERS.get(engine, engine)


def usage_attributes(usage: UsageCounted) -> Attributes:
    """Say how much was read and written, and by whom: it may be another engine than the one that was asked first."""
    provider = {"gen_ai.provider.name": _provider(usage.engine)} if usage.engine else {}
    return {
        **provider,
        "gen_ai.usage.input_tokens": usage.prompt_tokens,
        "gen_ai.usage.output_tokens": usage.completion_tokens,
    }


def finished_attributes(finished: Finished, model: str) -> Attributes:
    """Say who answered, and why it ended there."""
    reasons: tuple[FinishReason, ...] = (finished.finish_reason,)
    return {"gen_ai.response.model": finished.model or model, "gen_ai.response.finish_reasons": reasons}


def failed_attributes(failed: Failed) -> Attributes:
    """Say what kind of failure it was; its message may quote the user's code."""
    return {"error.type": failed.kind.value}
