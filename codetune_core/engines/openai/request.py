"""A Generation as the body of a request, in what a server of a kind takes."""

from typing import Any

from codetune_core.engines.openai.listing import Kind
from codetune_core.engines.protocol import Generation

Body = dict[str, Any]

_SAMPLING = {"top_k": "top_k", "min_p": "min_p", "repetition_penalty": "repetition_penalty"}
_EXTRAS: dict[Kind, dict[str, str]] = {
    Kind.VLLM: _SAMPLING,
    Kind.SGLANG: _SAMPLING,
    Kind.LLAMA_CPP: {**_SAMPLING, "repetition_penalty": "repeat_penalty"},
    Kind.LM_STUDIO: {"top_k": "top_k", "repetition_penalty": "repeat_penalty"},
}
"""What a kind of server takes beyond OpenAI's fields, by its name there; others refuse what they do not know."""


def chat_body(generation: Generation, kind: Kind) -> Body:
    """Return the body for ``/chat/completions``."""
    messages = [{"role": message.role, "content": message.content} for message in generation.messages]
    return {"messages": messages, **_common(generation, kind), **({"logprobs": True} if generation.logprobs else {})}


def completion_body(generation: Generation, kind: Kind, prompt: str, suffix: str = "") -> Body:
    """Return the body for ``/completions``, which continues a prompt as it is."""
    body = {"prompt": prompt, **_common(generation, kind), **({"logprobs": 1} if generation.logprobs else {})}
    return {**body, "suffix": suffix} if suffix else body


def infill_body(generation: Generation, prefix: str, suffix: str) -> Body:
    """Return the body for llama.cpp's own ``/infill``."""
    body = _common(generation, Kind.LLAMA_CPP)
    del body["model"], body["stream_options"], body["max_tokens"]
    return {"input_prefix": prefix, "input_suffix": suffix, "n_predict": generation.max_tokens, **body}


def _common(generation: Generation, kind: Kind) -> Body:
    decoding = generation.decoding
    seed = decoding.seed
    length = "max_completion_tokens" if kind is Kind.OPENAI and generation.infill is None else "max_tokens"
    body: Body = {
        "model": generation.model.name,
        "temperature": generation.temperature,
        length: generation.max_tokens,
        "stream": True,
        "stream_options": {"include_usage": True},
        "top_p": decoding.top_p,
        # Several answers to one question differ, and each can be had again.
        "seed": None if seed is None else seed + generation.sample_index,
        "stop": list(decoding.stop) or None,
    }
    for field, name in _EXTRAS.get(kind, {}).items():
        body[name] = getattr(decoding, field)
    return {name: value for name, value in body.items() if value is not None}
