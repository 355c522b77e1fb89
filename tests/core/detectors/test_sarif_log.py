import json
from pathlib import Path
from typing import Any

import pytest

from codetune_core.detectors.protocol import Detection
from codetune_core.detectors.sarif_log import read_log
from codetune_core.domain.document import Document
from codetune_core.domain.finding import Confidence, Finding, Severity, Step
from codetune_core.domain.text import Range

COPY = Path("/run/source/app.py")
TEXT = """import os
def run(name):
    text = "😀 é"; os.system("ls " + name)
    x = [
        1,
    ]

\treturn x
"""
CALL = 'os.system("ls " + name)'


def document(text: str = TEXT) -> Document:
    return Document("file:///shop/app.py", text, "python")


def region(line: int = 1, column: int | None = None, **more: Any) -> dict[str, Any]:
    return {"startLine": line, **({"startColumn": column} if column else {}), **more}


def location(where: dict[str, Any] | None = None, uri: str = "app.py", **more: Any) -> dict[str, Any]:
    physical: dict[str, Any] = {"artifactLocation": {"uri": uri}}
    return {"physicalLocation": {**physical, **({"region": where} if where is not None else {})}, **more}


def result(where: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {"ruleId": "R1", "message": {"text": "a flaw"}, "locations": [location(where or region())], **more}


def run(*results: Any, rules: Any = (), driver: str = "demo", **more: Any) -> dict[str, Any]:
    return {"tool": {"driver": {"name": driver, "rules": list(rules)}}, "results": list(results), **more}


def read(*runs: Any, text: str = TEXT, version: str = "2.1.0") -> Detection:
    log = json.dumps({"version": version, "runs": list(runs)}).encode()
    return read_log(log, document(text), COPY, "demo")


def check(*results: Any, **more: Any) -> list[str]:
    """The flagged texts of the results of one run."""
    detection = read(run(*results, **more))
    assert detection.notices == ()
    return [document().slice(finding.range) for finding in detection.findings]


def only(*results: Any, **more: Any) -> Finding:
    (finding,) = read(run(*results, **more)).findings
    return finding


# Columns of the call in line 3: 😀 is one code point, two UTF-16 units and four bytes; é is one, one and two.
@pytest.mark.parametrize(
    ("kind", "driver", "start"),
    [
        ({"columnKind": "utf16CodeUnits"}, "CodeQL", 20),
        ({"columnKind": "unicodeCodePoints"}, "demo", 19),
        ({}, "ESLint", 20),
        ({}, "Bandit", 23),
        ({}, "gosec", 23),
        ({}, "ruff", 19),
        ({}, "Semgrep OSS", 19),
        ({"columnKind": "utf16CodeUnits"}, "Bandit", 20),
        ({"columnKind": "nonsense"}, "demo", 20),
    ],
)
def test_columns_are_counted_as_the_run_says_or_as_its_tool_is_known_to(
    kind: dict[str, str], driver: str, start: int
) -> None:
    where = region(3, start, endColumn=start + len(CALL))
    assert check(result(where), driver=driver, **kind) == [CALL]


LINE = 'text = "😀 é"; os.system("ls " + name)'
REGIONS = [
    (region(1), "import os"),
    (region(1, 8), "os"),
    (region(1, 8, endColumn=10), "os"),
    (region(1, 1, endLine=1, endColumn=7), "import"),
    (region(3), LINE),
    (region(2, endLine=3), f"def run(name):\n    {LINE}"),
    (region(4, 5, endLine=6, endColumn=6), "x = [\n        1,\n    ]"),
    (region(4, 5, endLine=6), "x = [\n        1,\n    ]"),
    (region(8), "return x"),
    (region(8, 2, endColumn=8), "return"),
    (region(1, 8, endColumn=8), "os"),
    (region(1, 8, endColumn=3), "os"),
    (region(4, 5, endLine=2, endColumn=3), "x = ["),
    (region(1, 8, endColumn=999), "os"),
    (region(1, 999), "import os"),
    (region(8, endLine=99), "return x"),
    (region(7), ""),
    (region(1, 7, endColumn=10), "os"),
    ({"charOffset": 7, "charLength": 2}, "os"),
    ({"charOffset": TEXT.index("os.system") + 1, "charLength": len(CALL)}, CALL),
    ({"byteOffset": len(TEXT[: TEXT.index("os.system")].encode()), "byteLength": len(CALL)}, CALL),
    ({"charOffset": 7}, "os"),
    ({"charOffset": 99999, "charLength": 5}, ""),
    ({}, "import os"),
]


@pytest.mark.parametrize(("where", "text"), REGIONS, ids=str)
def test_a_region_becomes_the_text_it_stands_for(where: dict[str, Any], text: str) -> None:
    assert check({**result(), "locations": [location(where)]}) == [text]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_region_to_the_end_of_its_line_leaves_the_line_end_out(end: str) -> None:
    text = TEXT.replace("\n", end)
    (finding,) = read(run(result(region(1, 8))), text=text).findings
    assert finding.range == Range.of(0, 7, 0, 9)


MALFORMED: list[Any] = [
    None, 7, "text", [], {}, {"ruleId": "R1"}, {"ruleId": "R1", "locations": []}, {"ruleId": "R1", "locations": "x"},
    {"locations": [location(region())]}, result(region(0)), result(region(-3)), result({"startLine": "1"}),
    result({"startLine": None}), result({"startLine": True}), result({"startLine": 1.5}), result(region(999)),
    result(region(1, -2)), result({"startLine": 1, "startColumn": "2"}), result({"startLine": 1, "endLine": "2"}),
    result({"charOffset": -1}), result({"charOffset": 1, "charLength": "9"}), {**result(), "locations": [{}]},
    {**result(), "locations": [{"physicalLocation": 3}]}, {**result(), "locations": [location(region(), uri="")]},
    {"ruleId": 5, "locations": [location(region())]},
]  # fmt: skip


@pytest.mark.parametrize("bad", MALFORMED, ids=lambda value: str(value)[:60])
def test_a_malformed_result_is_left_out_and_counted_and_the_others_stand(bad: Any) -> None:
    detection = read(run(result(), bad, bad, result(region(3))))
    assert [finding.range.start.line for finding in detection.findings] == [0, 2]
    assert [notice.text for notice in detection.notices] == [
        "demo: 2 of its results could not be read, and are left out"
    ]


@pytest.mark.parametrize(
    "more",
    [
        {"message": None},
        {"message": {"text": 3}},
        {"message": {"text": "a {9} b", "arguments": ["x"]}},
        {"codeFlows": 3},
        {"codeFlows": [None]},
        {"codeFlows": [{"threadFlows": [{"locations": [4, {"location": None}]}]}]},
        {"taxa": "x"},
        {"relatedLocations": [None, {"physicalLocation": {}}]},
        {"properties": []},
        {"properties": {"tags": [None, 3]}},
        {"properties": {"security-severity": "high"}},
        {"properties": {"cwe": {"id": None}}},
        {"level": 7},
        {"rule": 5},
        {"suppressions": "x"},
        {"ruleIndex": 99},
        {"ruleIndex": -5},
        {"rule": {"toolComponent": {"index": 0}}, "x": 1},
        {"taxa": [{"id": 5, "toolComponent": {"index": 8}}]},
    ],
    ids=str,
)
def test_a_malformed_part_costs_only_itself_or_its_result(more: dict[str, Any]) -> None:
    detection = read(run({**result(), **more}, result(region(3))))
    assert detection.findings[-1].range.start.line == 2
    assert len(detection.findings) + len(detection.notices) == 2


@pytest.mark.parametrize(
    "other",
    [
        None,
        3,
        "run",
        {},
        {"results": None},
        {"results": {}},
        {"tool": 3, "results": []},
        {"invocations": [3]},
        {"artifacts": "x"},
    ],
)
def test_a_malformed_run_costs_only_itself(other: Any) -> None:
    assert len(read(other, run(result()), other).findings) == 1


@pytest.mark.parametrize(
    ("uri", "own"),
    [
        ("app.py", True), ("source/app.py", True), ("./source/app.py", True), (COPY.as_uri(), True), (str(COPY), True),
        ("/run/./source/app.py", True), ("file:///run/source/app%2Epy", True), ("source\\app.py", True),
        ("other.py", False), ("file:///run/source/other.py", False), ("file:///elsewhere/app.py", False),
        ("https://example.org/app.py", False), ("/app.py", False),
    ],
)  # fmt: skip
def test_only_results_about_the_document_count(uri: str, own: bool) -> None:  # noqa: FBT001
    found = read(run({**result(), "locations": [location(region(), uri)]}))
    assert (len(found.findings), found.notices) == (int(own), ())


def test_the_file_may_be_named_by_its_index_and_by_a_base() -> None:
    artifacts = [{"location": {"uri": "other.py"}}, {"location": {"uri": "app.py", "uriBaseId": "SRC"}}]
    bases = {"SRC": {"uri": "source/", "uriBaseId": "ROOT"}, "ROOT": {"uri": "file:///run/"}}
    by_index = [{"physicalLocation": {"artifactLocation": {"index": index}, "region": region()}} for index in (0, 1)]
    found = read(run({**result(), "locations": by_index}, artifacts=artifacts, originalUriBaseIds=bases))
    assert len(found.findings) == 1
    elsewhere = {**bases, "ROOT": {"uri": "file:///other/"}}
    found = read(run({**result(), "locations": by_index}, artifacts=artifacts, originalUriBaseIds=elsewhere))
    assert found.findings == ()
    endless = {"SRC": {"uri": "a/", "uriBaseId": "SRC"}}
    assert (
        len(read(run({**result(), "locations": by_index}, artifacts=artifacts, originalUriBaseIds=endless)).findings)
        == 1
    )


def test_each_location_of_a_result_is_a_finding() -> None:
    assert check(
        {**result(), "locations": [location(region(1)), location(region(8)), location(region(1), "b.py")]}
    ) == [
        "import os",
        "return x",
    ]


@pytest.mark.parametrize(
    ("own", "general", "severity"),
    [
        ({"level": "error"}, {}, Severity.HIGH),
        ({"level": "warning"}, {}, Severity.MEDIUM),
        ({"level": "note"}, {}, Severity.LOW),
        ({"level": "none"}, {}, Severity.INFO),
        ({}, {}, Severity.MEDIUM),
        ({"level": "loud"}, {}, Severity.MEDIUM),
        ({}, {"defaultConfiguration": {"level": "error"}}, Severity.HIGH),
        ({"level": "note"}, {"defaultConfiguration": {"level": "error"}}, Severity.LOW),
        ({}, {"properties": {"security-severity": "9.8"}}, Severity.CRITICAL),
        ({"level": "note"}, {"properties": {"security-severity": "9.0"}}, Severity.CRITICAL),
        ({}, {"properties": {"security-severity": "8.9"}}, Severity.HIGH),
        ({}, {"properties": {"security-severity": 7}}, Severity.HIGH),
        ({}, {"properties": {"security-severity": "6.9"}}, Severity.MEDIUM),
        ({}, {"properties": {"security-severity": "3.9"}}, Severity.LOW),
        ({}, {"properties": {"security-severity": "0.0"}}, Severity.INFO),
        ({"properties": {"security-severity": "2"}}, {"properties": {"security-severity": "9"}}, Severity.LOW),
        ({"level": "error"}, {"properties": {"security-severity": "bad"}}, Severity.HIGH),
    ],
)
def test_severity_comes_from_the_score_else_the_level(
    own: dict[str, Any], general: dict[str, Any], severity: Severity
) -> None:
    assert only({**result(), **own}, rules=[{"id": "R1", **general}]).severity is severity


@pytest.mark.parametrize(
    ("own", "general", "confidence"),
    [
        ({}, {}, Confidence.MEDIUM),
        ({}, {"precision": "very-high"}, Confidence.HIGH),
        ({}, {"precision": "high"}, Confidence.HIGH),
        ({}, {"precision": "low"}, Confidence.LOW),
        ({"issue_confidence": "HIGH"}, {"precision": "low"}, Confidence.HIGH),
        ({"confidence": "LOW"}, {}, Confidence.LOW),
        ({}, {"tags": ["security", "HIGH CONFIDENCE"]}, Confidence.HIGH),
        ({}, {"tags": ["LOW CONFIDENCE"]}, Confidence.LOW),
        ({"confidence": 0.3}, {}, Confidence.MEDIUM),
    ],
)
def test_confidence_comes_from_the_result_else_the_rule(
    own: dict[str, Any], general: dict[str, Any], confidence: Confidence
) -> None:
    found = only({**result(), "properties": own}, rules=[{"id": "R1", "properties": general}])
    assert found.confidence is confidence


TAXONOMIES = [{"name": "OWASP", "guid": "g0"}, {"name": "CWE", "guid": "g1"}]


@pytest.mark.parametrize(
    ("own", "general", "cwe"),
    [
        ({}, {"properties": {"tags": ["security", "external/cwe/cwe-089", "external/cwe/cwe-564"]}}, (89, 564)),
        ({}, {"properties": {"tags": ["CWE-78: Improper Neutralization", "OWASP-A03:2021"]}}, (78,)),
        ({"properties": {"tags": ["cwe-022"]}}, {}, (22,)),
        ({}, {"properties": {"cwe": "CWE-327"}}, (327,)),
        ({}, {"properties": {"cwe": ["CWE-327", "CWE-328"]}}, (327, 328)),
        ({"properties": {"issue_cwe": {"id": 259, "link": "x"}}}, {}, (259,)),
        ({}, {"properties": {"cwe": 95}}, (95,)),
        ({}, {"relationships": [{"target": {"id": "338", "toolComponent": {"name": "CWE"}}}]}, (338,)),
        ({}, {"relationships": [{"target": {"id": "338", "toolComponent": {"index": 1}}}]}, (338,)),
        ({}, {"relationships": [{"target": {"id": "338", "toolComponent": {"guid": "g1"}}}]}, (338,)),
        ({}, {"relationships": [{"target": {"id": "338", "toolComponent": {"index": 0}}}]}, ()),
        ({"taxa": [{"id": "CWE-79"}]}, {}, (79,)),
        (
            {"taxa": [{"id": "79", "toolComponent": {"name": "cwe"}}]},
            {"properties": {"tags": ["CWE-79", "CWE-80"]}},
            (79, 80),
        ),
        ({}, {"properties": {"tags": ["security"]}}, ()),
    ],
)
def test_weaknesses_are_found_where_tools_write_them(
    own: dict[str, Any], general: dict[str, Any], cwe: tuple[int, ...]
) -> None:
    assert only({**result(), **own}, rules=[{"id": "R1", **general}], taxonomies=TAXONOMIES).rule.cwe == cwe


@pytest.mark.parametrize(
    ("message", "strings", "text"),
    [
        ({"text": "plain"}, {}, "plain"),
        ({"text": "uses {0} and {1}", "arguments": ["md5", "x"]}, {}, "uses md5 and x"),
        ({"text": "a {{brace}} {0}", "arguments": ["z"]}, {}, "a {brace} z"),
        ({"text": "f'{name}' {0}"}, {}, "f'{name}' {0}"),
        ({"text": "value from [a parameter](1) to [a call](2)."}, {}, "value from a parameter to a call."),
        ({"text": "see [docs](https://example.org/x)"}, {}, "see docs"),
        ({"text": "x[0] and (y)"}, {}, "x[0] and (y)"),
        ({"markdown": "only `markdown`"}, {}, "only `markdown`"),
        ({"id": "default", "arguments": ["md5"]}, {"default": {"text": "uses {0}"}}, "uses md5"),
        ({"text": "  trimmed\n"}, {}, "trimmed"),
        ({}, {}, "Weak hash"),
    ],
)  # fmt: skip
def test_a_message_is_filled_and_freed_of_links(message: dict[str, Any], strings: dict[str, Any], text: str) -> None:
    rule = {"id": "R1", "shortDescription": {"text": "Weak hash"}, "messageStrings": strings}
    assert only({**result(), "message": message}, rules=[rule]).message == text


def test_a_rule_takes_its_words_from_the_descriptor() -> None:
    rule = {
        "id": "R1", "name": "WeakHash", "shortDescription": {"text": "Weak hash"}, "fullDescription": {"text": "Full."},
        "help": {"text": "Plain help", "markdown": "**Help**"}, "helpUri": "https://example.org/r1",
    }  # fmt: skip
    found = only(result(), rules=[rule]).rule
    assert (found.id, found.title, found.explanation, found.references) == (
        "R1",
        "Weak hash",
        "**Help**",
        ("https://example.org/r1",),
    )
    assert (
        only(result(), rules=[{"id": "R1", "name": "WeakHash", "helpUri": "javascript:alert(1)"}]).rule.references == ()
    )
    assert only(result(), rules=[{"id": "R1", "name": "WeakHash"}]).rule.title == "Weak hash"
    assert only(result()).rule.title == "R1"


@pytest.mark.parametrize(
    ("reference", "rule_id"),
    [
        ({"ruleId": "R2"}, "R2"),
        ({"ruleIndex": 1}, "R2"),
        ({"ruleId": "R2", "ruleIndex": 0}, "R2"),
        ({"rule": {"index": 1}}, "R2"),
        ({"rule": {"id": "R2"}}, "R2"),
        ({"ruleId": "R2/case", "ruleIndex": 1}, "R2/case"),
        ({"ruleId": "R2/case"}, "R2/case"),
    ],
)
def test_a_rule_is_found_by_id_and_by_index(reference: dict[str, Any], rule_id: str) -> None:
    bare = {key: value for key, value in result().items() if key != "ruleId"}
    rules = [{"id": "R1", "shortDescription": {"text": "one"}}, {"id": "R2", "shortDescription": {"text": "two"}}]
    found = only({**bare, **reference}, rules=rules).rule
    assert (found.id, found.title) == (rule_id, "two")


def test_a_rule_of_an_extension_is_found() -> None:
    """As CodeQL writes them since its query packs are extensions."""
    extension = {
        "name": "codeql/python-queries",
        "rules": [{"id": "py/x", "shortDescription": {"text": "of the pack"}}],
    }
    tool = {"driver": {"name": "CodeQL", "rules": [{"id": "R1"}]}, "extensions": [{"name": "empty"}, extension]}
    by_index = {**result(), "ruleId": "py/x", "rule": {"id": "py/x", "index": 0, "toolComponent": {"index": 1}}}
    for each in (by_index, {**result(), "ruleId": "py/x"}):
        (found,) = read({"tool": tool, "results": [each]}).findings
        assert found.rule.title == "of the pack"


@pytest.mark.parametrize(("rule_id", "aliases"), [("B608", ("S608",)), ("B1", ()), ("XB608", ()), ("S608", ())])
def test_bandit_s_names_answer_to_ruff_s(rule_id: str, aliases: tuple[str, ...]) -> None:
    assert only({**result(), "ruleId": rule_id}).rule.aliases == aliases


FLOW = [
    location(region(2, 9, endColumn=13), message={"text": "[name](1) comes in"}),
    location(
        region(3, TEXT.splitlines()[2].index("name") + 1, endColumn=TEXT.splitlines()[2].index("name") + 5),
        "app.py",
        message={"text": "and goes out"},
    ),
    location(region(5, 2, endColumn=4), "file:///lib/other.py", message={"text": "elsewhere"}),
    location(region(5, 2), "other.py", message={"text": "unknown place"}),
]


def test_a_code_flow_becomes_evidence() -> None:
    flows = [{"threadFlows": [{"locations": [{"location": step} for step in FLOW]}]}]
    found = only(
        {**result(), "codeFlows": flows, "relatedLocations": [location(region(1))]}, columnKind="unicodeCodePoints"
    )
    assert [document().slice(step.range) for step in found.evidence[:2]] == ["name", "name"]
    assert [step.message for step in found.evidence] == ["name comes in", "and goes out", "elsewhere"]
    assert found.evidence[2] == Step(Range.of(4, 1, 4, 3), "elsewhere", "file:///lib/other.py")


def test_related_locations_are_evidence_where_there_is_no_flow() -> None:
    found = only({**result(), "relatedLocations": FLOW[:1]})
    assert found.evidence == (Step(Range.of(1, 8, 1, 12), "name comes in", None),)


@pytest.mark.parametrize(
    "more",
    [
        {"suppressions": [{"kind": "inSource"}]}, {"suppressions": [{"kind": "external", "status": "accepted"}]},
        {"kind": "pass"}, {"kind": "notApplicable"}, {"kind": "informational"}, {"baselineState": "absent"},
    ],
)  # fmt: skip
def test_a_suppressed_passed_or_gone_result_is_dropped(more: dict[str, Any]) -> None:
    assert check({**result(), **more}) == []


@pytest.mark.parametrize(
    "more",
    [
        {"suppressions": []}, {"suppressions": None}, {"suppressions": [{"kind": "external", "status": "rejected"}]},
        {"suppressions": [{"status": "accepted"}, {"status": "underReview"}]}, {"kind": "fail"}, {"kind": "open"},
        {"baselineState": "unchanged"}, {"baselineState": "new"},
    ],
)  # fmt: skip
def test_a_result_that_still_holds_is_kept(more: dict[str, Any]) -> None:
    assert check({**result(), **more}) == ["import os"]


@pytest.mark.parametrize(
    ("invocation", "told"),
    [
        ({"executionSuccessful": True}, False), ({"executionSuccessful": False}, True),
        ({"executionSuccessful": True, "toolExecutionNotifications": [{"level": "error"}]}, True),
        ({"toolConfigurationNotifications": [{"level": "error", "message": {"text": "x"}}]}, True),
        ({"toolExecutionNotifications": [{"level": "warning"}]}, False),
    ],
)  # fmt: skip
def test_an_error_that_the_tool_reports_is_said(invocation: dict[str, Any], told: bool) -> None:  # noqa: FBT001
    notices = read(run(result(), invocations=[invocation])).notices
    assert [notice.key for notice in notices] == (["troubled:demo"] if told else [])


def test_several_runs_and_a_byte_order_mark_are_read() -> None:
    log = json.dumps({"version": "2.1.0", "runs": [run(result()), run(result(region(8)))]}).encode("utf-8-sig")
    assert len(read_log(log, document(), COPY, "demo").findings) == 2


@pytest.mark.parametrize("text", ["", "\n", "\ufeff", "x", "\r", "a\rb"])
def test_any_text_can_be_pointed_at(text: str) -> None:
    (finding,) = read(run(result(region(1, 1))), text=text).findings
    assert finding.range.start <= finding.range.end


@pytest.mark.parametrize(
    "log", [b"", b"x", b"[]", b"{}", b"null", b'{"runs": 1}', b'{"version": "2.0.0", "runs": []}', b"\xff"]
)
def test_what_is_no_sarif_is_refused(log: bytes) -> None:
    with pytest.raises(ValueError, match="it "):
        read_log(log, document(), COPY, "demo")
