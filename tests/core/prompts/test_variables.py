"""Values fit what a wording declares, or every mistake is told at once."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codetune_core.domain.prompt import Variable
from codetune_core.errors import RenderError
from codetune_core.prompts.variables import coerce, problems_of_declaration, resolve

INFINITY = float("inf")


def variable(kind, **rest):
    return Variable(name="it", type=kind, **rest)


def resolved(kind, value, **rest):
    return resolve([variable(kind, **rest)], {"it": value})["it"]


def refusal(declared, values):
    with pytest.raises(RenderError) as caught:
        resolve(declared, values)
    return str(caught.value)


@pytest.mark.parametrize(
    ("kind", "value", "limits"),
    [
        ("line", "a name", {}),
        ("line", "", {}),
        ("line", "x" * 1000, {}),
        ("line", "x" * 1001, {"max_chars": 2000}),
        ("text", "much\nprose", {}),
        ("code", "x = 1\n", {}),
        ("code", "\x00\ud800", {}),
        ("code", "x" * 100_000, {}),
        ("code", "abc", {"max_chars": 3}),
        ("integer", 3, {}),
        ("integer", 0, {"minimum": 0, "maximum": 5}),
        ("integer", 5, {"minimum": 0, "maximum": 5}),
        ("number", 3, {}),
        ("number", 0.5, {"maximum": 0.5}),
        ("number", -1e300, {}),
        ("boolean", True, {}),
        ("boolean", False, {}),
        ("list", [], {}),
        ("list", ["a", "b"], {}),
        ("list", ["a"] * 1000, {}),
        ("list", ["a", "b"], {"max_chars": 2}),
        ("line", "b", {"choices": ["a", "b"]}),
        ("integer", 2, {"choices": [1, 2]}),
        ("list", ["a", "a"], {"choices": ["a", "b"]}),
    ],
)
def test_a_value_that_fits_is_taken_as_it_is(kind, value, limits):
    assert resolved(kind, value, **limits) == value


@pytest.mark.parametrize(
    ("kind", "value", "limits", "said"),
    [
        ("line", 3, {}, "must be a text, not 3"),
        ("line", True, {}, "must be a text"),
        ("line", ["a"], {}, "must be a text"),
        ("text", {"a": 1}, {}, "must be a text"),
        ("code", 1.5, {}, "must be a text"),
        ("line", "x" * 1001, {}, "1,001 characters are more than the 1,000 allowed"),
        ("code", "abcd", {"max_chars": 3}, "4 characters are more than the 3 allowed"),
        ("code", "x" * 2_000_001, {}, "more than the 2,000,000 allowed"),
        ("integer", "3", {}, "must be an integer, not '3'"),
        ("integer", 3.0, {}, "must be an integer"),
        ("integer", True, {}, "must be an integer"),
        ("integer", 6, {"maximum": 5}, "6 is greater than 5"),
        ("integer", -1, {"minimum": 0}, "-1 is less than 0"),
        ("number", "x", {}, "must be a number"),
        ("number", False, {}, "must be a number"),
        ("number", INFINITY, {}, "must be a number"),
        ("number", float("nan"), {}, "must be a number"),
        ("number", 0.1, {"minimum": 0.2}, "0.1 is less than 0.2"),
        ("boolean", "true", {}, "must be true or false"),
        ("boolean", 1, {}, "must be true or false"),
        ("list", "a", {}, "must be a list of texts"),
        ("list", [1], {}, "must be a list of texts"),
        ("list", [["a"]], {}, "must be a list of texts"),
        ("list", ["a"] * 1001, {}, "1,001 items are more"),
        ("list", ["a"] * 3, {"max_chars": 2}, "3 items are more than the 2 allowed"),
        ("list", ["x" * 1001], {}, "an item of 1,001 characters"),
        ("line", "c", {"choices": ["a", "b"]}, "'c' is none of: a, b"),
        ("list", ["a", "c"], {"choices": ["a", "b"]}, "'c' is none of: a, b"),
        ("line", "x" * 500, {"choices": ["a"]}, "xxx... is none of: a"),
        ("text", None, {"description": "the question"}, "missing (the question); give it a text"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_in_words(kind, value, limits, said):
    assert said in refusal([variable(kind, **limits)], {"it": value})


def test_a_long_value_is_not_repeated_in_the_error():
    assert len(refusal([variable("integer")], {"it": "x" * 10_000})) < 200


@pytest.mark.parametrize(
    ("kind", "default"),
    [("line", "python"), ("integer", 0), ("boolean", False), ("list", []), ("text", ""), ("number", 0.0)],
)
@pytest.mark.parametrize("values", [{}, {"it": None}])
def test_a_default_stands_where_no_value_is_given(kind, default, values):
    assert resolve([variable(kind, default=default)], values) == {"it": default}


def test_an_optional_variable_without_default_has_no_value():
    assert resolve([variable("code", required=False)], {}) == {"it": None}


def test_all_mistakes_are_told_at_once():
    declared = [
        Variable(name="code", type="code", description="what to review"),
        Variable(name="language", type="line", choices=("python", "c")),
        Variable(name="limit", type="integer", maximum=5),
    ]
    said = refusal(declared, {"langauge": "python", "language": "rust", "limit": 9, "zzz": 1})
    assert said.split("\n")[1:] == [
        "- langauge: the prompt has no such variable; did you mean language?",
        "- zzz: the prompt has no such variable; it has code, language, limit",
        "- code: missing (what to review); give it a text",
        "- language: 'rust' is none of: python, c",
        "- limit: 9 is greater than 5",
    ]


def test_a_prompt_without_variables_says_so():
    assert "it has none" in refusal([], {"x": 1})


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("boolean", "true", True),
        ("boolean", "Yes", True),
        ("boolean", "1", True),
        ("boolean", " on ", True),
        ("boolean", "false", False),
        ("boolean", "NO", False),
        ("boolean", "0", False),
        ("boolean", "off", False),
        ("boolean", "maybe", "maybe"),
        ("boolean", "", ""),
        ("integer", "3", 3),
        ("integer", " -7 ", -7),
        ("integer", "3.5", 3.5),
        ("integer", "x", "x"),
        ("integer", "true", "true"),
        ("number", "0.5", 0.5),
        ("number", "1e3", 1000.0),
        ("number", "NaN", "NaN"),
        ("number", "Infinity", "Infinity"),
        ("number", "", ""),
        ("list", "a\nb\n", ["a", "b"]),
        ("list", '["a", "b"]', ["a", "b"]),
        ("list", "", []),
        ("list", "[broken", ["[broken"]),
        ("list", "one item", ["one item"]),
        ("line", "3", "3"),
        ("code", "true", "true"),
        ("text", " x ", " x "),
        ("integer", "9" * 5000, "9" * 5000),
        ("list", "[" * 100_000, ["[" * 100_000]),
    ],
)
def test_texts_of_a_command_line_are_read_by_their_type(kind, text, value):
    assert coerce([variable(kind)], {"it": text}) == {"it": value}


def test_what_is_not_declared_stays_for_resolve_to_name():
    assert coerce([], {"other": "x"}) == {"other": "x"}


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(["line", "integer", "number", "boolean", "list", "code"]), st.text(max_size=30))
def test_what_was_coerced_fits_or_is_refused_with_its_name(kind, text):
    declared = [variable(kind)]
    try:
        assert "it" in resolve(declared, coerce(declared, {"it": text}))
    except RenderError as error:
        assert "it: must be" in str(error)  # noqa: PT017 - either is right


@pytest.mark.parametrize(
    ("kind", "rest", "said"),
    [
        ("integer", {"default": "x"}, "must be an integer"),
        ("line", {"default": "x" * 5, "max_chars": 3}, "5 characters"),
        ("line", {"default": "c", "choices": ["a"]}, "is none of"),
        ("integer", {"choices": ["a"]}, "must be an integer"),
        ("integer", {"choices": [9], "maximum": 5}, "greater than 5"),
        ("line", {"cut": 1}, "only text and code can be cut"),
        ("list", {"choices": ["a", 1]}, "must be a list"),
        ("list", {"cut": 1}, "only text and code"),
        ("number", {"minimum": 2, "maximum": 1}, "minimum is greater than its maximum"),
    ],
)
def test_a_declaration_that_contradicts_itself_is_told(kind, rest, said):
    assert said in " ".join(problems_of_declaration(variable(kind, **rest)))


@pytest.mark.parametrize(
    ("kind", "rest"),
    [
        ("code", {"cut": 1}),
        ("text", {"cut": -1, "cut_from": "start"}),
        ("list", {"choices": ["a"], "default": ["a"]}),
        ("integer", {"default": 3, "minimum": 1, "maximum": 5, "choices": [3, 4]}),
    ],
)
def test_a_sound_declaration_has_no_problems(kind, rest):
    assert problems_of_declaration(variable(kind, **rest)) == []
