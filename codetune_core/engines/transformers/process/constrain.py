"""Constrained decoding: which tokens may come next so that an answer fills a JSON Schema, and in time.

The grammar is llguidance's; its numpy masks are used, because its torch helper compiles for seconds at first use.
"""

import json
from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any

import numpy as np
from llguidance import LLMatcher, LLTokenizer
from numpy.typing import NDArray
from pydantic import JsonValue

from codetune_core.engines.transformers.process.closing import Closing, Unclosable, longest_ending
from codetune_core.errors import EngineRefused, InvalidInput

_COMPACT: Any = {"whitespace_flexible": False, "json_allowed_escapes": '"\\bfnrt'}
"""No white space, of which a model could write any amount; no ``\\u``, which can name NUL and half a character."""
_FILLED = r"^\S"
_MARGIN = 16


class Vocabulary:
    """The tokens of a loaded tokenizer, made once for it; ``width`` is how many logits the model gives for each place.

    Takes 20 ms for 4 thousand tokens and up to a second for 150 thousand. Raises EngineRefused for a tokenizer that
    cannot be used so.
    """

    def __init__(self, tokenizer: Any, width: int, end_tokens: Sequence[int]) -> None:
        """``tokenizer`` is a fast one of transformers; ``end_tokens`` are all that end an answer."""
        try:
            # A copy, because what is written down shall neither pad nor cut.
            backend = copy(tokenizer.backend_tokenizer)
            backend.no_padding()
            backend.no_truncation()
            self.tokens = LLTokenizer(backend.to_str(), eos_token=list(end_tokens))
        except (AttributeError, ValueError) as error:
            raise EngineRefused(f"this model's tokenizer cannot be held to a schema: {error}") from error
        self.width = width
        self.closing = Closing(self.tokens)


class Constraint:
    """Holds one answer to a JSON Schema.

    For each token: ``mask()`` before it is drawn (set the logits to minus infinity where it is False, before top-k,
    top-p and temperature), then ``take(token)``, which returns the token that the answer goes on with: the one drawn,
    or the first of those that end the answer within ``max_tokens``, where what was drawn leaves too little room. End
    the answer where ``done``: no end token is needed; it was stopped by its length where ``cut``. Texts that stop an
    answer do not apply to one that is held to a schema. For speculation, ``fitting(draft)`` is how many of the drafted
    tokens may follow; draw and take them one by one, and ``rollback`` what was taken too much.

    One call of each takes 0.1 ms together, more near the end of ``max_tokens``; not for several threads at once.
    """

    def __init__(self, vocabulary: Vocabulary, schema: Mapping[str, JsonValue], max_tokens: int) -> None:
        """Raises EngineRefused for a schema that cannot be held to, InvalidInput where ``max_tokens`` is too few."""
        self._vocabulary = vocabulary
        self._matcher = _matcher(vocabulary, schema)
        self._left = max_tokens
        self._forced: list[int] | None = None
        """What ends the answer, once the model no longer has a say."""
        try:
            self._ending = vocabulary.closing.tokens(self._matcher)
        except Unclosable as error:
            raise EngineRefused(f"this model's tokenizer cannot write what the schema wants: {error}") from error
        if len(self._ending) > max_tokens:
            raise InvalidInput(
                f"the shortest answer that fills the schema has {len(self._ending)} tokens, and max_tokens is "
                f"{max_tokens}: raise it"
            )
        longest = vocabulary.tokens.tokenize_str(longest_ending(schema))
        self._watched = len(longest) + len(longest) // 2 + _MARGIN
        """From so many tokens before the last one on, it is looked at each token whether the answer can end in time."""

    @property
    def done(self) -> bool:
        """Whether the answer is complete."""
        return self._forced == [] or self._matcher.is_stopped()

    @property
    def cut(self) -> bool:
        """Whether it was ended because ``max_tokens`` were used up."""
        return self._forced is not None

    def mask(self) -> NDArray[np.bool_]:
        """Return for each logit whether its token may come next; ``done`` answers allow end tokens only."""
        allowed = np.zeros(self._vocabulary.width, np.bool_)
        if self._forced:
            allowed[self._forced[0]] = True
            return allowed
        bits = np.unpackbits(np.frombuffer(self._matcher.compute_bitmask(), np.uint8), bitorder="little")
        size = min(len(bits), len(allowed))
        allowed[:size] = bits[:size]
        return allowed

    def take(self, token: int) -> int:
        """Go on with a token that the mask allows, or with another that ends the answer in time; return it."""
        if self._forced is None and self._left <= self._watched:
            token = self._watch(token)
        elif self._forced:
            token = self._forced.pop(0)
            self._consume(token)
        else:
            self._consume(token)
        self._left -= 1
        return token

    def fitting(self, draft: Sequence[int]) -> int:
        """Return how many of the first tokens may follow as they are."""
        if self._forced is not None:
            return 0
        return min(self._matcher.validate_tokens(list(draft)), max(0, self._left - self._watched))

    def rollback(self, count: int) -> None:
        """Take back the last tokens."""
        if not self._matcher.rollback(count):
            raise RuntimeError(self._matcher.get_error())
        self._left += count
        self._forced = None
        if self._left <= self._watched:
            self._ending = self._vocabulary.closing.tokens(self._matcher)

    def _watch(self, token: int) -> int:
        """Take a token if the answer can still end in time after it, else begin to end."""
        if self._left == self._watched:
            self._ending = self._vocabulary.closing.tokens(self._matcher)
        self._consume(token)
        still = self._vocabulary.closing.ends(self._matcher, self._ending)
        ending = self._ending if still else self._vocabulary.closing.tokens(self._matcher)
        if len(ending) < self._left:
            self._ending = ending
            return token
        self._matcher.rollback(1)
        first, *self._forced = self._ending
        self._consume(first)
        return first

    def _consume(self, token: int) -> None:
        if not self._matcher.consume_token(token):
            raise ValueError(f"token {token} is not allowed here: {self._matcher.get_error()}")


def _cheaper(node: Any) -> Any:
    """Say the same so that masks take a fourth of the time: one pattern instead of a pattern and a greatest length."""
    if isinstance(node, list):
        return [_cheaper(each) for each in node]
    if not isinstance(node, Mapping):
        return node
    if node.get("pattern") == _FILLED and "maxLength" in node:
        rest = {name: value for name, value in node.items() if name not in {"minLength", "maxLength"}}
        return {**rest, "pattern": rf"^\S[\s\S]{{0,{node['maxLength'] - 1}}}$"}
    return {name: _cheaper(value) for name, value in node.items()}


def _matcher(vocabulary: Vocabulary, schema: Mapping[str, JsonValue]) -> LLMatcher:
    try:
        grammar = LLMatcher.grammar_from_json_schema(json.dumps(_cheaper(schema)), overrides=_COMPACT)
        matcher = LLMatcher(vocabulary.tokens, grammar, log_level=0)
    except ValueError as error:
        raise EngineRefused(f"an answer cannot be held to this schema: {error}") from error
    if matcher.is_error():
        raise EngineRefused(f"an answer cannot be held to this schema: {matcher.get_error()}")
    return matcher
