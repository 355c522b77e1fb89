"""What an engine is asked: a version's wording, filled in for a model."""

import asyncio
from dataclasses import replace

from codetune_core.domain.execution import ExecutionRequest, ModelIdentity
from codetune_core.engines.protocol import Generation
from codetune_core.prompts.fit import RenderTarget
from codetune_core.prompts.library import Choice
from codetune_core.prompts.render import Rendered, render
from codetune_core.prompts.schemas.registry import bounded_json_schema

_LONG = 8_000
"""Characters: templates and tokenizers take their time over a long file."""


async def rendered(choice: Choice, request: ExecutionRequest, target: RenderTarget) -> Rendered:
    """Render, in a thread where that takes longer than to get there."""
    size = sum(len(value) if isinstance(value, str) else _LONG for value in request.variables.values())
    wording = choice.version.wording
    if size < _LONG:
        return render(wording, request.variables, target)
    return await asyncio.to_thread(render, wording, request.variables, target)


def generation_of(choice: Choice, request: ExecutionRequest, model: ModelIdentity, rendered: Rendered) -> Generation:
    """Return what the engine is asked for."""
    wording = choice.version.wording
    wanted = wording.decoding.output_schema
    asked = Generation(model, rendered.messages, wording.temperature, wording.max_tokens, wording.decoding)
    return replace(
        asked,
        sample_index=request.sample_index,
        output_schema=bounded_json_schema(wanted) if wanted else None,
        priority=request.priority,
    )
