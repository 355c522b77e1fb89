"""What the surrounding code says about a claim of ruff's: how bad, how sure, or that it is none."""

import re
from dataclasses import replace

from codetune_core.domain.document import Document
from codetune_core.domain.finding import Confidence, Finding, Severity
from codetune_core.syntax.python import outline

_PASSWORD_RULES = ("S105", "S106", "S107")
_PLACEHOLDER = re.compile(
    r"<[^<>]*>|\$\{[^{}]*\}|\{\{.*\}\}|\{\w*\}|%\(\w+\)s|\*+|x{3,}|\.{3}|https?://[^\s@]*|none|null|true|false",
    re.IGNORECASE,
)
_STRING = re.compile(r"(?:[\w.]+\s*=\s*)?[rub]{0,2}(\"\"\"|'''|\"|')(?P<value>.*)\1", re.IGNORECASE | re.DOTALL)
_FIXED_CODE = re.compile(r"(?:eval|exec)\s*\(\s*[rub]{0,2}(?:\"[^\"\\\r\n]*\"|'[^'\\\r\n]*')\s*[,)]", re.IGNORECASE)
_SECRET = re.compile(
    r"(?:^|[^a-z])(?:pass(?:word|wd|phrase|code)|pwd|secrets?|tokens?|nonce|salt|otp|csrf|session_?(?:id|key)|api_?key|"
    r"(?:secret|private|signing|encryption)_?key|credentials?)(?:[^a-z]|$)",
    re.IGNORECASE,
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def weighed(document: Document, finding: Finding, words: str) -> Finding | None:
    """The finding as the code around it weighs it, None where there is nothing in the claim.

    ``words`` are ruff's own: it says where a command is a fixed string.
    """
    rule = finding.rule.id
    if rule in _PASSWORD_RULES and _is_placeholder(document.slice(finding.range)):
        return None
    if rule == "S321" and "FTP_TLS" in document.slice(finding.range):
        return None
    if rule in ("S602", "S605") and "seems safe" in words:
        return replace(finding, severity=Severity.LOW)
    if rule in ("S102", "S307") and _FIXED_CODE.match(document.text, document.offset(finding.range.start)):
        return replace(finding, severity=Severity.LOW)
    if rule == "S311" and _makes_secret(document, finding):
        return replace(finding, severity=Severity.MEDIUM, confidence=Confidence.MEDIUM)
    return finding


def _is_placeholder(code: str) -> bool:
    """Whether a string stands for a value that comes from elsewhere, or is a public address."""
    found = _STRING.fullmatch(code)
    return bool(found and _PLACEHOLDER.fullmatch(found["value"].strip()))


def _makes_secret(document: Document, finding: Finding) -> bool:
    """Whether the statement, or the name of the function it stands in, speaks of a secret."""
    first, last = outline(document).statement_lines(finding.range)
    statement = "".join(document.lines[first : last + 1])
    symbol = outline(document).enclosing(finding.range.start.line)
    return any(_SECRET.search(_CAMEL.sub("_", text)) for text in (statement, symbol))
