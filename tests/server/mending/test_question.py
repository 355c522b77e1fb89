"""What a model is asked about a finding, and what its answer proposes."""

import json

import pytest

from codetune_core.domain.document import Document
from codetune_core.domain.execution import Task
from codetune_core.domain.finding import Confidence, Finding, Rule, Severity, Standing, Verdict
from codetune_core.domain.text import Range
from codetune_core.errors import CodeTuneError
from codetune_core.mending.proposal import Proposal, Replaced
from codetune_core.workers.messages import Wanted
from codetune_server.folders import Folder
from codetune_server.mending.question import proposal, question

TEXT = "import yaml\n\n\ndef read(text):\n    return yaml.load(\n        text)\n\n\nafter = 1\n"
RANGE = Range.of(3, 0, 5, 13)


def finding(verdict=None, cwe=(502, 20)):
    place = Range.of(4, 11, 5, 13)
    rule = Rule("S506", "YAML that can build any object", cwe)
    return Finding(rule, place, "It runs code.", Severity.HIGH, Confidence.HIGH, ("ruff",), verdict=verdict)


def asked(uri="file:///home/shop/a.py", folder="file:///home", reason="", **about):
    document = Document(uri, TEXT, "python", 1)
    around = Folder.at(folder) if folder else None
    return question(document, finding(**about), around, Wanted(2, reason, (RANGE,)))


def test_the_model_sees_the_finding_the_code_that_may_change_and_the_file_around_it():
    request = asked()
    assert (request.task, request.prompt, request.sample_index) == (Task.FIX, "fix-finding", 2)
    assert (request.workspace, request.paths) == ("/home", ("/home/shop/a.py",))
    assert request.variables == {
        "finding": "YAML that can build any object: It runs code.\nThe flagged code: yaml.load( text)",
        "code": "def read(text):\n    return yaml.load(\n        text)",
        "language": "python",
        "path": "shop/a.py",
        "rule": "S506",
        "cwe": "CWE-502",
        "context": "import yaml\n\n\n\n\n\nafter = 1\n",
    }


def test_a_second_attempt_is_told_why_the_first_was_turned_down_and_a_models_remedy_is_passed_on():
    verdict = Verdict(Standing.CONFIRMED, "r", remedy="Use safe_load.")
    variables = asked(reason="x" * 9_000, verdict=verdict).variables
    assert variables["rejected"] == "x" * 4_000
    assert variables["finding"].endswith("\nUse safe_load.")


def test_a_text_on_no_disk_has_no_paths():
    request = asked("untitled:a.py", "", cwe=())
    assert (request.workspace, request.paths, request.variables["path"]) == ("", (), "a.py")
    assert "cwe" not in request.variables


def test_an_answer_is_read_as_quotes():
    edits = [{"quote": "a", "replacement": "b"}, {"quote": "c", "replacement": ""}]
    answer = json.dumps({"edits": edits, "explanation": "e"})
    assert proposal(answer) == Proposal(replaced=(Replaced("a", "b"), Replaced("c", "")))


@pytest.mark.parametrize("answer", ["", "[]", "{}", '{"edits": 1}', '{"edits": [1]}', '{"edits": [{"quote": "a"}]}'])
def test_an_answer_of_another_form_is_refused_so_that_it_is_asked_for_again(answer):
    assert "form" in proposal(answer).refused


def test_a_model_that_mends_nothing_has_the_word():
    with pytest.raises(CodeTuneError, match="mends nothing here"):
        proposal(json.dumps({"edits": [], "explanation": "It is meant so."}))
