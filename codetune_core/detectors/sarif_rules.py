"""Rules, severity, confidence and weakness numbers of a SARIF run, where the several tools write them."""

import re
from collections.abc import Iterator
from typing import Any

from codetune_core.domain.finding import Confidence, Rule, Severity

_CWE = re.compile(r"\bcwe[-:_/ ]*0*(\d{1,5})\b", re.IGNORECASE)
_NUMBER = re.compile(r"(?:CWE-)?0*(\d{1,5})", re.IGNORECASE)
_BANDIT = re.compile(r"B(\d{3})")
_LEVELS = {"error": Severity.HIGH, "warning": Severity.MEDIUM, "note": Severity.LOW, "none": Severity.INFO}
_SCORES = ((9.0, Severity.CRITICAL), (7.0, Severity.HIGH), (4.0, Severity.MEDIUM), (0.1, Severity.LOW))
_PRECISIONS = {
    "very-high": Confidence.HIGH,
    "high": Confidence.HIGH,
    "medium": Confidence.MEDIUM,
    "low": Confidence.LOW,
}
_LONGEST_TITLE = 200


def mapping(value: Any) -> dict[str, Any]:
    """The value where it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    """The value where it is a JSON array, else an empty one."""
    return value if isinstance(value, list) else []


def string(value: Any) -> str:
    """The value where it is text, else an empty one."""
    return value if isinstance(value, str) else ""


class Rules:
    """The rules of one run, from the tool's driver and its extensions."""

    def __init__(self, run: dict[str, Any]) -> None:
        tool = mapping(run.get("tool"))
        self._components = [mapping(tool.get("driver")), *map(mapping, items(tool.get("extensions")))]
        self._taxonomies = [mapping(taxonomy) for taxonomy in items(run.get("taxonomies"))]
        self._known: dict[str, Rule] = {}

    def of(self, result: dict[str, Any]) -> tuple[Rule, dict[str, Any]]:
        """The rule of a result and its descriptor, empty where the tool gives none; raises ValueError without an id."""
        reference = mapping(result.get("rule"))
        written = string(result.get("ruleId")) or string(reference.get("id"))
        descriptor = self._descriptor(written, reference, result)
        rule_id = written or string(descriptor.get("id"))
        if not rule_id:
            raise ValueError("a result without a rule")
        cwe = tuple(dict.fromkeys([*self._weaknesses(result), *self._weaknesses(descriptor)]))
        key = f"{rule_id} {cwe}"
        if key not in self._known:
            self._known[key] = _rule(rule_id, descriptor, cwe)
        return self._known[key], descriptor

    def _descriptor(self, rule_id: str, reference: dict[str, Any], result: dict[str, Any]) -> dict[str, Any]:
        """By index in the component named, else by id; ``CA1000/1`` is a case of ``CA1000`` (3.52.3, 3.27.5)."""
        index = reference.get("index", result.get("ruleIndex"))
        component = mapping(reference.get("toolComponent")).get("index")
        owner = (
            self._components[component + 1] if isinstance(component, int) and component >= 0 else self._components[0]
        )
        rules = items(owner.get("rules"))
        if isinstance(index, int) and 0 <= index < len(rules):
            found = mapping(rules[index])
            if not rule_id or rule_id == found.get("id") or rule_id.startswith(f"{found.get('id')}/"):
                return found
        every = [mapping(rule) for each in self._components for rule in items(each.get("rules"))]
        named = {string(rule.get("id")): rule for rule in reversed(every)}
        return named.get(rule_id) or named.get(rule_id.rpartition("/")[0]) or {}

    def _weaknesses(self, part: dict[str, Any]) -> Iterator[int]:
        """CWE numbers from taxa, relationships, tags and properties of a result or a rule."""
        relations = [mapping(relation).get("target") for relation in items(part.get("relationships"))]
        for reference in map(mapping, [*items(part.get("taxa")), *relations]):
            number = _NUMBER.fullmatch(str(reference.get("id", "")))
            if number and (self._is_cwe(mapping(reference.get("toolComponent"))) or "CWE" in str(reference.get("id"))):
                yield int(number[1])
        properties = mapping(part.get("properties"))
        for tag in items(properties.get("tags")):
            yield from (int(number) for number in _CWE.findall(string(tag)))
        for name, value in properties.items():
            if "cwe" in name.lower():
                yield from _numbers(value)

    def _is_cwe(self, component: dict[str, Any]) -> bool:
        index = component.get("index")
        by_index = self._taxonomies[index] if isinstance(index, int) and 0 <= index < len(self._taxonomies) else {}
        same = (
            taxonomy
            for taxonomy in self._taxonomies
            if component.get("guid") and taxonomy.get("guid") == component["guid"]
        )
        names = (component.get("name"), by_index.get("name"), next(same, {}).get("name"))
        return any(string(name).upper().startswith("CWE") for name in names)


def _numbers(value: Any) -> Iterator[int]:
    if isinstance(value, list):
        for each in value:
            yield from _numbers(each)
    elif isinstance(value, dict):
        yield from _numbers(value.get("id"))
    elif number := _NUMBER.match(str(value)):
        yield int(number[1])


def _rule(rule_id: str, descriptor: dict[str, Any], cwe: tuple[int, ...]) -> Rule:
    described = mapping(descriptor.get("help"))
    full = mapping(descriptor.get("fullDescription"))
    title = string(mapping(descriptor.get("shortDescription")).get("text")) or _in_words(string(descriptor.get("name")))
    link = string(descriptor.get("helpUri"))
    texts = [string(each.get(key)) for each in (described, full) for key in ("markdown", "text")]
    bandit = _BANDIT.fullmatch(rule_id)
    return Rule(
        id=rule_id,
        title=(title.strip().splitlines() or [rule_id])[0][:_LONGEST_TITLE],
        cwe=cwe,
        severity=severity_of({}, descriptor),
        confidence=confidence_of({}, descriptor),
        explanation=next(filter(None, texts), ""),
        references=(link,) if link.startswith(("https://", "http://")) else (),
        aliases=(f"S{bandit[1]}",) if bandit else (),
    )


def _in_words(name: str) -> str:
    """``hardcoded_sql_expressions`` and ``HardcodedSqlExpressions`` -> ``Hardcoded sql expressions``."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])|_|(?<=\w)-(?=\w)", " ", name).strip()
    return words[:1].upper() + words[1:].lower()


def severity_of(result: dict[str, Any], descriptor: dict[str, Any]) -> Severity:
    """From ``security-severity`` (CVSS, cut at GitHub's limits) where there is one, else from the level."""
    for part in (result, descriptor):
        score = _score(mapping(part.get("properties")).get("security-severity"))
        if score is not None:
            return next((severity for least, severity in _SCORES if score >= least), Severity.INFO)
    default = string(mapping(descriptor.get("defaultConfiguration")).get("level"))
    return _LEVELS.get(string(result.get("level")) or default, Severity.MEDIUM)


def _score(value: Any) -> float | None:
    try:
        return None if value is None or isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        return None


def confidence_of(result: dict[str, Any], descriptor: dict[str, Any]) -> Confidence:
    """From the result's own confidence, else the rule's precision, else its tags."""
    own, general = mapping(result.get("properties")), mapping(descriptor.get("properties"))
    written = [part.get(key) for part in (own, general) for key in ("issue_confidence", "confidence", "precision")]
    tagged = [string(tag).lower().removesuffix(" confidence") for tag in items(general.get("tags"))]
    words = [str(word).lower() for word in [*written, *tagged]]
    return next((_PRECISIONS[word] for word in words if word in _PRECISIONS), Confidence.MEDIUM)
