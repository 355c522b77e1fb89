"""Reads a SARIF 2.1.0 log tolerantly: what is malformed is passed over and counted, the rest holds.

Section numbers are those of the OASIS standard "Static Analysis Results Interchange Format (SARIF) Version 2.1.0".
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from codetune_core.detectors.protocol import Detection
from codetune_core.detectors.sarif_places import Places
from codetune_core.detectors.sarif_rules import Rules, confidence_of, items, mapping, severity_of, string
from codetune_core.domain.document import Document
from codetune_core.domain.finding import Finding, Rule, Step
from codetune_core.domain.review import Notice

_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{(\d+)\}")
_LINK = re.compile(r"\[((?:[^\]\\]|\\.)+)\]\([^)\s]*\)")
_SHOWN = ("fail", "open", "review", "")
_LONGEST_MESSAGE = 1_000
_MOST_STEPS = 50


def read_log(text: bytes, document: Document, copy: Path, detector: str) -> Detection:
    """The findings of a log that are about one document.

    Args:
        text: UTF-8, as the tool wrote it.
        document: what the tool was asked about.
        copy: the file that the tool was given in its place.
        detector: name of the detector.

    Raises:
        ValueError: it is no SARIF of version 2.1.
    """
    findings: list[Finding] = []
    skipped, troubled = 0, False
    for run in _runs(text):
        rules, places = Rules(run), Places(run, document, copy)
        troubled = troubled or any(
            mapping(invocation).get("executionSuccessful") is False or _errors(mapping(invocation))
            for invocation in items(run.get("invocations"))
        )
        for result in items(run.get("results")):
            try:
                findings += _findings(mapping(result), rules, places, detector)
            except (ValueError, TypeError, AttributeError, LookupError):
                skipped += 1
    return Detection(tuple(findings), tuple(_notices(detector, skipped, troubled=troubled)))


def _runs(text: bytes) -> list[dict[str, Any]]:
    try:
        log = json.loads(text.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise ValueError("it did not write JSON") from None
    if not isinstance(log, dict) or not isinstance(log.get("runs"), list):
        raise ValueError("it wrote JSON that is not SARIF")  # noqa: TRY004 - malformed input, as the rest
    if not str(log.get("version")).startswith("2.1"):
        raise ValueError(f"it wrote SARIF of version {str(log.get('version'))[:20]}, and only 2.1.0 can be read")
    return [run for run in log["runs"] if isinstance(run, dict)]


def _errors(invocation: dict[str, Any]) -> bool:
    kinds = ("toolExecutionNotifications", "toolConfigurationNotifications")
    return any(mapping(notice).get("level") == "error" for kind in kinds for notice in items(invocation.get(kind)))


def _notices(detector: str, skipped: int, *, troubled: bool) -> Iterator[Notice]:
    if skipped:
        text = f"{detector}: {skipped} of its results could not be read, and are left out"
        yield Notice(f"malformed:{detector}", text)
    if troubled:
        yield Notice(f"troubled:{detector}", f"{detector}: reports an error of its own; findings may be missing")


def _findings(result: dict[str, Any], rules: Rules, places: Places, detector: str) -> Iterator[Finding]:
    """One finding for each location in the document."""
    if not _is_shown(result):
        return
    locations = items(result["locations"])
    if not locations:
        raise ValueError("a result without a place")
    rule, descriptor = rules.of(result)
    for location in locations:
        place = places.own(mapping(location))
        if place is not None:
            yield Finding(
                rule=rule,
                range=place,
                message=_message(result, descriptor, rule),
                severity=severity_of(result, descriptor),
                confidence=confidence_of(result, descriptor),
                detectors=(detector,),
                evidence=tuple(_steps(result, places))[:_MOST_STEPS],
            )


def _is_shown(result: dict[str, Any]) -> bool:
    """Not passed, not gone since the tool's baseline, not suppressed in the source or outside (3.27.9, .24, .23)."""
    states = [mapping(suppression).get("status", "accepted") for suppression in items(result.get("suppressions"))]
    suppressed = bool(states) and all(state == "accepted" for state in states)
    return result.get("kind", "") in _SHOWN and result.get("baselineState") != "absent" and not suppressed


def _message(result: dict[str, Any], descriptor: dict[str, Any], rule: Rule) -> str:
    """The text of a message with its arguments, links reduced to their words (3.11)."""
    message = mapping(result.get("message"))
    named = mapping(mapping(descriptor.get("messageStrings")).get(string(message.get("id"))))
    text = next(filter(None, (string(each.get(key)) for key in ("text", "markdown") for each in (message, named))), "")
    words = _LINK.sub(r"\1", _filled(text, items(message.get("arguments"))))
    return words.strip()[:_LONGEST_MESSAGE] or rule.title


def _filled(text: str, arguments: list[Any]) -> str:
    def value(match: re.Match[str]) -> str:
        if match[1] is None:
            return match[0][0]
        return str(arguments[int(match[1])]) if int(match[1]) < len(arguments) else match[0]

    return _PLACEHOLDER.sub(value, text) if arguments else text


def _steps(result: dict[str, Any], places: Places) -> Iterator[Step]:
    """The first path of the first code flow; where there is none, the related locations."""
    flow = mapping(next(iter(items(result.get("codeFlows"))), None))
    path = mapping(next(iter(items(flow.get("threadFlows"))), None))
    located = [mapping(mapping(step).get("location")) for step in items(path.get("locations"))]
    for location in located or [mapping(each) for each in items(result.get("relatedLocations"))]:
        try:
            place, uri = places.any(location)
        except (ValueError, TypeError):
            continue
        text = _LINK.sub(r"\1", string(mapping(location.get("message")).get("text")))
        yield Step(place, text[:_LONGEST_MESSAGE], uri)
