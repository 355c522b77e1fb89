"""Fitting a prompt into a model's context: what is left out, in which order, and the words that say so."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import starmap

from codetune_core.domain.execution import Message
from codetune_core.domain.prompt import Variable
from codetune_core.errors import ContextTooLong

TOKENS_PER_MESSAGE = 8
"""What a chat template adds around a turn, at most: ChatML takes 5, Llama 3 takes 7."""

_LINE = re.compile(r"[^\n]*\n|[^\n]+")


@dataclass(frozen=True, slots=True)
class RenderTarget:
    """The model that a prompt is for.

    ``context_tokens`` is the longest prompt and answer together; ``count_tokens`` never counts too low. It may be
    slow: it is called once on a prompt that fits, and a logarithmic number of times on one that does not.
    """

    context_tokens: int
    count_tokens: Callable[[str], int]


@dataclass(frozen=True, slots=True)
class Draft:
    """A prompt that can still be shortened.

    Attributes:
        examples: a user's and an assistant's turn for each.
        user: the user's turn, with these texts in place of the values given.
        cuttable: variables that may be shortened and their values, the first to go first.
        max_tokens: kept free for the answer.
    """

    system: tuple[Message, ...]
    examples: tuple[Message, ...]
    user: Callable[[Mapping[str, str]], Message]
    cuttable: tuple[tuple[Variable, str], ...]
    max_tokens: int


@dataclass(slots=True)
class _Counter:
    count: Callable[[str], int]
    known: dict[str, int] = field(default_factory=dict)

    def tokens(self, messages: tuple[Message, ...]) -> int:
        return sum(self._one(message.content) + TOKENS_PER_MESSAGE for message in messages)

    def fits(self, budget: int, message: Message) -> bool:
        return self.tokens((message,)) <= budget

    def _one(self, text: str) -> int:
        if text not in self.known:
            self.known[text] = self.count(text)
        return self.known[text]


@dataclass(frozen=True)
class _Text:
    """A value as lines, of which some are kept."""

    variable: Variable
    text: str

    @cached_property
    def lines(self) -> list[str]:
        """Each with its line feed."""
        return _LINE.findall(self.text)

    @property
    def gains(self) -> bool:
        """Whether saying that all is left out is shorter than all of it."""
        return len(self.kept(0)) < len(self.text)

    def kept(self, count: int) -> str:
        """Shorten to so many lines, with a line that says what is missing."""
        missing = len(self.lines) - count
        if missing <= 0:
            return "".join(self.lines)
        note = f"[{missing} {'line' if missing == 1 else 'lines'} left out here]\n"
        if self.variable.cut_from == "start":
            return note + "".join(self.lines[missing:])
        kept = "".join(self.lines[:count])
        return kept + ("" if kept.endswith("\n") or not kept else "\n") + note

    def left_out(self, count: int) -> str:
        """Text of the lines that are not kept."""
        missing = len(self.lines) - count
        return "".join(self.lines[:missing] if self.variable.cut_from == "start" else self.lines[count:])


def fit(draft: Draft, target: RenderTarget) -> tuple[tuple[Message, ...], tuple[str, ...], int]:
    """Shorten a draft until it fits: its messages, what was cut, in words, and its length in tokens.

    Raises ContextTooLong where what must not be cut is too long.
    """
    room = target.context_tokens - draft.max_tokens
    counter = _Counter(target.count_tokens)
    texts = [text for text in starmap(_Text, draft.cuttable) if text.gains]
    uncut, whole = draft.user({}), len(draft.examples) // 2
    for examples in range(whole, -1, -1):
        around = draft.system + draft.examples[: 2 * examples]
        fits = partial(counter.fits, room - counter.tokens(around))
        user, cut = uncut, list[str]()
        if not fits(uncut):
            if (kept := _kept(draft, texts, fits)) is None:
                continue
            user = draft.user({text.variable.name: text.kept(count) for text, count in zip(texts, kept, strict=True)})
            cut = [_words(text, count, target.count_tokens) for text, count in zip(texts, kept, strict=True)]
        messages = (*around, user)
        return messages, (*filter(None, cut), *_dropped(whole, examples)), counter.tokens(messages)
    raise ContextTooLong(_too_long(draft, texts, target, counter))


def _kept(draft: Draft, texts: list[_Text], fits: Callable[[Message], bool]) -> list[int] | None:
    """How many lines of each text can stay, where not all can; None where not even none of them fits."""
    kept = [len(text.lines) for text in texts]

    def with_kept(index: int, count: int) -> bool:
        counts = [*kept[:index], count, *kept[index + 1 :]]
        return fits(draft.user({text.variable.name: text.kept(n) for text, n in zip(texts, counts, strict=True)}))

    for index, text in enumerate(texts):
        if with_kept(index, 0):
            kept[index] = _most(len(text.lines), partial(with_kept, index))
            return kept
        kept[index] = 0
    return None


def _most(too_many: int, fits: Callable[[int], bool]) -> int:
    """Return the greatest count below ``too_many`` that fits, by bisection; 0 is known to."""
    low = 0
    while low + 1 < too_many:
        middle = (low + too_many) // 2
        low, too_many = (middle, too_many) if fits(middle) else (low, middle)
    return low


def _words(text: _Text, count: int, count_tokens: Callable[[str], int]) -> str:
    missing = len(text.lines) - count
    if missing <= 0:
        return ""
    left_out = text.left_out(count)
    where = "first" if text.variable.cut_from == "start" else "last"
    which = f"the {where} {missing:,} of {len(text.lines):,} lines"
    if not count:
        which = f"all {missing:,} lines" if missing > 1 else "its only line"
    size = f"{len(left_out):,} characters, about {count_tokens(left_out):,} tokens"
    return f"{text.variable.name}: {which} left out ({size})"


def _dropped(whole: int, kept: int) -> tuple[str, ...]:
    return () if kept == whole else (f"examples: {whole - kept} of {whole} left out",)


def _too_long(draft: Draft, texts: list[_Text], target: RenderTarget, counter: _Counter) -> str:
    least = draft.user({text.variable.name: text.kept(0) for text in texts})
    needed = counter.tokens((*draft.system, least))
    return (
        f"Without anything that may be cut, the prompt has {needed:,} tokens; with {draft.max_tokens:,} kept for the "
        f"answer that is {needed + draft.max_tokens:,}, and the model's context is {target.context_tokens:,}. "
        "Select less code, lower the prompt's max_tokens, or use a model with a longer context."
    )
