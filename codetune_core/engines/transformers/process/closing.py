"""How a constrained answer can be ended soon: the few tokens that complete it, wherever it stands."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from llguidance import LLMatcher, LLTokenizer
from numpy.typing import NDArray
from pydantic import JsonValue

from codetune_core.errors import EngineRefused

_STRUCTURE = '}]".'
_IN_STRING = '".'
"""What is taken first of what is allowed; the rest follows in the order of bytes."""
_MAX_TOKENS = 4096
_PARTIAL = "." * 12
"""Room for what completes an escape or a character, and for a short text."""
_PATTERN = "." * 64
_DEEPEST = 32


class Unclosable(Exception):  # noqa: N818 - what the state is
    """Nothing that the tokenizer knows leads to an end."""


class Closing:
    """Ends answers with the tokens of one tokenizer."""

    def __init__(self, tokens: LLTokenizer) -> None:
        known = _single_bytes(tokens)
        self._brace, self._bracket = known.get(ord("}")), known.get(ord("]"))
        self._structure, self._in_string = _ordered(known, _STRUCTURE), _ordered(known, _IN_STRING)

    def tokens(self, matcher: LLMatcher) -> list[int]:
        """Return tokens that complete an answer, near the fewest; the matcher stays where it is.

        Raises Unclosable where there are none.
        """
        matcher, ending = matcher.deep_copy(), list[int]()
        while not matcher.is_accepting():
            token = self._next(np.unpackbits(np.frombuffer(matcher.compute_bitmask(), np.uint8), bitorder="little"))
            if len(ending) == _MAX_TOKENS or not matcher.consume_token(token):
                raise Unclosable(matcher.get_error() or f"it takes more than {_MAX_TOKENS} tokens")
            ending.append(token)
        return ending

    @staticmethod
    def ends(matcher: LLMatcher, ending: list[int]) -> bool:
        """Return whether these tokens complete an answer."""
        matcher = matcher.deep_copy()
        return matcher.consume_tokens(ending) and matcher.is_accepting()

    def _next(self, allowed: NDArray[np.uint8]) -> int:
        inside = allowed[self._brace] and allowed[self._bracket] if self._brace and self._bracket else False
        preferred = self._in_string if inside else self._structure
        found = allowed[preferred]
        return int(preferred[found.argmax()] if found.any() else allowed.argmax())


def _single_bytes(tokens: LLTokenizer) -> dict[int, int]:
    """Byte -> the token that is just this byte."""
    known: dict[int, int] = {}
    for token in range(tokens.vocab_size):
        if not tokens.is_special_token(token) and len(text := tokens.decode_bytes([token])) == 1:
            known.setdefault(text[0], token)
    return known


def _ordered(known: Mapping[int, int], first: str) -> NDArray[np.intp]:
    wanted = [ord(char) for char in first]
    order = [*wanted, *(byte for byte in range(256) if byte not in wanted)]
    return np.array([known[byte] for byte in order if byte in known], np.intp)


def longest_ending(schema: Mapping[str, JsonValue]) -> str:
    """Return a text as long as the longest that may be needed to end an answer, wherever in it that begins.

    That is an answer with each property once and each list as short as it may be. Raises EngineRefused where a schema
    holds itself, so that there is no such text.
    """
    return _longest(schema, schema, 0)


def _longest(node: Any, root: Mapping[str, JsonValue], depth: int) -> str:
    if depth > _DEEPEST:
        raise EngineRefused("an answer cannot be held to a schema that holds itself: nothing bounds its length")
    if not isinstance(node, Mapping):
        return ""
    if "$ref" in node:
        return _longest(_referred(node["$ref"], root), root, depth + 1)
    for several in ("anyOf", "oneOf"):
        if several in node:
            return max((_longest(each, root, depth + 1) for each in node[several]), key=len)
    if "const" in node or "enum" in node:
        return max((json.dumps(value) for value in node.get("enum", [node.get("const")])), key=len)
    return _longest_of_type(node, root, depth + 1)


def _longest_of_type(node: Mapping[str, Any], root: Mapping[str, JsonValue], depth: int) -> str:
    match node.get("type"):
        case "object":
            parts = (f"{json.dumps(name)}:{_longest(each, root, depth)}" for name, each in node["properties"].items())
            return "{" + ",".join(parts) + "}"
        case "array":
            return "[" + ",".join([_longest(node.get("items"), root, depth)] * max(1, node.get("minItems", 0))) + "]"
        case "string":
            return json.dumps((_PATTERN if "pattern" in node else _PARTIAL) + "." * node.get("minLength", 0))
        case "integer" | "number":
            return "-" + "0" * 24
    return "false"


def _referred(reference: str, root: Mapping[str, JsonValue]) -> Any:
    node: Any = root
    for name in reference.removeprefix("#/").split("/"):
        node = node[name]
    return node
