"""Finds misused calls of Python libraries that ruff has no rule for, and that the rule fixes mend.

A small syntax check: one call, assignment or comparison at a time, with imports and the local variables of one scope
resolved. General patterns and data flow between functions are other detectors' work.
"""

import ast
import asyncio
from collections.abc import Iterator
from dataclasses import replace
from platform import python_version

from codetune_core.detectors.call_rules import RULES, Flag
from codetune_core.detectors.protocol import Detection, Pace
from codetune_core.detectors.python_scopes import scopes
from codetune_core.detectors.rule_pack import finding_of, load_rules
from codetune_core.domain.document import Document
from codetune_core.domain.finding import Finding, Rule
from codetune_core.domain.text import Encoding, Range, from_units
from codetune_core.settings import Settings

_HINTS = ("cookie", "COOKIE", "jwt", "digest", "request", "ssl", "SSL", "hostname", "cert_reqs", "verify_mode")


class CallsDetector:
    """Cookies without protection, unverified tokens, digests compared in variable time, weak TLS contexts.

    Says nothing of a text that does not parse: that is the ruff detector's to say.
    """

    name = "calls"
    pace = Pace.LIVE

    def __init__(self, _settings: Settings) -> None:
        pass

    def handles(self, document: Document) -> bool:
        return document.language == "python"

    async def detect(self, document: Document) -> Detection:
        if not any(hint in document.text for hint in _HINTS):
            return Detection()
        return Detection(tuple(await asyncio.to_thread(lambda: list(_findings(document)))))

    async def aclose(self) -> None:
        pass

    def describe(self) -> str:
        return f"{len(load_rules('calls'))} rules, syntax of Python {python_version()}"


def _findings(document: Document) -> Iterator[Finding]:
    try:
        tree = ast.parse(_for_python(document.text))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    pack = load_rules("calls")
    for scope in scopes(tree):
        for node in scope.nodes:
            for rule_id, check in RULES.get(type(node), ()):
                for flag in check(node, scope):
                    yield _finding(pack[rule_id], document, flag)


def _finding(rule: Rule, document: Document, flag: Flag) -> Finding:
    finding = finding_of(rule, document, _range(document, flag.node), CallsDetector.name)
    return replace(finding, confidence=flag.confidence or rule.confidence)


def _for_python(text: str) -> str:
    """The text as ``ast`` can take it: without the byte order mark, and lone surrogates replaced one for one."""
    plain = text.removeprefix("\ufeff")
    return plain.encode("utf-8", "replace").decode("utf-8")


def _range(document: Document, node: ast.expr | ast.stmt | ast.keyword) -> Range:
    """Lines of ``ast`` count from 1, its columns UTF-8 bytes."""
    start, end = node.lineno - 1, (node.end_lineno or node.lineno) - 1
    return Range.of(
        start, _column(document, start, node.col_offset), end, _column(document, end, node.end_col_offset or 0)
    )


def _column(document: Document, line: int, units: int) -> int:
    text = document.lines[line]
    mark = 1 if line == 0 and text.startswith("\ufeff") else 0
    return mark + from_units(text[mark:], units, Encoding.UTF8)
