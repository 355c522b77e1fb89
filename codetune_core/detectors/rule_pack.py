"""Rules read from the YAML packs beside this module."""

from functools import cache
from importlib.resources import files

import yaml

from codetune_core.domain.document import Document
from codetune_core.domain.finding import Confidence, Finding, Rule, Severity
from codetune_core.domain.text import Range
from codetune_core.syntax.python import outline

_SHOWN_CODE = 60
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@cache
def load_rules(pack: str) -> dict[str, Rule]:
    """The rules of a pack by their id; a pack is ``rules/PACK.yaml``."""
    text = files("codetune_core.detectors.rules").joinpath(f"{pack}.yaml").read_text("utf-8")
    entries = yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader, in C where PyYAML has it
    return {rule_id: _rule(rule_id, **entry) for rule_id, entry in entries.items()}


def _rule(rule_id: str, severity: str, confidence: str, **entry: object) -> Rule:
    lists = {key: tuple(value) for key, value in entry.items() if isinstance(value, list)}
    texts = {key: value.strip() for key, value in entry.items() if isinstance(value, str)}
    return Rule(rule_id, severity=Severity(severity), confidence=Confidence(confidence), **lists, **texts)  # type: ignore[arg-type]


def finding_of(rule: Rule, document: Document, place: Range, detector: str) -> Finding:
    """A finding in the rule's own words; ``{code}`` and ``{where}`` of its message are filled from the document."""
    code = document.slice(place).strip().splitlines() or [""]
    symbol = outline(document).enclosing(place.start.line) if document.language == "python" else ""
    where = (
        f"in `{symbol}`" if symbol else "at module level" if document.language == "python" else f"in {document.name}"
    )
    message = rule.message.replace("{where}", where).replace("{code}", _shown(code[0], more=len(code) > 1))
    return Finding(rule, place, message or rule.title, rule.severity, rule.confidence, (detector,))


def _shown(code: str, *, more: bool) -> str:
    return code[:_SHOWN_CODE] + ("..." if more or len(code) > _SHOWN_CODE else "")
