"""Rules as SARIF's reporting descriptors, with the weaknesses they stand for as a taxonomy."""

from collections.abc import Iterable
from typing import Any

from codetune_core.domain.finding import Confidence, Rule, Severity

LEVELS = {
    Severity.INFO: "note",
    Severity.LOW: "note",
    Severity.MEDIUM: "warning",
    Severity.HIGH: "error",
    Severity.CRITICAL: "error",
}
"""Severity in SARIF's words."""

_SCORES = {
    Severity.INFO: "0.1",
    Severity.LOW: "3.0",
    Severity.MEDIUM: "5.5",
    Severity.HIGH: "8.0",
    Severity.CRITICAL: "9.5",
}
"""``security-severity``: GitHub reads over 9.0 as critical, from 7.0 as high, from 4.0 as medium, below as low."""

_PRECISION = {Confidence.LOW: "low", Confidence.MEDIUM: "medium", Confidence.HIGH: "high"}
_CWE = {"name": "CWE", "index": 0}

Json = dict[str, Any]


class Rules:
    """The rules of a run in the order of their ids, and the weaknesses in the order of their numbers."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        by_id: dict[str, Rule] = {}
        for rule in rules:
            by_id.setdefault(rule.id, rule)
        self._rules = [by_id[rule_id] for rule_id in sorted(by_id)]
        self._indices = {rule.id: index for index, rule in enumerate(self._rules)}
        self._cwe = sorted({number for rule in self._rules for number in rule.cwe})

    def index(self, rule: Rule) -> int:
        """Place of a rule among the descriptors, from 0."""
        return self._indices[rule.id]

    def descriptors(self) -> list[Json]:
        """One reporting descriptor for each rule."""
        return [self._descriptor(rule) for rule in self._rules]

    def taxonomy(self) -> Json:
        """The weaknesses that the rules stand for."""
        return {
            "name": "CWE",
            "organization": "MITRE",
            "shortDescription": {"text": "The MITRE Common Weakness Enumeration"},
            "informationUri": "https://cwe.mitre.org/",
            "isComprehensive": False,
            "taxa": [
                {
                    "id": str(number),
                    "shortDescription": {"text": f"CWE-{number}"},
                    "helpUri": f"https://cwe.mitre.org/data/definitions/{number}.html",
                }
                for number in self._cwe
            ],
        }

    def taxon(self, number: int) -> Json:
        """A reference to a weakness; one that no descriptor names has no index."""
        place = {"index": self._cwe.index(number)} if number in self._cwe else {}
        return {"id": str(number), **place, "toolComponent": _CWE}

    def _descriptor(self, rule: Rule) -> Json:
        explained = rule.explanation or rule.title
        descriptor: Json = {
            "id": rule.id,
            "shortDescription": {"text": rule.title},
            "fullDescription": {"text": rule.title},
            "help": {"text": explained, "markdown": _with_references(explained, rule)},
            "defaultConfiguration": {"level": LEVELS[rule.severity]},
            "properties": {
                "tags": ["security", *(f"external/cwe/cwe-{number:03}" for number in rule.cwe)],
                "security-severity": _SCORES[rule.severity],
                "precision": _PRECISION[rule.confidence],
            },
        }
        if rule.references or rule.cwe:
            descriptor["helpUri"] = (
                rule.references[0] if rule.references else f"https://cwe.mitre.org/data/definitions/{rule.cwe[0]}.html"
            )
        if rule.cwe:
            descriptor["relationships"] = [{"target": self.taxon(number), "kinds": ["superset"]} for number in rule.cwe]
        return descriptor


def _with_references(explained: str, rule: Rule) -> str:
    links = "\n".join(f"- <{link}>" for link in rule.references)
    return f"{explained}\n\n{links}" if links else explained
