"""What the formats make of one and the same report."""

import io
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from rich.cells import cell_len

from codetune_core.cli.formats import as_text
from codetune_core.cli.formats.as_github import as_github
from codetune_core.cli.formats.as_json import as_json
from codetune_core.cli.formats.as_sarif import as_sarif
from codetune_core.cli.formats.as_text import plain_text, write_text
from codetune_core.cli.formats.summary import summary
from codetune_core.cli.report import Applied, FileReport, Report
from codetune_core.domain.document import Document
from codetune_core.domain.finding import Confidence, Finding, Rule, Severity, Step, Suppression, SuppressionKind
from codetune_core.domain.fix import Applicability, Fix, Verification
from codetune_core.domain.review import Notice
from codetune_core.domain.text import Edit, Range

PASSED = Verification(parses=True, names_resolve=True, finding_gone=True, nothing_new=True)
RULE = Rule("S608", "SQL built from strings", (89,), Severity.HIGH, Confidence.MEDIUM)
DOCUMENT = Document(
    "file:///w/a.py", "import db\n\n\ndef find(name):\n    return db.run('... ' + name)\n\n\nx = 1\n", "python"
)
FIX = Fix(
    "bind the value",
    Applicability.SAFE,
    (Edit(Range.of(0, 0, 0, 0), "import os\n"), Edit(Range.of(4, 18, 4, 31), "'... ?', [name]")),
    PASSED,
)
UNSAFE = replace(FIX, applicability=Applicability.UNSAFE)
FINDING = Finding(
    RULE, Range.of(4, 18, 4, 31), "Whoever sets `name` reads the database", Severity.HIGH, Confidence.HIGH,
    ("ruff", "calls"), id="00112233aabbccdd", symbol="find",
)  # fmt: skip


def report(*findings: Finding, document: Document = DOCUMENT, **more) -> Report:
    file = FileReport("src/a.py", "src/a.py", document, findings)
    return Report((file,), Counter(), **({"seconds": 1.26} | more))


def check(*findings: Finding, expected: str, document: Document = DOCUMENT) -> None:
    """The text of a report without its summary."""
    lines = plain_text(report(*findings, document=document)).splitlines()
    assert "\n".join(lines[:-1]).rstrip() == expected.strip("\n")


GOLDEN = """
 high  S608 CWE-89  SQL built from strings
   ╭─ src/a.py:5:19 in find
   │
 5 │     return db.run('... ' + name)
   │                   ━━━━━━━━━━━━━
   │
   ├ Whoever sets `name` reads the database
   ├ step 1 enters here (src/a.py:4)
   ├ step 2 comes from here (/w/b.py:10)
   ├ fix    bind the value (safe; parses, names resolve, finding gone, nothing new)
 1 │ + import os
 5 │ -     return db.run('... ' + name)
   │ +     return db.run('... ?', [name])
   ╰ found by ruff, calls, confidence high, id 00112233aabbccdd
"""


def test_a_finding_with_everything(monkeypatch):
    monkeypatch.chdir("/")
    steps = (
        Step(Range.of(3, 9, 3, 13), "enters here"),
        Step(Range.of(9, 0, 9, 1), "comes from here", "file:///w/b.py"),
    )
    check(replace(FINDING, evidence=steps, fixes=(FIX,)), expected=GOLDEN.replace("/w/b.py", "w/b.py"))


def test_a_direction_is_told_as_something_to_do():
    fix = Fix("think again", Applicability.DISPLAY_ONLY)
    assert "├ to do  think again" in plain_text(report(replace(FINDING, fixes=(fix,))))


def test_a_stale_finding_says_so():
    assert "from the last text that parsed" in plain_text(report(replace(FINDING, stale=True)))


def test_a_long_change_is_cut():
    fix = replace(FIX, edits=(Edit(Range.of(0, 0, 0, 0), "import os\n" * 40),))
    text = plain_text(report(replace(FINDING, fixes=(fix,))))
    assert text.count("+ import os") == 12
    assert "... and 28 more lines" in text


def test_a_long_range_is_shown_by_its_beginning_and_end():
    document = replace(DOCUMENT, text="f(\n" + "    a,\n" * 30 + ")\n")
    lines = plain_text(report(replace(FINDING, range=Range.of(0, 0, 31, 1)), document=document)).splitlines()
    assert [line for line in lines if "━" in line][-1].endswith("│ ━")
    assert [line.split("│")[0].strip() for line in lines if "│" in line][1:10:2] == ["1", "2", "3", "4", ""]
    assert any(line.startswith(" 32 │ )") for line in lines)


def test_a_range_that_ends_at_the_start_of_a_line_does_not_show_that_line():
    text = plain_text(report(replace(FINDING, range=Range.of(3, 0, 4, 0))))
    assert " 4 │ def find(name):" in text
    assert " 5 │" not in text


def test_a_range_behind_the_text_is_told_without_code():
    assert "src/a.py:100:1" in plain_text(report(replace(FINDING, range=Range.of(99, 0, 99, 1))))


@pytest.mark.parametrize(
    ("line", "marked"),
    [
        ("x = bad(1)", "bad(1)"),
        ("\tx = bad(1)", "bad(1)"),
        ("x\t= bad(1)", "bad(1)"),
        ("日本語 = bad(1)", "bad(1)"),
        ("x = bad('日本')", "bad('日本')"),
        ("s = '😀'; bad(1)", "bad(1)"),
        ("s = 'e\u0301'; bad(1)", "bad(1)"),
        ("s = '\x1b[2J'; bad(1)", "bad(1)"),
        ("s = '\u202e'; bad(1)", "bad(1)"),
        ("bad(\t1)", "bad(\t1)"),
    ],
)
def test_the_underline_stands_under_the_range_in_cells_of_the_terminal(line, marked):
    start = line.index(marked)
    finding = replace(FINDING, range=Range.of(0, start, 0, start + len(marked)))
    lines = plain_text(report(finding, document=replace(DOCUMENT, text=line + "\n"))).splitlines()
    code, under = (text.split("│ ", 1)[1] for text in lines[3:5])
    before = cell_len(under) - cell_len(under.lstrip())
    shown = marked.replace("\t", " " * (4 - 4 % 4) if "\t" in marked else "")
    position = code.index(shown[:3])
    assert cell_len(code[:position]) == before
    assert cell_len(code[position:]) == under.count("━")


@pytest.mark.parametrize("evil", ["\x1b]0;owned\x07", "\x1b[2J", "\u202e", "\u2066", "\r", "\x9b31m", "\u200b"])
def test_text_of_the_workspace_cannot_steer_the_terminal(evil):
    document = replace(DOCUMENT, text=f"x = '{evil}' + bad(1)\n")
    finding = replace(FINDING, message=f"see {evil}", symbol=f"f{evil}", rule=replace(RULE, title=f"t{evil}"),
                      range=Range.of(0, 0, 0, 4))  # fmt: skip
    file = FileReport(f"a{evil}.py", "a.py", document, (finding,), problem="")
    stream = io.StringIO()
    write_text(Report((file, FileReport(f"b{evil}", "b", problem=evil)), Counter(), (Notice("n", evil),)), stream)
    assert evil not in stream.getvalue()


def test_a_terminal_gets_colour_and_its_width_and_no_color_is_respected(monkeypatch):
    class Terminal(io.StringIO):
        encoding = "utf-8"

        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.delenv("NO_COLOR", raising=False)
    wide = replace(DOCUMENT, text="x = '" + "a" * 200 + "' + bad(1) + '" + "b" * 200 + "'\n")
    finding = replace(FINDING, range=Range.of(0, 209, 0, 215), message="long " * 30)
    coloured, plain = Terminal(), Terminal()
    write_text(report(finding, document=wide), coloured)
    monkeypatch.setenv("NO_COLOR", "1")
    write_text(report(finding, document=wide), plain)
    assert "\x1b[" in coloured.getvalue()
    assert "\x1b[31" not in plain.getvalue()
    body = plain.getvalue().splitlines()[:-1]
    code = next(line for line in body if "bad(1)" in line)
    assert code.count("…") == 2
    assert all(cell_len(line) <= 70 for line in body)


def test_a_stream_that_knows_no_unicode_gets_ascii():
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii", errors="replace")
    write_text(report(FINDING), stream)
    stream.flush()
    text = raw.getvalue().decode("ascii")
    assert "   -- src/a.py:5:19" in text
    assert "   |                   ^^^^^^^^^^^^^" in text
    assert "?" not in text


def test_fixes_problems_and_notices_are_told():
    files = (
        FileReport("a.py", "a.py", DOCUMENT, applied=(Applied(3, "S506", "use safe_load"),)),
        FileReport("b.bin", "b.bin", problem="is binary, not text"),
    )
    text = plain_text(Report(files, Counter(), (Notice("crashed:x", "x crashed"),)))
    assert text.splitlines()[:3] == [
        "fixed a.py:3 S506 use safe_load",
        "not reviewed: b.bin: is binary, not text",
        "notice: x crashed",
    ]


def _suppressed(kind: SuppressionKind) -> Finding:
    return replace(FINDING, suppression=Suppression(kind, ""))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (report(), "No findings. 1 file reviewed in 1.3 s."),
        (Report((), Counter()), "Nothing was reviewed. 0 files reviewed in 0.0 s."),
        (report(FINDING), "1 finding: 1 high. 1 file reviewed in 1.3 s."),
        (
            report(FINDING, replace(FINDING, severity=Severity.CRITICAL), replace(FINDING, severity=Severity.LOW)),
            "3 findings: 1 critical, 1 high, 1 low. 1 file reviewed in 1.3 s.",
        ),
        (report(replace(FINDING, fixes=(FIX,))), "1 finding: 1 high. 1 fixable with --fix. 1 file reviewed in 1.3 s."),
        (
            report(replace(FINDING, fixes=(UNSAFE,))),
            "1 finding: 1 high. 1 fixable with --unsafe-fixes. 1 file reviewed in 1.3 s.",
        ),
        (
            report(replace(FINDING, fixes=(FIX,)), replace(FINDING, fixes=(UNSAFE,))),
            "2 findings: 2 high. 1 fixable with --fix, 1 more with --unsafe-fixes. 1 file reviewed in 1.3 s.",
        ),
        (
            Report(
                (FileReport("a", "a", DOCUMENT, suppressed=(_suppressed(SuppressionKind.NOQA),) * 2),
                 FileReport("b", "b", skipped="generated")),
                Counter({"vendored": 2, "version control": 1}),
            ),
            "No findings. 2 suppressed (2 noqa). 1 file reviewed in 0.0 s, 3 skipped (1 generated, 2 vendored).",
        ),
        (
            Report((FileReport("a", "a", DOCUMENT, (FINDING,), applied=(Applied(1, "S1", "t"),)),), Counter()),
            "Fixed 1 finding. 1 remaining finding: 1 high. 1 file reviewed in 0.0 s.",
        ),
    ],
)  # fmt: skip
def test_the_summary_counts_what_matters_and_nothing_else(given, expected):
    assert summary(given) == expected


@pytest.mark.parametrize(
    ("severity", "command"),
    [("critical", "error"), ("high", "error"), ("medium", "warning"), ("low", "notice"), ("info", "notice")],
)
def test_github_gets_a_command_by_severity(severity, command):
    text = as_github(report(replace(FINDING, severity=Severity(severity))))
    assert text == (
        f"::{command} file=src/a.py,line=5,endLine=5,col=19,endColumn=31,"
        f"title={severity}%3A SQL built from strings (S608 CWE-89)::Whoever sets `name` reads the database\n"
    )


def test_github_gets_no_columns_of_a_range_over_several_lines():
    text = as_github(report(replace(FINDING, range=Range.of(3, 0, 4, 5))))
    assert text.startswith("::error file=src/a.py,line=4,endLine=5,title=")


def test_nothing_in_a_finding_can_start_another_command():
    rule = replace(RULE, title="a,b:c%\n::error::x", cwe=())
    file = FileReport("d,e:f.py", "", DOCUMENT, (replace(FINDING, rule=rule, message="100%\r\n::stop-commands::x"),))
    text = as_github(Report((file, FileReport("g", "", problem="is\nbinary")), Counter(), (Notice("n", "a\nb"),)))
    assert text.splitlines() == [
        (
            "::error file=d%2Ce%3Af.py,line=5,endLine=5,col=19,endColumn=31,"
            "title=high%3A a%2Cb%3Ac%25%0A%3A%3Aerror%3A%3Ax (S608)::100%25%0D%0A::stop-commands::x"
        ),
        "::error file=g::is%0Abinary",
        "::warning::a%0Ab",
    ]


def test_json_tells_evidence_fix_and_summary(monkeypatch):
    monkeypatch.chdir("/")
    steps = (Step(Range.of(3, 9, 3, 13), "enters"), Step(Range.of(0, 0, 0, 1), "far", "file:///w/b.py"),
             Step(Range.of(0, 0, 0, 1), "cell", "untitled:1"))  # fmt: skip
    content = json.loads(as_json(report(replace(FINDING, evidence=steps, fixes=(FIX,)), notices=(Notice("k", "t"),))))
    (finding,) = content["findings"]
    assert finding["evidence"] == [
        {"path": "src/a.py", "line": 4, "message": "enters"},
        {"path": "w/b.py", "line": 1, "message": "far"},
        {"path": "untitled:1", "line": 1, "message": "cell"},
    ]
    assert finding["cwe"] == [89]
    assert (finding["start_column"], finding["end_column"]) == (19, 32)
    assert {key: finding["fix"][key] for key in ("title", "applicability", "verified")} == {
        "title": "bind the value", "applicability": "safe", "verified": True,
    }  # fmt: skip
    assert content["summary"]["findings"] == {"critical": 0, "high": 1, "medium": 0, "low": 0, "info": 0}
    assert content["summary"]["notices"] == [{"key": "k", "text": "t"}]


def test_sarif_of_a_run_is_valid_and_relative_to_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    document = replace(DOCUMENT, uri=(tmp_path / "src" / "a.py").as_uri())
    file = FileReport(
        "src/a.py", "src/a.py", document, (replace(FINDING, fixes=(FIX,)),), (_suppressed(SuppressionKind.BASELINE),)
    )
    log = json.loads(as_sarif(Report((file, FileReport("b.bin", "", problem="is binary")), Counter())))
    schema = Path(__file__).parents[2] / "fixtures" / "sarif" / "sarif-2.1.0-rtm.5.json"
    jsonschema.Draft4Validator(json.loads(schema.read_text("utf-8"))).validate(log)
    results = log["runs"][0]["results"]
    addresses = {result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for result in results}
    assert addresses == {"src/a.py"}
    assert [len(result.get("suppressions", [])) for result in results] == [0, 1]
    failed = log["runs"][0]["invocations"][0]["toolExecutionNotifications"][0]["locations"][0]
    assert failed["physicalLocation"]["artifactLocation"]["uri"] == "b.bin"


def test_the_two_sets_of_signs_have_the_same_parts():
    assert as_text._UNICODE.keys() == as_text._ASCII.keys()


@pytest.mark.parametrize("cwe", [259, 312, 321, 522, 798])
def test_a_report_for_people_does_not_repeat_a_credential(cwe):
    place = Range.of(2, 7, 2, 16)
    text = replace(DOCUMENT, text="import os\n\nkey = 'hunter2-42'\n")
    fix = replace(FIX, edits=(Edit(Range.of(2, 6, 2, 18), "os.environ['KEY']"),))
    secret = replace(FINDING, rule=Rule("secret", "a key", (cwe,)), range=place, fixes=(fix,))
    shown = plain_text(report(secret, document=text))
    assert "key = '*********2'" in shown
    assert "hunter2" not in shown
