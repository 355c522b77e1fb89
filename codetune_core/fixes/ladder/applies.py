"""V1: edits fit the current text, stay where they were asked for, and leave a text that parses."""

import ast
import re
from collections import Counter
from collections.abc import Sequence

from codetune_core.domain.document import Document
from codetune_core.domain.text import Edit, Position, without_end
from codetune_core.fixes.ladder.added_imports import adds_only_imports
from codetune_core.fixes.ladder.request import Request
from codetune_core.fixes.ladder.result import Rung, Step, failed, passed
from codetune_core.fixes.ladder.untouched import is_outside_untouched

_SILENCING = (
    r"(?:(?:ruff|flake8|pylint|mypy|pyright|pyre|pytype|codetune|isort|fmt|yapf|semgrep|phpcs|rubocop|snyk)\s*:"
    r"|(?:noqa|nosec|nosemgrep|nosonar|nolint|skipcq|lgtm)(?![^\W_])|type:\s*ignore|pragma:|pyre-(?:ignore|fixme)"
    r"|(?:es|ts|style)lint[-:]disable|biome-ignore|@ts-(?:ignore|nocheck|expect-error)|(?:phpstan|psalm)-(?:ignore|suppress)"
    r"|shellcheck[ \t]+disable|devskim:|deepcode[ \t]+ignore)"
)
_SILENCERS = {
    is_python: re.compile(rf"(?:{marks}){_SILENCING}", re.IGNORECASE)
    for is_python, marks in ((True, r"#[ \t]*"), (False, r"(?:#|//|--|;|<!--|\{#)[ \t]*|/\*[*\s]*"))
}
"""Comments that have a checker say less: what finds nothing because of them proves nothing."""
_SHOWN = 60
"""Characters of code quoted in a reason."""


def apply(request: Request, edits: Sequence[Edit]) -> tuple[Document | None, Step]:
    """The edited copy, None where the edits cannot be accepted, and what is to be said of them."""
    reason = _why_refused(request, edits)
    if reason:
        return None, failed(Rung.APPLIES, reason)
    try:
        after = request.document.edited(edits)
    except ValueError:
        return None, failed(Rung.APPLIES, "two of the edits overlap: give each changed place one edit")
    if after.text == request.document.text:
        return None, failed(Rung.APPLIES, "the edits change nothing")
    if added := _silencers(after) - _silencers(request.document):
        comment = next(iter(added))
        return None, failed(Rung.APPLIES, f"`{comment}` silences a checker: mend the cause instead")
    if request.document.language != "python":
        return after, passed(Rung.APPLIES, "applies")
    if reason := why_broken(after.text):
        if not why_broken(request.document.text) or _breaks_a_piece(request, after):
            return None, failed(Rung.APPLIES, reason)
        return after, passed(Rung.APPLIES, "applies")
    if not is_outside_untouched(request.document, after, request.ranges):
        return None, failed(Rung.APPLIES, "the edit changes what code outside the code that was to be changed means")
    return after, passed(Rung.APPLIES, "parses")


def why_broken(text: str) -> str:
    """Say why a Python text does not parse, empty where it does."""
    try:
        ast.parse(text.removeprefix("\ufeff"))
    except SyntaxError as error:
        line = f" at `{_short(error.text)}`" if error.text else ""
        return f"the edited file does not parse: {error.msg}{line} (line {error.lineno} of the edited file)"
    except (ValueError, RecursionError, MemoryError) as error:
        return f"the edited file does not parse: {error}"
    return ""


def _breaks_a_piece(request: Request, after: Document) -> bool:
    """Whether code that may be changed parses by itself before the edits, and not with them, where the text does not.

    Only what stands between the unchanged beginning and end of the text can be told apart then.
    """
    before = request.document
    first, last = min(each.start for each in request.ranges), max(each.end for each in request.ranges)
    start, end = before.offset(first), before.offset(last)
    grown = len(after.text) - len(before.text)
    return _parses_alone(before.text[start:end]) and not _parses_alone(after.text[start : end + grown])


def _parses_alone(code: str) -> bool:
    first = next((line for line in code.splitlines() if line.strip() and not line.lstrip().startswith("#")), "")
    return not why_broken(f"if 1:\n{code}" if first[:1] in {" ", "\t"} else code)


def _why_refused(request: Request, edits: Sequence[Edit]) -> str:
    if not edits:
        return "no edit was given"
    document = request.document
    if any(not _stands_in(document, edit) for edit in edits):
        return "an edit points to a place that the current text does not have"
    outside = [edit for edit in edits if not any(place.contains(edit.range) for place in request.ranges)]
    if outside and not adds_only_imports(document, outside):
        quoted = _short(document.slice(outside[0].range) or outside[0].new_text)
        return f"the edit of `{quoted}` is outside the code that was to be changed: there, only imports may be added"
    return ""


def _stands_in(document: Document, edit: Edit) -> bool:
    """Whether both ends of an edit are places of the text, the first one first; nothing is clamped."""
    ends = (edit.range.start, edit.range.end)
    return ends[0] <= ends[1] and all(_is_place(document, position) for position in ends)


def _is_place(document: Document, position: Position) -> bool:
    if position.line < 0 or position.column < 0 or position.line >= len(document.lines):
        return position == Position(len(document.lines), 0)  # the end, as protocols write it
    return position.column <= len(without_end(document.lines[position.line]))


def _silencers(document: Document) -> Counter[str]:
    found = _SILENCERS[document.language == "python"].finditer(document.text)
    return Counter(_short(document.text[each.start() : each.end() + _SHOWN]) for each in found)


def _short(code: str) -> str:
    first = (code.strip().splitlines() or [""])[0]
    return first if len(first) <= _SHOWN else f"{first[:_SHOWN]}..."
