"""Remembers which fields of a request a model's server does not take, so that they are not sent again."""

import logging
import re
from typing import Any

from codetune_core.http.refusals import BadStatus

_LOG = logging.getLogger(__name__)

_REPLACED = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}
"""Either is the length of the answer: OpenAI's newer models take only the second, older servers only the first."""
_DISPENSABLE = {
    "temperature", "top_p", "seed", "logprobs", "stream_options",
    "top_k", "min_p", "repetition_penalty", "repeat_penalty", "encoding_format",
}  # fmt: skip
"""An answer without them is still an answer to what was asked."""
_NOT_TAKEN = re.compile(
    r"unsupported|not supported|does not support|doesn't support|unexpected|unknown|unrecognized|extra|not permitted"
    r"|not allowed|deprecated|cannot both",
    re.IGNORECASE,
)


class RefusedFields:
    """Per model: the names of fields that its server answered with an error, and what replaces them."""

    def __init__(self) -> None:
        self._refused: dict[str, set[str]] = {}

    def without(self, model: str, body: dict[str, Any]) -> dict[str, Any]:
        """Return a body with nothing that is known to be refused."""
        refused = self._refused.get(model, set())
        kept = {name: value for name, value in body.items() if name not in refused}
        for name in refused & body.keys() & _REPLACED.keys():
            if _REPLACED[name] not in refused:
                kept[_REPLACED[name]] = body[name]
        return kept

    def learn(self, model: str, body: dict[str, Any], refusal: BadStatus) -> bool:
        """Note which fields of a body a refusal is about; return whether there are any, so that it can be repeated."""
        if refusal.status not in {400, 422}:
            return False
        said = f"{refusal.code} {refusal.message}"
        if not _NOT_TAKEN.search(said):
            return False
        known = self._refused.setdefault(model, set())
        named = {name for name in (_DISPENSABLE | _REPLACED.keys()) & body.keys() - known if _names(refusal, name)}
        if refusal.param in named:
            named = {refusal.param}
        if len(named) > 1 and "both" in refusal.message:  # as Anthropic says of temperature and top_p
            named.discard("temperature")
        named = {name for name in named if _REPLACED.get(name) not in known}
        known |= named
        if named:
            _LOG.warning("%s does not take %s: it is not sent again", model, ", ".join(sorted(named)))
        return bool(named)


def _names(refusal: BadStatus, field: str) -> bool:
    return refusal.param == field or re.search(rf"(?<!\w){field}(?!\w)", refusal.message) is not None
