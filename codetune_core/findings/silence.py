"""The comment that sets a finding aside, written where it counts and breaks nothing."""

import re

from codetune_core.domain.document import Document
from codetune_core.domain.finding import Finding
from codetune_core.domain.text import Edit, Position, Range, without_end
from codetune_core.findings.comments import MARKS, WHOLE_LINE, takes_comments
from codetune_core.syntax.python import outline

_PRESENT = re.compile(r"codetune:\s*ignore\[(?P<rules>[^\]]*)\]", re.IGNORECASE)


def silence(document: Document, finding: Finding, reason: str) -> Edit | None:
    """The edit that adds ``codetune: ignore[RULE] reason``, None where the language has no comments.

    The comment goes to the end of a flagged line or of the statement; where every such line ends in a string or a
    continuation, to a line of its own above. A comment that is there stays; one that ignores a rule is extended.
    """
    if not takes_comments(document):
        return None
    first, last = _statement(document, finding.range)
    lines = dict.fromkeys([finding.range.end.line, finding.range.start.line, last, first])
    for line in lines:
        if edit := _extended(document, line, finding.rule.id):
            return edit
    for line in lines:
        if _takes_comment(document, line):
            return _appended(document, line, finding.rule.id, reason)
    return _above(document, first, finding.rule.id, reason)


def _statement(document: Document, place: Range) -> tuple[int, int]:
    if document.language != "python":
        return place.start.line, place.end.line
    first, last = outline(document).statement_lines(place)
    return min(first, place.start.line), max(last, place.end.line)


def _takes_comment(document: Document, line: int) -> bool:
    if document.language == "python":
        return outline(document).takes_comment(line)
    return document.language not in WHOLE_LINE and not without_end(document.lines[line]).endswith("\\")


def _extended(document: Document, line: int, rule: str) -> Edit | None:
    found = _PRESENT.search(document.lines[line], _comment_start(document, line))
    if not found:
        return None
    at = Position(line, found.end("rules"))
    return Edit(Range(at, at), f", {rule}" if found["rules"].strip() else rule)


def _comment_start(document: Document, line: int) -> int:
    if document.language != "python":
        return 0
    ranges = (comment.range for comment in outline(document).comments if comment.range.start.line == line)
    return next((place.start.column for place in ranges), len(document.lines[line]))


def _appended(document: Document, line: int, rule: str, reason: str) -> Edit:
    content = without_end(document.lines[line])
    trimmed = content.rstrip(" \t")
    comment = f"{'  ' if trimmed.strip() else ''}{_comment(document, rule, reason)}"
    return Edit(Range(Position(line, len(trimmed)), Position(line, len(content))), comment)


def _above(document: Document, line: int, rule: str, reason: str) -> Edit:
    text = document.lines[line]
    indent = text[: len(text) - len(text.lstrip(" \t"))]
    end = next((text[len(without_end(text)) :] for text in document.lines if text != without_end(text)), "\n")
    at = Position(line, 0)
    return Edit(Range(at, at), f"{indent}{_comment(document, rule, reason)}{end}")


def _comment(document: Document, rule: str, reason: str) -> str:
    begin, end = MARKS[document.language]
    return f"{begin}codetune: ignore[{rule}] {reason}".rstrip() + end
