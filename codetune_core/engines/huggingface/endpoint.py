"""What a dedicated Endpoint runs, as its server tells.

``GET /info`` of text-generation-inference and text-embeddings-inference: ``model_id``, ``model_sha``,
``max_total_tokens`` or ``max_input_length``; ``GET /v1/models`` of vLLM and others: ``{"data": [{"id",
"max_model_len"}]}``.
"""

from dataclasses import dataclass, replace
from typing import Any

from codetune_core.domain.execution import ModelIdentity
from codetune_core.engines.huggingface.session import Session
from codetune_core.http.refusals import BadStatus

_CONTEXT_UNKNOWN = 4096
_NO_SUCH_PAGE = {404, 405}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A served model."""

    name: str
    context_tokens: int
    revision: str = ""
    generates_text: bool = False
    address: str = ""

    def identity(self, asked: str) -> ModelIdentity:
        """Describe it as an engine's model, under the name that it is asked for."""
        return ModelIdentity(asked or self.name, "huggingface", self.context_tokens, self.revision, source=self.address)


async def describe(session: Session) -> Endpoint:
    """Ask an Endpoint what it runs; raises an ExecutionError."""
    if (info := await _info(session)).get("model_id"):
        total = info.get("max_total_tokens")
        return Endpoint(
            str(info["model_id"]),
            int(total or info.get("max_input_length") or _CONTEXT_UNKNOWN),
            str(info.get("model_sha") or ""),
            generates_text=total is not None,
            address=session.address.base_url,
        )
    answer = await session.json("GET", f"{session.address.base_url}/models")
    return replace(_first(answer), address=session.address.base_url)


async def _info(session: Session) -> dict[str, Any]:
    """Return what it says of itself; nothing where it has no page for that."""
    deadline = session.first_deadline
    async with session.client("", session.address.root) as client:
        try:
            info = await session.started(client.get_endpoint_info, deadline)
        except BadStatus as refusal:
            if refusal.status not in _NO_SUCH_PAGE:
                raise
            return {}
        return info if isinstance(info, dict) else {}


def _first(answer: Any) -> Endpoint:
    data = answer.get("data") if isinstance(answer, dict) else None
    first = data[0] if isinstance(data, list) and data and isinstance(data[0], dict) else {}
    return Endpoint(str(first.get("id") or "the Endpoint's"), int(first.get("max_model_len") or _CONTEXT_UNKNOWN))
