"""Decides how a server's model fills in code: by an interface of its own, by ``suffix``, or by its special tokens."""

from dataclasses import dataclass

from codetune_core.engines.openai.listing import Kind
from codetune_core.engines.openai.request import Body, completion_body, infill_body
from codetune_core.engines.protocol import Generation, Infill
from codetune_core.errors import EngineUnusable
from codetune_core.models.spec import InfillTokens

_TAKES_SUFFIX = {Kind.OPENAI, Kind.OLLAMA}
"""They fill in by ``suffix``, or refuse where the model cannot; others refuse it always, or append it to the answer."""


@dataclass(frozen=True, slots=True)
class Call:
    """What is posted, and where: a path after the address, or after its root where it begins with ``/``."""

    path: str
    body: Body


def infill_call(
    generation: Generation, infill: Infill, kind: Kind, tokens: InfillTokens | None, *, has_own: bool
) -> Call:
    """Return the call that continues or fills in; ``has_own`` is whether llama.cpp's own interface works there.

    Raises EngineUnusable where nothing does.
    """
    if not infill.suffix:
        return Call("completions", completion_body(generation, kind, infill.prefix))
    if kind is Kind.LLAMA_CPP and has_own:
        return Call("/infill", infill_body(generation, infill.prefix, infill.suffix))
    if kind in _TAKES_SUFFIX:
        return Call("completions", completion_body(generation, kind, infill.prefix, infill.suffix))
    if tokens:
        prompt = f"{tokens.prefix}{infill.prefix}{tokens.suffix}{infill.suffix}{tokens.middle}"
        return Call("completions", completion_body(generation, kind, prompt))
    raise EngineUnusable(
        f"{generation.model.name} is not known to fill in: use a model with FIM tokens such as Qwen2.5-Coder, "
        "or give its `infill` tokens in your model catalogue"
    )
