"""Finds the OpenAI-compatible servers that answer on their usual ports of this machine."""

import asyncio
from dataclasses import dataclass

from pydantic import BaseModel, Field, ValidationError

from codetune_core.domain.execution import Role
from codetune_core.engines.socket_owner import is_ours

USUAL_PORTS = {"Ollama": 11434, "llama.cpp": 8080, "vLLM": 8000, "LM Studio": 1234}
"""Program -> port that it listens on unless told otherwise."""
_HOST = "127.0.0.1"
_CONNECT_SECONDS = 0.5
_ANSWER_SECONDS = 3
_MOST_BYTES = 1_000_000
_EMBEDS = ("embed", "minilm", "bge-m3", "bge-large", "bge-small", "bge-base")
_NO_TEXT = (*_EMBEDS, "rerank", "whisper")
"""Parts of names of models that make vectors, and of all that write nothing."""


@dataclass(frozen=True, slots=True)
class LocalServer:
    """A server that answered: the program whose port it is, and its models' names, in its order."""

    program: str
    port: int
    models: tuple[str, ...]

    @property
    def base_url(self) -> str:
        """Where its interface begins."""
        return f"http://{_HOST}:{self.port}/v1"

    def default_model(self, role: Role) -> str:
        """Return its first model for a role, by their names; an empty text where it has none."""
        if role is Role.RERANK:  # the interface has no such question
            return ""
        embeds = role is Role.EMBEDDING
        fitting = (name for name in self.models if _named(name, _EMBEDS if embeds else _NO_TEXT) is embeds)
        return next(fitting, "")


def _named(name: str, parts: tuple[str, ...]) -> bool:
    return any(part in name.lower() for part in parts)


class _Model(BaseModel):
    id: str = Field(min_length=1)


class _Models(BaseModel):
    """What ``GET /v1/models`` answers, as far as it matters."""

    data: list[_Model]


@dataclass(frozen=True, slots=True)
class Probed:
    """What the ports said: the servers to be used, and why others are not."""

    servers: tuple[LocalServer, ...] = ()
    refused: tuple[str, ...] = ()


async def probe(ports: dict[str, int] | None = None) -> Probed:
    """Ask all ports at once; those where nobody listens cost a refused connection."""
    usual = USUAL_PORTS if ports is None else ports
    found = await asyncio.gather(*(_ask(program, port) for program, port in usual.items()))
    servers = tuple(server for server in found if isinstance(server, LocalServer))
    return Probed(servers, tuple(text for text in found if isinstance(text, str)))


async def _ask(program: str, port: int) -> LocalServer | str | None:
    """Return the server, why it is not used, or None where nobody listens."""
    if not await _listens(port):
        return None
    where = f"what listens on port {port} (as {program} would)"
    if not is_ours(port):
        return f"{where} is not known to be yours: to use it all the same, set engine.name and engine.base_url"
    names = await _models(port)
    if names is None:
        return f"{where} does not answer GET /v1/models as an OpenAI-compatible server does"
    if not names:
        return f"{where} has no model"
    return LocalServer(program, port, names)


async def _listens(port: int) -> bool:
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            _, writer = await asyncio.open_connection(_HOST, port)
            writer.close()
            await writer.wait_closed()
    except (OSError, TimeoutError):
        return False
    return True


async def _models(port: int) -> tuple[str, ...] | None:
    """Return the names that ``/v1/models`` lists, or None where it answers anything else."""
    import aiohttp  # noqa: PLC0415 - only where somebody listens

    timeout = aiohttp.ClientTimeout(total=_ANSWER_SECONDS)
    url, body = f"http://{_HOST}:{port}/v1/models", b""
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url, allow_redirects=False) as answer:
            async for piece in answer.content.iter_any():
                body += piece
                if len(body) > _MOST_BYTES:
                    return None
            return tuple(model.id for model in _Models.model_validate_json(body).data) if answer.ok else None
    except (aiohttp.ClientError, TimeoutError, ValidationError):
        return None
