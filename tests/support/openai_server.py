"""OpenAI's interface as the servers in use speak it: what they list, stream, refuse and ignore."""

import asyncio
import json

from aiohttp import web
from http_peer import Peer, blocks, frame, told

CONTEXT_ERRORS = {
    "OpenAI": (
        400,
        {
            "error": {
                "message": "This model's maximum context length is 4097 tokens. However, your messages resulted in 6988"
                " tokens. Please reduce the length of the messages.",
                "type": "invalid_request_error",
                "param": "messages",
                "code": "context_length_exceeded",
            }
        },
    ),
    "vLLM before 0.10": (
        400,
        {
            "object": "error",
            "message": "This model's maximum context length is 4097 tokens. However, you requested 8203 tokens (7691 in"
            " the messages, 512 in the completion). Please reduce the length of the messages or completion.",
            "type": "BadRequestError",
            "param": None,
            "code": 400,
        },
    ),
    "vLLM": (
        400,
        {
            "error": {
                "message": "You passed 5015 input tokens and requested 10 output tokens. However, the model's context"
                " length is only 4097 tokens, resulting in a maximum input length of 4087 tokens.",
                "type": "BadRequestError",
                "param": "input_tokens",
                "code": 400,
            }
        },
    ),
    "llama.cpp": (
        400,
        {
            "error": {
                "code": 400,
                "message": "the request exceeds the available context size (4097 tokens), try increasing it",
                "type": "exceed_context_size_error",
                "n_prompt_tokens": 5000,
                "n_ctx": 4097,
            }
        },
    ),
    "Ollama": (400, {"error": {"message": "input length exceeds maximum context length", "type": "api_error"}}),
    "SGLang": (
        400,
        {
            "object": "error",
            "message": "The input (5000 tokens) is longer than the model's context length (4097 tokens)",
        },
    ),
    "TGI": (422, {"error": "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4097"}),
    "a proxy": (413, {}),
}


def card(name: str = "coder", **more: object) -> dict:
    return {"id": name, "object": "model", "created": 1700000000, **more}


def models(*cards: dict):
    return told({"object": "list", "data": list(cards)})


def delta(text: str | None = None, finish: str | None = None, **more: object) -> bytes:
    """A frame of a streamed chat."""
    new = {**({} if text is None else {"content": text}), **more}
    choice = {"index": 0, "delta": new, "finish_reason": finish}
    return frame({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "choices": [choice]})


def usage(prompt: int, completion: int, cached: int | None = None) -> bytes:
    details = {} if cached is None else {"prompt_tokens_details": {"cached_tokens": cached}}
    counted = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion, **details}
    return frame({"id": "chatcmpl-1", "object": "chat.completion.chunk", "choices": [], "usage": counted})


DONE = frame("[DONE]")


def chat(*tokens: str, finish: str = "stop", counted: bytes | None = None) -> tuple[bytes, ...]:
    """The frames of an answer."""
    start = delta("", role="assistant")
    return (start, *map(delta, tokens), delta(finish=finish), *([counted] if counted else []), DONE)


def error(status: int, message: str, code: str = "", param: str = "", headers: dict[str, str] | None = None):
    named = {"message": message, "type": "invalid_request_error", "param": param or None, "code": code or None}
    return told({"error": named}, status, headers)


def server(*cards: dict, answer=None) -> Peer:
    """A server with these models, and one answer to every chat."""
    return Peer(
        {
            "/v1/models": models(*(cards or [card()])),
            "/v1/chat/completions": answer or blocks(*chat("Hello", " there", counted=usage(5, 2))),
        }
    )


def constrained(*honoured: str, otherwise: str = "ignores"):
    """A chat that holds answers to a schema in the named fields; of others it ``ignores`` or ``refuses`` the rest."""
    fields = {
        "response_format": lambda value: value["json_schema"]["schema"],
        "structured_outputs": lambda value: value["json"],
        "guided_json": lambda value: value,
        "json_schema": lambda value: value,
    }

    async def answer(request: web.Request, body: dict):
        written = "Good morning! How can I help?"
        for field, schema in fields.items():
            if field in body and field in honoured:
                written = json.dumps(_instance(schema(body[field])))
            elif field in body and otherwise == "refuses":
                return await error(400, f"Unrecognized request argument supplied: {field}")(request, body)
        tokens = [written[start : start + 4] for start in range(0, len(written), 4)]
        return await blocks(*chat(*tokens))(request, body)

    return answer


def _instance(schema: dict) -> object:
    if "enum" in schema:
        return schema["enum"][0]
    if schema["type"] == "object":
        return {name: _instance(inner) for name, inner in schema["properties"].items()}
    return {"string": "x", "integer": 1, "array": []}[schema["type"]]


def strict(*known: str):
    """A chat that refuses, by its name, a field that is not known, as OpenAI does."""

    async def answer(request: web.Request, body: dict):
        for field in body:
            if field not in known:
                message = f"Unsupported parameter: '{field}' is not supported with this model."
                return await error(400, message, "unsupported_parameter", field)(request, body)
        return await blocks(*chat("ok"))(request, body)

    return answer


def gated(*parts: bytes):
    """A stream of blocks, each of which waits for its event in the list that is returned with it."""
    gates = [asyncio.Event() for _ in parts]

    async def answer(request: web.Request, body: dict):
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for part, gate in zip(parts, gates, strict=True):
            await gate.wait()
            await response.write(part)
        return response

    return answer, gates
