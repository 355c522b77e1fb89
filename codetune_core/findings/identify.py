"""Stable identity: the same flaw keeps its id while other lines, the file's name and the layout change."""

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from codetune_core.domain.document import Document
from codetune_core.domain.finding import Finding
from codetune_core.domain.text import Range
from codetune_core.syntax.python import outline


def identify(document: Document, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Set ``id`` and ``symbol`` of findings, and put them in the order of the text.

    The id is the SHA-256, cut to 16 hexadecimal digits, of the rule, the enclosing function, the flagged lines
    without comments and white space, and the number of equal claims before it in the same function.
    """
    seen: Counter[str] = Counter()
    identified = []
    for finding in sorted(findings, key=lambda finding: (finding.range, finding.rule.id)):
        symbol = _symbol(document, finding.range)
        claim = "\0".join((finding.rule.id, symbol, _essence(document, finding.range)))
        digest = hashlib.sha256(f"{claim}\0{seen[claim]}".encode("utf-8", "surrogatepass")).hexdigest()
        seen[claim] += 1
        identified.append(replace(finding, id=digest[:16], symbol=symbol))
    return tuple(identified)


def _symbol(document: Document, place: Range) -> str:
    return outline(document).enclosing(place.start.line) if document.language == "python" else ""


def _essence(document: Document, place: Range) -> str:
    """The flagged lines with comments and white space taken out."""
    last = max(place.start.line, place.end.line - (place.end.column == 0))
    lines = {
        number: document.lines[number] for number in range(place.start.line, last + 1) if number < len(document.lines)
    }
    if document.language == "python":
        for comment in outline(document).comments:
            number = comment.range.start.line
            if number in lines:
                lines[number] = lines[number][: comment.range.start.column]
    return "".join("".join(lines.values()).split())
