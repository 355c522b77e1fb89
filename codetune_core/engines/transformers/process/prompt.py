"""Messages, or code to be continued, as the tokens that a model reads."""

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from jinja2 import TemplateError

from codetune_core.engines.transformers.process.load import Loaded
from codetune_core.engines.transformers.process.plain_text import Part, tokens
from codetune_core.engines.transformers.wire import Generate, Turn
from codetune_core.errors import EngineRefused, InvalidInput
from codetune_core.models.spec import Kind, ModelSpec, PromptFormat

_BLANKS = " \t"
HOLE = "<extra_id_0>"
"""T5's name for what is missing."""


def encode(loaded: Loaded, spec: ModelSpec, request: Generate) -> list[int]:
    """Return the tokens of a prompt.

    What messages, prefix and suffix say is data: where they hold the text of a control token, they are read as its
    characters. ``SYSTEM_USER_ASSISTANT`` has no control tokens, so ``USER:`` within a message stays what it is, text;
    stops apply to the answer only.

    Raises EngineRefused for a hole that the model cannot fill, InvalidInput for a prompt that cannot be written.
    """
    tokenizer = loaded.tokenizer
    before, after = _around(tokenizer)
    if request.prefix is None:
        parts, whole = _messages(tokenizer, spec, request.messages)
        before = [] if whole else before
    elif spec.kind is Kind.SEQ2SEQ:
        parts = [Part(request.prefix), Part(HOLE, control=True), Part(request.suffix)]
    else:
        parts = _code(spec, request.prefix, request.suffix)
    ids = [*before, *tokens(tokenizer, parts), *(after if spec.kind is Kind.SEQ2SEQ else ())]
    return ids or [_first(tokenizer)]


def withheld(spec: ModelSpec, request: Generate) -> str:
    """Return the blanks at the end of the code that the model did not get, with which its answer may begin.

    Most tokens begin with their blanks, so a prompt that ends with some is followed by nothing that the model knows.
    Who continues code takes as many of them as there are from the beginning of the answer: `without`.
    """
    if request.prefix is None or request.suffix or spec.kind is Kind.SEQ2SEQ:
        return ""
    return request.prefix[len(request.prefix.rstrip(_BLANKS)) :]


def without(blanks: str, answer: str) -> tuple[str, str]:
    """Take blanks from the beginning of an answer's next piece; return those that may still come, and its rest."""
    while blanks and answer and blanks[0] == answer[0]:
        blanks, answer = blanks[1:], answer[1:]
    return ("", answer) if answer else (blanks, "")


def _code(spec: ModelSpec, prefix: str, suffix: str) -> list[Part]:
    if not suffix:
        return [Part(prefix.rstrip(_BLANKS))]
    if spec.infill is None:
        raise EngineRefused(f"{spec.name} cannot fill in between two texts: choose a model with infill for completions")
    marks = [Part(mark, control=True) for mark in (spec.infill.prefix, spec.infill.suffix, spec.infill.middle)]
    return [marks[0], Part(prefix), marks[1], Part(suffix), marks[2]]


def _messages(tokenizer: Any, spec: ModelSpec, turns: Sequence[Turn]) -> tuple[list[Part], bool]:
    """Return the parts of a prompt, and whether they begin as the tokenizer's own template wants it."""
    if spec.prompt_format is PromptFormat.SYSTEM_USER_ASSISTANT:
        return list(_system_user_assistant(turns)), False
    if spec.prompt_format is PromptFormat.CHAT_TEMPLATE and tokenizer.chat_template:
        return _by_template(tokenizer, turns), True
    return list(_plain(turns)), False


def _system_user_assistant(turns: Sequence[Turn]) -> Iterator[Part]:
    for turn in turns:
        yield Part(f"{turn.role.upper()}: ", control=True)
        yield Part(turn.content)
        yield Part("\n", control=True)
    yield Part("ASSISTANT: ", control=True)


def _plain(turns: Sequence[Turn]) -> Iterator[Part]:
    for number, turn in enumerate(turns):
        last = number == len(turns) - 1
        yield Part(turn.content.rstrip(_BLANKS) if last else f"{turn.content}\n\n")


def _by_template(tokenizer: Any, turns: Sequence[Turn]) -> list[Part]:
    """Render with marks in place of contents, so that it is known which text is the template's."""
    reasons = []
    for shape in (list, _folded):
        try:
            return _rendered(tokenizer, shape(turns))
        except (TemplateError, TypeError, LookupError) as error:
            reasons.append(str(error))
    raise InvalidInput(f"the model's chat template refuses these messages: {reasons[0]}")


def _rendered(tokenizer: Any, turns: list[Turn]) -> list[Part]:
    marks = _marks(turns)
    text = _render(tokenizer, turns, marks)
    missing = [turn.role for turn, mark in zip(turns, marks, strict=True) if mark not in text]
    if missing:
        raise LookupError(f"it leaves out what the {missing[0]} says")
    contents = dict(zip(marks, _shaped(tokenizer, turns, marks, text), strict=True))
    return list(_split(text, contents))


def _render(tokenizer: Any, turns: list[Turn], contents: Sequence[str]) -> str:
    messages = [{"role": turn.role, "content": content} for turn, content in zip(turns, contents, strict=True)]
    # Who wants an answer wants no reasoning before it; templates that know no reasoning know no such word.
    rendered: str = tokenizer.apply_chat_template(
        messages, tokenize=False, add_generation_prompt=True, enable_thinking=False
    )
    return rendered


def _shaped(tokenizer: Any, turns: list[Turn], marks: list[str], text: str) -> list[str]:
    """Return contents as the template writes them: many strip them."""
    contents = [turn.content for turn in turns]
    stripped = [content.strip() for content in contents]
    if contents == stripped:
        return contents
    wanted = _render(tokenizer, turns, contents)
    return stripped if _filled(text, marks, stripped) == wanted != _filled(text, marks, contents) else contents


def _filled(text: str, marks: list[str], contents: list[str]) -> str:
    return "".join(part.text for part in _split(text, dict(zip(marks, contents, strict=True))))


def _marks(turns: list[Turn]) -> list[str]:
    """Return texts that occur nowhere else."""
    everything = "".join(turn.content for turn in turns)
    number = 0
    while f"qzmark{number}x" in everything:
        number += 1
    return [f"qzmark{number}x{place}z" for place in range(len(turns))]


def _split(text: str, contents: dict[str, str]) -> Iterator[Part]:
    """Divide rendered text at the marks."""
    while text:
        found = min((mark for mark in contents if mark in text), key=text.index, default=None)
        if found is None:
            yield Part(text, control=True)
            return
        before, text = text.split(found, 1)
        yield Part(before, control=True)
        yield Part(contents[found])


def _folded(turns: Sequence[Turn]) -> list[Turn]:
    """Make the system's part of the user's first, and neighbours of one role one turn; many templates want it so."""
    folded: list[Turn] = []
    for turn in turns:
        role: Literal["user", "assistant"] = "user" if turn.role == "system" else turn.role
        same = bool(folded) and folded[-1].role == role
        content = f"{folded.pop().content}\n\n{turn.content}" if same else turn.content
        folded.append(Turn(role=role, content=content))
    return folded


def _around(tokenizer: Any) -> tuple[list[int], list[int]]:
    """Return the tokens that the tokenizer puts before and after a text."""
    plain: list[int] = tokenizer("x", add_special_tokens=False)["input_ids"]
    full: list[int] = tokenizer("x")["input_ids"]
    first = next((n for n in range(len(full)) if full[n : n + len(plain)] == plain), 0)
    return full[:first], full[first + len(plain) :]


def _first(tokenizer: Any) -> int:
    """Return what an empty prompt begins with."""
    known = (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id)
    return next((token for token in known if token is not None), 0)
