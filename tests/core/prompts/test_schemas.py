"""Schemas of answers: bounded, closed, free of line numbers, and said to the model as JSON Schema."""

import json

import pytest
from jsonschema import Draft202012Validator

from codetune_core.errors import InvalidOutput, RenderError
from codetune_core.prompts.answer import parse_answer
from codetune_core.prompts.schemas.registry import SCHEMAS, schema, schema_text

CLAIM = {"quote": "eval(x)", "rule": "code-injection", "severity": "high", "message": "runs what it is given"}
GOOD = {
    "findings": {"findings": [{**CLAIM, "cwe": "CWE-95", "confidence": "low", "remedy": "parse it"}]},
    "verdicts": {
        "verdicts": [{"candidate": 1, "call": "refute", "reason": "x is a constant", "evidence": ["x = 1"]}],
        "claims": [
            {**CLAIM, "symbol": "f", "cwe": "CWE-95", "confidence": "high", "evidence": ["x = input()"], "fix": "no"}
        ],
    },
    "finding_explanation": {"judgement": "false_positive", "explanation": "x is a constant", "evidence": ["x = 1"]},
    "diff_review": {
        "summary": "adds a route",
        "verdict": "request_changes",
        "comments": [{"path": "a.py", "quote": "eval(x)", "severity": "high", "message": "no"}],
    },
    "threat_model": {
        "purpose": "logs people in",
        "assets": ["passwords"],
        "entry_points": ["login()"],
        "threats": [
            {
                "title": "Guessing",
                "kind": "spoofing",
                "quote": "def login",
                "severity": "medium",
                "attack": "tries all",
                "mitigation": "slow down",
            }
        ],
    },
    "fix": {"edits": [{"quote": "eval(x)", "replacement": "literal_eval(x)"}], "explanation": "reads data only"},
    "rewrite": {"summary": "a set", "steps": [{"quote": "[]", "replacement": "set()", "reason": "O(1)"}]},
    "code": {"code": "def f(): ..."},
    "tests": {"code": "def test_f(): ...", "tests": [{"name": "test_f", "checks": "that f is there"}]},
    "docstring": {"docstring": "Return the sum."},
    "summary": {"summary": "It sorts."},
    "commit_message": {"subject": "Read data only", "body": "eval ran what it was given."},
    "answer_with_citations": {"answered": True, "answer": "42", "citations": [{"source": "a.py", "quote": "x = 42"}]},
}
ALL = pytest.mark.parametrize("name", SCHEMAS)


def value(data, name):
    return json.loads(parse_answer(json.dumps(data), name).output)


def refused(data, name):
    with pytest.raises(InvalidOutput) as caught:
        parse_answer(json.dumps(data), name)
    return str(caught.value)


def nodes(tree):
    """Every schema inside a JSON Schema."""
    if isinstance(tree, dict):
        yield tree
    for child in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from nodes(child)


def said(name):
    """The JSON Schema that a prompt shows."""
    return json.loads(schema_text(name).split("```json\n")[1].removesuffix("\n```"))


@ALL
def test_a_good_answer_is_taken(name):
    taken = value(GOOD[name], name)
    assert {field: taken[field] for field in GOOD[name] if not isinstance(taken[field], list)} == {
        field: given for field, given in GOOD[name].items() if not isinstance(given, list)
    }
    assert all(len(taken[field]) == len(given) for field, given in GOOD[name].items() if isinstance(given, list))


@ALL
def test_what_is_asked_for_is_what_is_checked(name):
    validator = Draft202012Validator(said(name))
    Draft202012Validator.check_schema(said(name))
    validator.validate(GOOD[name])
    validator.validate(value(GOOD[name], name))


@ALL
def test_no_text_and_no_list_is_unbounded(name):
    for node in nodes(schema(name).model_json_schema()):
        if node.get("type") == "string" and "enum" not in node:
            assert "maxLength" in node or "pattern" in node, node
        if node.get("type") == "array":
            assert "maxItems" in node, node


@ALL
def test_nothing_undeclared_is_taken_at_any_depth(name):
    objects = [node for node in nodes(schema(name).model_json_schema()) if node.get("type") == "object"]
    assert objects
    assert all(node["additionalProperties"] is False for node in objects)
    assert "extra" in refused({**GOOD[name], "extra": 1}, name)


@ALL
def test_no_line_numbers_are_asked_for(name):
    assert not {"line", "lines", "start_line", "end_line", "column", "offset"} & set(json.dumps(said(name)).split('"'))


@ALL
def test_an_empty_object_is_no_answer(name):
    assert "Field required" in refused({}, name)


@ALL
def test_the_prompt_says_the_schema_on_one_line_without_titles(name):
    text = schema_text(name)
    assert text.count("\n") == 4
    assert all(not isinstance(node.get("title"), str) for node in nodes(said(name)))
    assert len(text) < 4_000


def test_a_field_called_title_or_description_stays():
    assert "title" in said("threat_model")["$defs"]["Threat"]["properties"]


@pytest.mark.parametrize(
    ("given", "read"),
    [("CWE-89", "CWE-89"), ("cwe-89", "CWE-89"), (89, "CWE-89"), ("89", "CWE-89"), ("CWE 089", "CWE-89"), (None, None),
     ("CWE-89: SQL Injection", "CWE-89"), ("cwe_22", "CWE-22"), (" CWE-79 ", "CWE-79")],
)  # fmt: skip
def test_a_cwe_is_read_as_models_write_it(given, read):
    assert value({"findings": [{**CLAIM, "cwe": given}]}, "findings")["findings"][0]["cwe"] == read


@pytest.mark.parametrize("cwe", ["injection", "CWE-", "CWE-1234567", True, 1.5, -1, ["CWE-89"]])
def test_what_is_no_cwe_is_refused(cwe):
    assert "cwe" in refused({"findings": [{**CLAIM, "cwe": cwe}]}, "findings")


@pytest.mark.parametrize(("given", "read"), [("HIGH", "high"), (" Critical", "critical"), ("info", "info")])
def test_a_severity_is_read_in_any_case(given, read):
    assert value({"findings": [{**CLAIM, "severity": given}]}, "findings")["findings"][0]["severity"] == read


@pytest.mark.parametrize("kind", ["Elevation of Privilege", "ELEVATION_OF_PRIVILEGE", "elevation-of-privilege"])
def test_a_kind_of_threat_is_read_in_any_spelling(kind):
    threat = {**GOOD["threat_model"]["threats"][0], "kind": kind}
    assert (
        value({**GOOD["threat_model"], "threats": [threat]}, "threat_model")["threats"][0]["kind"]
        == "elevation_of_privilege"
    )


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("findings", {"findings": [{**CLAIM, "line": 3}]}, "line"),
        ("findings", {"findings": [{**CLAIM, "quote": ""}]}, "quote"),
        ("findings", {"findings": [{**CLAIM, "severity": "urgent"}]}, "severity"),
        ("findings", {"findings": [{**CLAIM, "rule": "two words"}]}, "rule"),
        ("findings", {"findings": [CLAIM] * 51}, "at most 50"),
        ("findings", {"findings": [{**CLAIM, "message": "x" * 6001}]}, "message"),
        ("fix", {"edits": [{"quote": "x"}]}, "replacement"),
        ("commit_message", {"subject": "x" * 73}, "subject"),
        ("commit_message", {"subject": "two\nlines"}, "subject"),
        ("answer_with_citations", {"citations": []}, "at least one citation"),
        ("tests", {"tests": []}, "tests"),
        ("code", {"code": ""}, "code"),
        ("threat_model", {"threats": [{"title": "x"}]}, "threats"),
        ("diff_review", {"verdict": "ok"}, "verdict"),
        ("finding_explanation", {"judgement": "maybe"}, "judgement"),
    ],
)
def test_what_a_schema_forbids_is_refused_by_name(name, change, said):
    assert said in refused({**GOOD[name], **change}, name)


def test_a_question_that_the_sources_do_not_answer_needs_no_citation():
    assert value({"answered": False, "answer": "The sources do not say."}, "answer_with_citations")["citations"] == []


@pytest.mark.parametrize("quote", ["  indented", "trailing  ", "two\nlines\n", "\ttab"])
def test_quotes_keep_their_white_space(quote):
    assert value({"findings": [{**CLAIM, "quote": quote}]}, "findings")["findings"][0]["quote"] == quote


@pytest.mark.parametrize(
    ("name", "hint"),
    [("finding", "did you mean findings?"), ("Fix", "did you mean fix?"), ("zz", "there are findings")],
)
def test_an_unknown_schema_is_refused_with_a_hint(name, hint):
    with pytest.raises(RenderError) as caught:
        schema(name)
    assert hint in str(caught.value)
