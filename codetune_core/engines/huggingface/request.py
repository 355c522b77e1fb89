"""The parameters of huggingface_hub's calls for a generation."""

from typing import Any

from codetune_core.domain.text import encodable
from codetune_core.engines.protocol import Generation
from codetune_core.models.spec import InfillTokens


def chat_parameters(generation: Generation, name: str, *, constrain: bool, endpoint: bool) -> dict[str, Any]:
    """Return those of ``chat_completion``; ``name`` is who is asked."""
    decoding = generation.decoding
    extra = _given(top_k=decoding.top_k, min_p=decoding.min_p, repetition_penalty=decoding.repetition_penalty)
    schema = generation.output_schema if constrain else None
    if schema and endpoint:
        # text-generation-inference takes the schema as huggingface_hub sends it, vLLM as this.
        extra["structured_outputs"] = {"json": schema}
    return {
        "messages": [{"role": message.role, "content": encodable(message.content)} for message in generation.messages],
        "model": name,
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": generation.max_tokens,
        "temperature": generation.temperature,
        "top_p": decoding.top_p,
        "seed": _seed(generation),
        "stop": list(map(encodable, decoding.stop)) or None,
        "logprobs": True if generation.logprobs else None,
        "response_format": _response_format(schema) if schema else None,
        "extra_body": extra or None,
    }


def text_parameters(generation: Generation, prompt: str) -> dict[str, Any]:
    """Return those of ``text_generation``; its server refuses a temperature of 0 and a ``top_p`` of 1."""
    decoding = generation.decoding
    greedy = generation.temperature == 0
    return {
        "prompt": encodable(prompt),
        "stream": True,
        "details": True,
        "return_full_text": False,
        "max_new_tokens": generation.max_tokens,
        "do_sample": not greedy,
        "temperature": None if greedy else generation.temperature,
        "top_p": None if greedy or decoding.top_p == 1 else decoding.top_p,
        "top_k": None if greedy else decoding.top_k,
        "repetition_penalty": decoding.repetition_penalty,
        "seed": _seed(generation),
        "stop": list(map(encodable, decoding.stop)) or None,
    }


def infill_prompt(generation: Generation, tokens: InfillTokens | None) -> str | None:
    """Return the text that makes a model fill in; None where it is not known how it marks the place."""
    infill = generation.infill
    if infill is None or not infill.suffix:
        return infill.prefix if infill else None
    if tokens is None:
        return None
    return f"{tokens.prefix}{infill.prefix}{tokens.suffix}{infill.suffix}{tokens.middle}"


def _response_format(schema: Any) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": dict(schema), "strict": True}}


def _seed(generation: Generation) -> int | None:
    """Each sample has its own, so that several answers to one question differ."""
    seed = generation.decoding.seed
    return None if seed is None else seed + generation.sample_index


def _given(**parameters: Any) -> dict[str, Any]:
    return {name: value for name, value in parameters.items() if value is not None}
