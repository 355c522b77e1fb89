"""Findings as SARIF: valid by the schema, and saying all that a finding says."""

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codetune_core.domain.document import Document
from codetune_core.domain.finding import (
    Confidence,
    Finding,
    Rule,
    Severity,
    Step,
    Suppression,
    SuppressionKind,
)
from codetune_core.domain.fix import Applicability, Fix, Verification
from codetune_core.domain.review import Notice
from codetune_core.domain.text import Edit, Range
from codetune_core.findings.sarif import Failure, Reviewed, sarif_log

ROOT = "file:///w/"
DOCUMENT = Document("file:///w/src/a%20b.py", "import os\r\nos.system('😀' + x)\r\n", "python")
RULE = Rule(
    "S605", "Command run through a shell", (78, 88), Severity.HIGH, Confidence.MEDIUM, "m", "Why it is **bad**.",
    ("https://example.org/s605",),
)  # fmt: skip
FINDING = Finding(
    RULE, Range.of(1, 10, 1, 17), "An attacker runs commands", Severity.HIGH, Confidence.HIGH, ("ruff", "calls"),
    id="0123456789abcdef", symbol="f.g",
)  # fmt: skip


@cache
def validator() -> jsonschema.Draft4Validator:
    path = Path(__file__).parents[2] / "fixtures" / "sarif" / "sarif-2.1.0-rtm.5.json"
    schema = json.loads(path.read_text("utf-8"))
    jsonschema.Draft4Validator.check_schema(schema)
    return jsonschema.Draft4Validator(schema)


def check(*findings: Finding, document: Document = DOCUMENT, notices=(), failures=()) -> dict:
    log = json.loads(
        json.dumps(sarif_log([Reviewed(document, findings)], notices, failures, root=ROOT, version="1.2.3"))
    )
    validator().validate(log)
    return log["runs"][0]


def test_the_validator_refuses_what_is_no_sarif():
    log = sarif_log([], [], [], root=ROOT, version="1.2.3")
    log["runs"][0]["columnKind"] = "bytes"
    with pytest.raises(jsonschema.ValidationError):
        validator().validate(log)


def test_a_run_without_findings_is_valid():
    run = check()
    assert run["results"] == []
    assert run["tool"]["driver"]["version"] == "1.2.3"
    assert run["columnKind"] == "unicodeCodePoints"


def test_a_result_says_where_in_code_points_from_1_with_the_end_after_the_last_character():
    (result,) = check(FINDING)["results"]
    location = result["locations"][0]
    assert location["physicalLocation"] == {
        "artifactLocation": {"uri": "src/a%20b.py", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 2, "startColumn": 11, "endLine": 2, "endColumn": 18},
    }
    assert location["logicalLocations"] == [{"fullyQualifiedName": "f.g"}]


def test_paths_are_relative_to_a_directory_that_is_named():
    assert check(FINDING)["originalUriBaseIds"] == {"%SRCROOT%": {"uri": ROOT}}


def test_a_file_elsewhere_keeps_its_whole_uri():
    (result,) = check(FINDING, document=replace(DOCUMENT, uri="file:///elsewhere/a.py"))["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"] == {"uri": "file:///elsewhere/a.py"}


def test_the_rule_carries_what_code_scanning_shows():
    (rule,) = check(FINDING)["tool"]["driver"]["rules"]
    assert rule["help"]["markdown"] == "Why it is **bad**.\n\n- <https://example.org/s605>"
    assert rule["helpUri"] == "https://example.org/s605"
    assert rule["properties"] == {
        "tags": ["security", "external/cwe/cwe-078", "external/cwe/cwe-088"],
        "security-severity": "8.0",
        "precision": "medium",
    }


@pytest.mark.parametrize(
    ("severity", "level", "least", "below"),
    [
        (Severity.CRITICAL, "error", 9.0, 10.1), (Severity.HIGH, "error", 7.0, 9.0),
        (Severity.MEDIUM, "warning", 4.0, 7.0), (Severity.LOW, "note", 0.1, 4.0), (Severity.INFO, "note", 0.1, 4.0),
    ],
)  # fmt: skip
def test_severity_in_the_words_and_numbers_of_code_scanning(severity, level, least, below):
    run = check(replace(FINDING, severity=severity, rule=replace(RULE, severity=severity)))
    (rule,) = run["tool"]["driver"]["rules"]
    assert run["results"][0]["level"] == rule["defaultConfiguration"]["level"] == level
    assert least <= float(rule["properties"]["security-severity"]) < below


def test_every_index_points_at_what_it_names():
    others = [
        replace(FINDING, rule=replace(RULE, id=name, cwe=cwe)) for name, cwe in [("Z9", (22,)), ("A1", (502, 22))]
    ]
    run = check(FINDING, *others)
    rules, taxa = run["tool"]["driver"]["rules"], run["taxonomies"][0]["taxa"]
    assert [rule["id"] for rule in rules] == ["A1", "S605", "Z9"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert [taxa[taxon["index"]]["id"] for taxon in result["taxa"]] == [taxon["id"] for taxon in result["taxa"]]
    for rule in rules:
        for target in (relationship["target"] for relationship in rule["relationships"]):
            assert taxa[target["index"]]["id"] == target["id"]
    assert run["tool"]["driver"]["supportedTaxonomies"] == [{"name": "CWE", "index": 0}]


def test_one_rule_under_two_descriptions_is_described_once():
    run = check(FINDING, replace(FINDING, rule=replace(RULE, title="Other", cwe=(77,))))
    assert len(run["tool"]["driver"]["rules"]) == 1
    assert run["results"][1]["taxa"] == [{"id": "77", "toolComponent": {"name": "CWE", "index": 0}}]


def test_a_rule_without_weakness_or_links_is_valid():
    run = check(replace(FINDING, rule=Rule("X1", "Something")))
    (rule,) = run["tool"]["driver"]["rules"]
    assert "helpUri" not in rule
    assert "relationships" not in rule
    assert "taxa" not in run["results"][0]


def test_a_rule_with_a_weakness_and_no_link_links_to_the_weakness():
    (rule,) = check(replace(FINDING, rule=Rule("X1", "Something", (89,))))["tool"]["driver"]["rules"]
    assert rule["helpUri"] == "https://cwe.mitre.org/data/definitions/89.html"


def test_the_fingerprints_follow_the_finding():
    (result,) = check(FINDING)["results"]
    assert result["partialFingerprints"]["codetuneFindingId/v1"] == "0123456789abcdef"
    moved = replace(FINDING, range=Range.of(3, 10, 3, 17))
    below = replace(DOCUMENT, text="# new\r\n\r\n" + DOCUMENT.text)
    (again,) = check(moved, document=below)["results"]
    assert again["partialFingerprints"] == result["partialFingerprints"]


def test_evidence_is_a_code_flow_that_ends_at_the_finding():
    steps = (
        Step(Range.of(0, 0, 0, 2), "enters here", "file:///w/src/other.py"),
        Step(Range.of(1, 0, 1, 2), "goes on here"),
    )
    (result,) = check(replace(FINDING, evidence=steps))["results"]
    (flow,) = result["codeFlows"][0]["threadFlows"]
    places = [step["location"] for step in flow["locations"]]
    assert [place["message"]["text"] for place in places] == ["enters here", "goes on here", RULE.title]
    assert [place["physicalLocation"]["artifactLocation"]["uri"] for place in places] == [
        "src/other.py", "src/a%20b.py", "src/a%20b.py",
    ]  # fmt: skip


def test_a_fix_replaces_what_it_says_and_a_direction_is_no_fix():
    edits = (Edit(Range.of(0, 0, 0, 0), "import subprocess\r\n"), Edit(Range.of(1, 0, 1, 18), "subprocess.run([x])"))
    done = Verification(parses=True, names_resolve=True, finding_gone=True, nothing_new=True)
    fixes = (
        Fix("pass a list", Applicability.UNSAFE, edits, done),
        Fix("think again", Applicability.DISPLAY_ONLY),
    )
    (result,) = check(replace(FINDING, fixes=fixes))["results"]
    (fix,) = result["fixes"]
    assert fix["description"]["text"] == "pass a list"
    assert fix["properties"] == {"applicability": "unsafe", "verified": True}
    (change,) = fix["artifactChanges"]
    assert change["replacements"] == [
        {
            "deletedRegion": {"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 1},
            "insertedContent": {"text": "import subprocess\r\n"},
        },
        {
            "deletedRegion": {"startLine": 2, "startColumn": 1, "endLine": 2, "endColumn": 19},
            "insertedContent": {"text": "subprocess.run([x])"},
        },
    ]


@pytest.mark.parametrize(
    ("kind", "where"),
    [
        (SuppressionKind.COMMENT, "inSource"), (SuppressionKind.NOQA, "inSource"), (SuppressionKind.NOSEC, "inSource"),
        (SuppressionKind.SETTING, "external"), (SuppressionKind.BASELINE, "external"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("reason", ["", "see SEC-12"])
def test_a_suppressed_finding_says_where_and_why(kind, where, reason):
    (result,) = check(replace(FINDING, suppression=Suppression(kind, reason)))["results"]
    (suppression,) = result["suppressions"]
    assert (suppression["kind"], suppression["properties"]["by"]) == (where, kind)
    assert suppression.get("justification", "") == reason


def test_what_went_wrong_is_a_notification_and_a_file_unread_a_failure():
    run = check(
        FINDING,
        notices=[Notice("crashed:x", "x crashed")],
        failures=[Failure("file:///w/b.py", "is binary")],
    )
    (invocation,) = run["invocations"]
    notice, failure = invocation["toolExecutionNotifications"]
    assert invocation["executionSuccessful"] is False
    assert (notice["descriptor"]["id"], notice["message"]["text"]) == ("crashed:x", "x crashed")
    assert failure["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "b.py"
    assert check(FINDING)["invocations"][0]["executionSuccessful"] is True


_WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(
    text=_WORDS, message=_WORDS, name=_WORDS, numbers=st.lists(st.integers(1, 2000), max_size=3), line=st.integers(0, 9)
)
def test_whatever_a_detector_says_is_valid(text, message, name, numbers, line):
    rule = Rule(name, message, tuple(dict.fromkeys(numbers)), explanation=text)
    document = replace(DOCUMENT, text=text)
    check(replace(FINDING, rule=rule, message=message, range=Range.of(line, 0, line, 1)), document=document)
