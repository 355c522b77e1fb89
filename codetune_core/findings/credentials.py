"""Credentials are found, not repeated: what a report or a baseline shows of them."""

import re
from collections.abc import Iterable
from dataclasses import replace

from codetune_core.domain.document import Document
from codetune_core.domain.finding import Finding

_CREDENTIALS = frozenset({259, 312, 321, 522, 798})
_VISIBLE = re.compile(r"[^\r\n]")


def hidden(document: Document, findings: Iterable[Finding]) -> Document:
    """A copy of the same shape in which the text of findings about credentials is stars."""
    text = document.text
    for finding in findings:
        if not _CREDENTIALS.isdisjoint(finding.rule.cwe):
            start, end = document.offset(finding.range.start), document.offset(finding.range.end)
            text = text[:start] + _VISIBLE.sub("*", text[start:end]) + text[end:]
    return replace(document, text=text)
