"""Finds misused calls of Python libraries that ruff has no rule for, and that the rule fixes mend.

A small syntax check: one call, assignment or comparison at a time, with imports and the local variables of one scope
resolved. General patterns and data flow between functions are other detectors' work.
"""

import ast
import asyncio
from collections.abc import Iterator
from dataclasses import replace
from platform import python_version

from codetune_core.detectors.blocks import Block
from codetune_core.detectors.call_rules import RULES, Flag
from codetune_core.detectors.last_findings import LastFindings
from codetune_core.detectors.partial import Reading, read_rest
from codetune_core.detectors.protocol import Detection, Pace
from codetune_core.detectors.python_scopes import Scope, scopes
from codetune_core.detectors.ruff_server import Diagnostic
from codetune_core.detectors.rule_pack import finding_of, load_rules
from codetune_core.domain.document import Document
from codetune_core.domain.finding import Finding, Rule, Step
from codetune_core.domain.text import Encoding, Range, from_units
from codetune_core.settings import Settings

_HINTS = ("cookie", "COOKIE", "jwt", "digest", "request", "ssl", "SSL", "hostname", "cert_reqs", "verify_mode")


class CallsDetector:
    """Cookies without protection, unverified tokens, digests compared in variable time, weak TLS contexts.

    Of a text that does not parse, the rest is looked at, and unchanged functions in the unreadable part keep their last
    findings; what could not be read is the ruff detector's to say.
    """

    name = "calls"
    pace = Pace.LIVE

    def __init__(self, _settings: Settings) -> None:
        self._last = LastFindings()

    def handles(self, document: Document) -> bool:
        return document.language == "python"

    async def detect(self, document: Document) -> Detection:
        if not any(hint in document.text for hint in _HINTS):
            return Detection()
        tree, unread = await _parsed(_for_python(document.text))
        findings = await asyncio.to_thread(lambda: tuple(_findings(document, tree)))
        if not unread:
            self._last.remember(document, findings)
        known = {(finding.rule.id, finding.range) for finding in findings}
        kept = (last for last in self._last.recall(document, unread) if (last.rule.id, last.range) not in known)
        return Detection((*findings, *kept))

    async def aclose(self) -> None:
        pass

    def describe(self) -> str:
        return f"{len(load_rules('calls'))} rules, syntax of Python {python_version()}"


async def _parsed(text: str) -> tuple[ast.Module, tuple[Block, ...]]:
    """The syntax tree of what can be read of a text, and the blocks that had to be blanked for it."""
    trees = [ast.Module([], [])]

    async def ask(part: str) -> list[Diagnostic]:
        try:
            trees.append(await asyncio.to_thread(ast.parse, part))
        except SyntaxError as error:
            line = (error.lineno or 1) - 1
            return [Diagnostic("", Range.of(line, 0, line, 0), error.msg)]
        except (ValueError, RecursionError, MemoryError) as error:
            return [Diagnostic("", Range.of(0, 0, 0, 0), str(error))]
        return []

    said = await ask(text)
    reading = await read_rest(text, said, ask) if said else Reading((), ())
    return trees[-1], reading.unread


def _findings(document: Document, tree: ast.Module) -> Iterator[Finding]:
    pack = load_rules("calls")
    for scope in scopes(tree):
        for node in scope.nodes:
            for rule_id, check in RULES.get(type(node), ()):
                for flag in check(node, scope):
                    yield _finding(pack[rule_id], document, flag, scope)


def _finding(rule: Rule, document: Document, flag: Flag, scope: Scope) -> Finding:
    finding = finding_of(rule, document, _range(document, flag.node), CallsDetector.name)
    evidence = tuple(_evidence(document, flag.node, scope))
    return replace(finding, confidence=flag.confidence or rule.confidence, evidence=evidence)


def _evidence(document: Document, node: ast.AST, scope: Scope) -> Iterator[Step]:
    """Where the variables in the flagged code got the only value they have."""
    names = {name.id: name for name in ast.walk(node) if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Load)}
    for name in names.values():
        value = scope.value(name)
        if value and not isinstance(value, ast.Name):
            yield Step(_range(document, value), f"`{name.id}` is set here")


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
