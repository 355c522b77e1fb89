"""Tokens of text in which only what is marked so may be control tokens."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from codetune_core.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a prompt; ``control`` says that control tokens written in it are meant."""

    text: str
    control: bool = False


def tokens(tokenizer: Any, parts: Sequence[Part]) -> list[int]:
    """Return the tokens of the parts as one text.

    Where data holds the text of a control token, the text is divided within it, so that no tokenizer can see it; all
    else is read as if the parts had never been apart. Raises InvalidInput where that does not help.
    """
    control = _control(tokenizer)
    ids = [token for piece in _divided(parts, tuple(control)) for token in _encode(tokenizer, piece)]
    meant = [token for part in parts if part.control for token in _encode(tokenizer, part.text)]
    known = frozenset(control.values())
    if [token for token in ids if token in known] != [token for token in meant if token in known]:
        raise InvalidInput("the prompt holds a control token of this model that it cannot read as plain text")
    return ids


def _control(tokenizer: Any) -> dict[str, int]:
    """Return all tokens that are added to a vocabulary, but for runs of blanks, which are ordinary text."""
    added = tokenizer.added_tokens_decoder
    return {token.content: number for number, token in added.items() if token.content.strip()}


def _encode(tokenizer: Any, text: str) -> list[int]:
    ids: list[int] = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
    return ids


def _divided(parts: Sequence[Part], control: Sequence[str]) -> Iterator[str]:
    text = "".join(part.text for part in parts)
    start = 0
    for cut in sorted(_cuts(parts, text, control)):
        yield text[start:cut]
        start = cut
    yield text[start:]


def _cuts(parts: Sequence[Part], text: str, control: Sequence[str]) -> set[int]:
    """Return a place within each control token that stands in data, also in part."""
    spans = list(_meant(parts))
    found = ((at, at + len(token)) for token in control for at in _places(text, token))
    return {at + 1 for at, end in found if not any(first <= at and end <= last for first, last in spans)}


def _meant(parts: Sequence[Part]) -> Iterator[tuple[int, int]]:
    at = 0
    for part in parts:
        if part.control:
            yield at, at + len(part.text)
        at += len(part.text)


def _places(text: str, token: str) -> Iterator[int]:
    at = text.find(token)
    while at >= 0:
        yield at
        at = text.find(token, at + 1)
