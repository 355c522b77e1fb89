"""From what a model wrote to what is proposed: nothing twice, nothing beyond its scope, nothing that is empty."""

import re
import warnings
from dataclasses import dataclass
from itertools import takewhile

from codetune_core.completion.brackets import surplus
from codetune_core.completion.place import Place, indent_of, is_word
from codetune_core.completion.scope import in_scope

_ONLY_CLOSES = re.compile(r"(?:[)\]}>\"'`][\s)\]}>\"'`;,:]*)?")
_FENCE = re.compile(r"\s*```[^\n]*\n(.*?)(?:\n```|\Z)", re.DOTALL)
_TOP_LEVEL = re.compile(r"^(?!(?:else|elif|except|finally)\b)[^\s)\]}#]", re.MULTILINE)
_LONGEST_CYCLE = 4
_CERTAIN = 3
_CUTS = 8
_PARSED = 20_000
_ONLY_PARSE = 0x400  # ast.PyCF_ONLY_AST: the module ast is not needed for it


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A text to insert, perhaps empty, and whether nothing that a model adds could change it."""

    text: str
    is_whole: bool


def clean(raw: str, place: Place, *, ended: bool = True) -> Cleaned:
    """Make of a model's text what can be inserted at a place.

    Args:
        raw: what the model wrote for the place.
        place: where it shall stand.
        ended: whether the model ended by itself; if not, the last of several lines is incomplete and dropped.
    """
    text = _begun_once(_unfenced(raw.replace("\r\n", "\n")), place)
    if not ended:
        text = text[: text.rfind("\n") + 1] or text
    kept = _in_line(text, place)
    too_many = surplus(kept, place)
    kept = in_scope(kept[:too_many], place)
    kept = _before_what_follows(_without_cycle(kept, place), place)
    is_whole = len(kept.rstrip()) < len(text.rstrip())
    kept = _without_overlap(kept, place).rstrip()
    if place.language == "python":
        kept = _parsing(kept, place).rstrip()
    return Cleaned(kept.replace("\n", place.line_end), is_whole)


def _unfenced(text: str) -> str:
    match = _FENCE.match(text)
    return match[1] if match else text


def _begun_once(text: str, place: Place) -> str:
    """Drop what a chat model says again: the beginning of the cursor's line."""
    begun = place.line_before
    if begun.strip():
        repeated = next((start for start in (begun, begun.lstrip()) if text.startswith(start)), "")
        return text[len(repeated) :] if sum(map(is_word, repeated)) >= _CERTAIN else text
    lines = text.split("\n")
    while len(lines) > 1 and not lines[0].strip():
        lines.pop(0)
    if begun and lines[0].startswith(begun) and not _wants_deeper(place):
        lines[0] = lines[0][len(begun) :]
    return "\n".join(lines)


def _wants_deeper(place: Place) -> bool:
    """Say whether the line above opens a block that the cursor's indentation does not yet stand in."""
    above = _lines_above(place, 1)
    opens = bool(above) and above[0].rstrip().endswith((":", "{", "(", "["))
    return opens and indent_of(above[0]) >= indent_of(place.line_before)


def _in_line(text: str, place: Place) -> str:
    """Keep the first line where more than closing brackets follows the cursor, and a string within its quotes."""
    after = place.line_after.strip()
    if after[:1] in {'"', "'", "`"} and place.line_before.count(after[0]) % 2:
        text = re.split(rf"(?<!\\){after[0]}", text, maxsplit=1)[0]
    return text if _ONLY_CLOSES.fullmatch(after) else text.split("\n", 1)[0]


def _without_cycle(text: str, place: Place) -> str:
    """Cut before lines that say again what the lines above them say, as small models do without end."""
    above, lines = _lines_above(place, _LONGEST_CYCLE)[::-1], text.split("\n")
    full = [place.line_before + lines[0], *lines[1:]]
    said = [(line.rstrip(), number) for number, line in enumerate(full) if line.strip()]
    every = [*(line.rstrip() for line in above), *(line for line, _ in said)]
    for index, (_, number) in enumerate(said, len(above)):
        for length in range(1, _LONGEST_CYCLE + 1):
            again = every[index : index + length]
            if length <= index and again == every[index - length : index] and _says_something(again):
                return "\n".join(lines[:number])
    return text


def _before_what_follows(text: str, place: Place) -> str:
    """Cut before a line that stands next in the document already."""
    below = place.after.replace("\r\n", "\n").split("\n")[1:]
    following = next((line.rstrip() for line in below if line.strip()), "")
    if not _says_something([following]):
        return text
    lines = text.split("\n")
    full = (place.line_before + lines[0], *lines[1:])
    kept = len(list(takewhile(lambda line: line.rstrip() != following, full)))
    return "\n".join(lines[:kept])


def _without_overlap(text: str, place: Place) -> str:
    """Cut off the end of a completion with which the rest of the cursor's line begins."""
    after = place.line_after.rstrip()
    for length in range(min(len(after), len(text)), 0, -1):
        if text.endswith(after[:length]) and not (is_word(after[0]) and is_word(text[-length - 1 : -length])):
            return text[:-length]
    return text


def _parsing(text: str, place: Place) -> str:
    """Drop last lines, up to some, until the statement around the cursor parses; keep all where that does not help."""
    lines = text.split("\n")
    before = place.before[-_PARSED:]
    starts = [match.start() for match in _TOP_LEVEL.finditer(before)]
    before = before[starts[-1] if starts else 0 :]
    line_end = len(place.after.split("\n", 1)[0])
    end = _TOP_LEVEL.search(place.after, line_end + 1)
    after = place.after[: end.start() if end else None]
    if len(before) + len(after) > _PARSED:
        return text
    cuts = ("\n".join(lines[:count]) for count in range(len(lines), max(0, len(lines) - _CUTS), -1))
    return next((cut for cut in cuts if cut.strip() and _parses(before + cut + after)), text)


def _parses(source: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            compile(source.replace("\r\n", "\n"), "", "exec", _ONLY_PARSE, dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False
    return True


def _lines_above(place: Place, count: int) -> list[str]:
    """The last lines before the cursor's that are not blank, the nearest first."""
    above = place.before[: len(place.before) - len(place.line_before)].splitlines()
    return [line for line in reversed(above[-8 * count :]) if line.strip()][:count]


def _says_something(lines: list[str]) -> bool:
    return any(map(is_word, "".join(lines)))
