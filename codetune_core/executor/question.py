"""What engines are asked: a version's wording, filled in for a model, with the key of the answer."""

import asyncio
import marshal
from collections import OrderedDict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from pydantic import JsonValue

from codetune_core.domain.execution import ExecutionRequest, ModelIdentity
from codetune_core.engines.protocol import Engine, Generation
from codetune_core.execution.cache_key import Fingerprint, fingerprint
from codetune_core.executor.infill import Infilling, infilling
from codetune_core.prompts.fit import RenderTarget
from codetune_core.prompts.library import Choice
from codetune_core.prompts.render import Rendered, render
from codetune_core.prompts.schemas.registry import bounded_json_schema

_LONG = 8_000
"""Characters: templates and tokenizers take their time over a long file."""
_MOST_KNOWN = 256
_KNOWN_SECONDS = 120
"""As long as the service keeps the events of an execution."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What an engine is asked; ``text`` is all of it for people, ``recorded`` what is recorded of the key."""

    generation: Generation
    rendered: Rendered
    fingerprint: Fingerprint
    text: str
    recorded: Mapping[str, JsonValue]


class Questions:
    """Makes what an engine is asked, and knows for two minutes what was asked.

    A version never changes, and neither does what comes of the same values for the same model; it is known only where
    all of it fitted, so that no better way to count tokens would have cut less of it.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: OrderedDict[Hashable, Asked] = OrderedDict()
        self._forgetting: asyncio.TimerHandle | None = None

    async def asked(
        self, choice: Choice, request: ExecutionRequest, model: ModelIdentity, *, as_infill: bool, may_know: bool
    ) -> Asked:
        """Return what is asked: ``as_infill`` of a model that fills in, ``may_know`` where the answer is remembered.

        Raises what ``render`` and ``fingerprint`` raise.
        """
        same = _same(choice, request, model) if may_know and not as_infill else None
        if (known := self._known.get(same)) is not None:
            self._known.move_to_end(same)
            return known
        target = RenderTarget(model.context_tokens, cache(partial(self._engine.count_tokens, model)))
        rendered = await _rendered(choice, request, target, as_infill=as_infill)
        generation = _generation(choice, request, model, rendered)
        key = fingerprint(generation, tenant=request.tenant)
        asked = Asked(generation, rendered, key, rendered.text, key.recorded())
        if same is not None and not rendered.cut:
            self._know(same, asked)
        return asked

    def _know(self, same: Hashable, asked: Asked) -> None:
        self._known[same] = asked
        if len(self._known) > _MOST_KNOWN:
            self._known.popitem(last=False)
        if self._forgetting is None:
            self._forgetting = asyncio.get_running_loop().call_later(_KNOWN_SECONDS, self._forget)

    def _forget(self) -> None:
        self._forgetting = None
        self._known.clear()


def _same(choice: Choice, request: ExecutionRequest, model: ModelIdentity) -> Hashable | None:
    """Return what decides what is asked; None where values are long, or no plain JSON."""
    try:
        # Tells 1, 1.0 and True apart, and takes no subclass of them.
        values = marshal.dumps(dict[str, Any](request.variables), 2)
    except ValueError:
        return None
    if len(values) > _LONG:
        return None
    return choice.version.id, values, model, request.tenant, request.sample_index, request.priority


async def _rendered(choice: Choice, request: ExecutionRequest, target: RenderTarget, *, as_infill: bool) -> Rendered:
    """Render, in a thread where that takes longer than to get there."""
    size = sum(len(value) if isinstance(value, str) else _LONG for value in request.variables.values())
    wording = choice.version.wording
    if as_infill:
        return await asyncio.to_thread(infilling, wording, request, target)
    if size < _LONG:
        return render(wording, request.variables, target)
    return await asyncio.to_thread(render, wording, request.variables, target)


def _generation(choice: Choice, request: ExecutionRequest, model: ModelIdentity, rendered: Rendered) -> Generation:
    wording = choice.version.wording
    wanted = wording.decoding.output_schema
    return Generation(
        model,
        rendered.messages,
        wording.temperature,
        wording.max_tokens,
        wording.decoding,
        request.sample_index,
        infill=rendered.infill if isinstance(rendered, Infilling) else None,
        output_schema=bounded_json_schema(wanted) if wanted else None,
        priority=request.priority,
    )
