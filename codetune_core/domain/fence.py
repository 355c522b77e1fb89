r"""Untrusted text inside a prompt: fenced so that it cannot end its fence, and marked so that it cannot forge a turn.

A fence is that of CommonMark 0.31 (section 4.5): backticks, one more than the longest run in the content.

Chat templates know turns by special tokens (``<|im_start|>``, ``[INST]``, ``<start_of_turn>``, ``</s>``) or by words at
the start of a line (``SYSTEM:``, ``### Instruction:``). Where untrusted text has one, `mark` puts the invisible
MARK (U+2060, word joiner) after its first character: no tokenizer and no model takes it for a turn any more, and it
reads the same. Characters that hide text or that a database cannot hold (controls, bidirectional overrides, tag
characters, lone surrogates) are written out, as MARK and ``\u202e``: a model sees the Trojan Source. A MARK that
was there is doubled, so that `unmark` gives back exactly what was marked, and an answer that quotes code can be
found in the code.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

MARK = "\u2060"

_WRITTEN_OUT = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff\U000e0000-\U000e007f]|"
    + MARK
)
_MARKED = re.compile(rf"{MARK}(?:({MARK})|\\u([0-9a-f]{{4}})|\\U([0-9a-f]{{8}}))?")
_UNFINISHED = re.compile(rf"{MARK}(?:\\(?:u[0-9a-f]{{0,3}}|U[0-9a-f]{{0,7}})?)?\Z")
_TAGS = (
    r"s|bos|eos|pad|unk|mask|cls|sep|eot|eod|pre|suf|mid|image|im_\w+|start_of_\w+|end_of_\w+|begin_of_\w+|endoftext|startoftext|eop|eom|unused\d+"
    r"|reserved_\w+|special_\w+|extra_id_\d+"
    r"|fim[_-]\w+|file_sep|repo_name|reponame|filename|gh_stars|issue_\w+|jupyter_\w+|commit_\w+|empty_output"
    r"|think|thinking|reasoning|tool_\w+|tools|function_\w+|functions|invoke|system|user|assistant|human|instruction"
)
_BRACKETED = (
    r"INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_[A-Z]+|PREFIX|SUFFIX|MIDDLE|IMG(?:_[A-Z]+)?|THINK|[gs]?MASK|CLS|SEP|PAD|UNK"
    r"|BOS|EOS|USER|ASSISTANT|SYSTEM"
)
_TOKENS = (
    re.compile(r"(?=(<[|\uff5c]))"),
    re.compile(rf"(?i)(?=(</?(?:{_TAGS})\s*/?>))"),
    re.compile(r"(?i)(?=(<</?sys>>))"),
    re.compile(rf"(?=(\[/?(?:{_BRACKETED})\]))"),
)
_SPEAKERS = r"system|user|assistant|human|ai|bot|gpt|chatgpt|claude|developer|instructions?"
_SECTIONS = rf"{_SPEAKERS}|input|output|response|question|answer|prompt|context|end"
_TURNS = (
    re.compile(rf"(?im)^[^\w\n]*((?:{_SPEAKERS})\b[ \t*_)\]\"'`]*[:\uff1a])"),
    re.compile(rf"(?im)^[ \t>]*#{{1,6}}[ \t]*((?:{_SECTIONS})\b[ \t*_]*(?:[:\uff1a]|$))"),
)
_DANGEROUS = (*_TOKENS, *_TURNS)
_IN_LINES = (
    *_DANGEROUS,
    re.compile(r"(?=(```|~~~))"),
    re.compile(r"(?im)(?=(<[a-z/!?]))"),
)
_OPENING = re.compile(r" {0,3}(`{3,}(?=[^`]*$)|~{3,})(.*)")
_INFO = re.compile(r"[\w+#.-]{1,40}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Piece:
    """Part of a line of running text: the template's own, or a value's."""

    text: str
    trusted: bool


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced code block; one that is not closed ends with the text."""

    info: str
    content: str
    closed: bool


def mark(text: str) -> str:
    """Make a text unable to forge a turn; `unmark` undoes it exactly."""
    escaped = _escape(text)
    return _insert(escaped, {match.start(1) + 1 for pattern in _DANGEROUS for match in pattern.finditer(escaped)})


def mark_tokens(text: str) -> str:
    """Make code that stands in no fence unable to forge a special token; `unmark` undoes it exactly.

    A model that fills in must see the code as it is: words at the start of a line and what hides are left alone.
    """
    doubled = text.replace(MARK, MARK + MARK)
    return _insert(doubled, {match.start(1) + 1 for pattern in _TOKENS for match in pattern.finditer(doubled)})


def unmark(text: str) -> str:
    """Undo `mark` in what a model wrote: ``unmark(mark(text)) == text`` for every text."""
    return _MARKED.sub(lambda found: found[1] or _character(found[2] or found[3]), text)


def unfinished_mark(text: str) -> int:
    """Return where the mark begins that more text may go on with; the text's length where none does."""
    start = max(text.rfind(MARK), 0)
    while start and text[start - 1] == MARK:
        start -= 1
    for found in _MARKED.finditer(text, start):
        if _UNFINISHED.match(text, found.start()):
            return found.start()
    return len(text)


def fence(text: str, info: str) -> str:
    """Fence a text, marked, under an info string such as ``python``; an info string that is none is left out.

    CRLF becomes LF and one line end at the end is dropped, as every reader of Markdown does; nothing else is lost.
    """
    content = mark(text.replace("\r\n", "\n").removesuffix("\n"))
    longest = max((len(run) for run in re.findall("`+", content)), default=0)
    ticks = "`" * max(3, longest + 1)
    opening = ticks + (info if _INFO.fullmatch(info) else "")
    return f"{opening}\n{content}\n{ticks}" if content else f"{opening}\n{ticks}"


def line(text: str) -> str:
    """Bring a value that stands within a line onto one line, with what hides written out."""
    return _escape(text.replace("\n", "\\n").replace("\t", "\\t"))


def join(pieces: Iterable[Piece]) -> str:
    """Join running text so that no value in it, alone or with its neighbours, opens a fence or forges a turn."""
    parts = list(pieces)
    text = "".join(piece.text for piece in parts)
    untrusted = b"".join(bytes([not piece.trusted]) * len(piece.text) for piece in parts)
    found = (match for pattern in _IN_LINES for match in pattern.finditer(text)) if any(untrusted) else ()
    return _insert(text, {match.start(1) + 1 for match in found if untrusted.find(1, *match.span(1)) >= 0})


def blocks(text: str) -> Iterator[Block]:
    """Fenced code blocks of a text that are in no list or quotation, as CommonMark reads them."""
    opened, info, content = "", "", list[str]()
    for each in text.split("\n"):
        bare = each.strip(" \t\r")
        if not opened:
            found = _OPENING.match(each)
            opened, info, content = (found[1], found[2].strip(), []) if found else ("", "", [])
        elif not each.startswith("    ") and len(bare) >= len(opened) and set(bare) == {opened[0]}:
            yield Block(info, "\n".join(content), closed=True)
            opened = ""
        else:
            content.append(each)
    if opened:
        yield Block(info, "\n".join(content), closed=False)


def _escape(text: str) -> str:
    return _WRITTEN_OUT.sub(_written_out, text)


def _written_out(found: re.Match[str]) -> str:
    code = ord(found[0])
    if found[0] == MARK:
        return MARK + MARK
    return f"{MARK}\\u{code:04x}" if code <= 0xFFFF else f"{MARK}\\U{code:08x}"  # noqa: PLR2004 - four digits


def _character(digits: str | None) -> str:
    return chr(int(digits, 16)) if digits and int(digits, 16) <= 0x10FFFF else ""  # noqa: PLR2004 - the last of Unicode


def _insert(text: str, places: set[int]) -> str:
    parts, before = [], 0
    for place in sorted(places):
        parts.append(text[before:place])
        before = place
    return MARK.join([*parts, text[before:]])
