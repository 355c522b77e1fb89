"""A Generation as the body of a request to the Messages interface."""

from typing import Any

from codetune_core.engines.protocol import Generation

Body = dict[str, Any]
ANSWER_TOOL = "answer"
"""A tool that the model is made to call: what it is called with fills the schema."""


def message_body(generation: Generation) -> Body:
    """Return the body for ``POST /v1/messages``.

    The system prompt is marked as the end of what is worth keeping between requests. A temperature above 1, which
    others know, is 1 here.
    """
    decoding = generation.decoding
    body: Body = {
        "model": generation.model.name,
        "max_tokens": generation.max_tokens,
        "messages": [
            {"role": message.role, "content": message.content}
            for message in generation.messages
            if message.role != "system"
        ],
        "temperature": min(generation.temperature, 1),
        "stream": True,
        "top_p": decoding.top_p,
        "top_k": decoding.top_k,
        "stop_sequences": [stop for stop in decoding.stop if stop.strip()] or None,
        "system": _system(generation),
        **_constraint(generation),
    }
    return {name: value for name, value in body.items() if value is not None}


def _system(generation: Generation) -> list[Body] | None:
    text = "\n\n".join(message.content for message in generation.messages if message.role == "system")
    return [{"type": "text", "text": text, "cache_control": {"type": "ephemeral"}}] if text else None


def is_constrained(generation: Generation) -> bool:
    """Whether a tool holds the answer to its schema: what a tool is called with is an object, and no choice of some."""
    return generation.output_schema is not None and generation.output_schema.get("type") == "object"


def _constraint(generation: Generation) -> Body:
    if not is_constrained(generation):
        return {}
    tool = {"name": ANSWER_TOOL, "description": "Give the answer.", "input_schema": generation.output_schema}
    return {"tools": [tool], "tool_choice": {"type": "tool", "name": ANSWER_TOOL}}
