"""What differs between two versions, field by field and line by line."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codetune_core.domain.prompt import Decoding, FewShotExample, Variable, VariableType, Wording
from codetune_core.prompts.diff import changed_fields, readable, unified

BASE = Wording(
    system_prompt="You review code.\nBe exact.",
    user_prompt_template="Review:\n{{ code }}\n",
    few_shot_examples=(FewShotExample(variables={"code": "eval(x)"}, output="no"),),
    variables=(Variable(name="code", type=VariableType.CODE, cut=1), Variable(name="language", default="python")),
    decoding=Decoding(top_p=0.9, stop=("END",)),
)
TITLES = ("review, version 1", "review, version 2")


def check(**changes) -> list[tuple]:
    """What the diff says of some changed fields."""
    found = changed_fields(BASE, Wording.model_validate({**BASE.model_dump(), **changes}))
    return [(change.field, change.change, change.before, change.after) for change in found]


CODE, LANGUAGE = ({"name": "code", "type": "code", "cut": 1}, {"name": "language", "default": "python"})
SHOWN_CODE = {"type": "code", "cut": 1}
SHOWN_LANGUAGE = {"type": "text", "default": "python", "required": False}
EXAMPLE = {"variables": {"code": "eval(x)"}, "output": "no"}
OTHER = {"variables": {"code": "exec(x)"}, "output": "neither"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, []),
        ({"temperature": 0.2}, [("temperature", "changed", 0.7, 0.2)]),
        ({"max_tokens": 10}, [("max_tokens", "changed", 2048, 10)]),
        ({"model_type": "whiterabbitneo"}, [("model_type", "added", None, "whiterabbitneo")]),
        ({"system_prompt": ""}, [("system_prompt", "changed", BASE.system_prompt, "")]),
        ({"user_prompt_template": "x"}, [("user_prompt_template", "changed", "Review:\n{{ code }}\n", "x")]),
        ({"decoding": {"stop": ["END"]}}, [("decoding.top_p", "removed", 0.9, None)]),
        ({"decoding": {"top_p": 0.9}}, [("decoding.stop", "removed", ["END"], None)]),
        ({"decoding": {"top_p": 0.5, "stop": ["END"]}}, [("decoding.top_p", "changed", 0.9, 0.5)]),
        ({"decoding": {"top_p": 0.9, "stop": ["END"], "seed": 0}}, [("decoding.seed", "added", None, 0)]),
        ({"variables": [CODE]}, [("variables.language", "removed", SHOWN_LANGUAGE, None)]),
        (
            {"variables": [CODE, LANGUAGE, {"name": "rules", "type": "list"}]},
            [("variables.rules", "added", None, {"type": "list"})],
        ),
        (
            {"variables": [{**CODE, "cut": 2}, LANGUAGE]},
            [("variables.code", "changed", SHOWN_CODE, {"type": "code", "cut": 2})],
        ),
        (
            {"variables": [LANGUAGE, CODE]},
            [("variables, in order", "changed", ["code", "language"], ["language", "code"])],
        ),
        ({"few_shot_examples": []}, [("few_shot_examples.1", "removed", EXAMPLE, None)]),
        ({"few_shot_examples": [EXAMPLE, OTHER]}, [("few_shot_examples.2", "added", None, OTHER)]),
        ({"few_shot_examples": [OTHER]}, [("few_shot_examples.1", "changed", EXAMPLE, OTHER)]),
    ],
)
def test_a_change_is_named_by_its_field(changes, said):
    assert check(**changes) == said


def test_a_text_is_compared_line_by_line():
    after = BASE.model_copy(update={"system_prompt": "You review code.\nBe kind."})
    assert unified(BASE, after, TITLES).splitlines()[:2] == ["--- review, version 1", "+++ review, version 2"]
    changed = [line for line in unified(BASE, after, TITLES).splitlines()[3:] if line[0] in "+-"]
    assert changed == ["-  Be exact.", "+  Be kind."]


def test_a_line_ends_where_a_text_editor_ends_it():
    wording = Wording(user_prompt_template="a\x0cb\u2028c\rd\ne")
    assert readable(wording).split("\n")[-2:] == ["  a\x0cb\u2028c\rd", "  e"]


def test_equal_wordings_have_no_unified_diff():
    assert unified(BASE, BASE.model_copy(), TITLES) == ""


TEXTS = st.text(st.sampled_from('a :|"\n\t{}.\\'), max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from([0.0, 1.0, 0.5]) | TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=4,
)
WORDINGS = st.builds(
    Wording,
    system_prompt=TEXTS,
    user_prompt_template=TEXTS.filter(bool),
    few_shot_examples=st.lists(
        st.builds(FewShotExample, variables=st.dictionaries(TEXTS, VALUES, max_size=2), output=TEXTS), max_size=2
    ),
    variables=st.lists(
        st.builds(Variable, name=st.sampled_from("abc"), description=TEXTS, default=VALUES, cut=st.none() | st.just(0)),
        max_size=3,
        unique_by=lambda variable: variable.name,
    ),
    model_type=st.none() | st.sampled_from(["", "null", "x"]),
    temperature=st.sampled_from([0, 0.7, 1]),
    decoding=st.builds(Decoding, seed=st.none() | st.integers(0, 1), stop=st.lists(TEXTS, max_size=2)),
)


patient = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def spoiled(wording: Wording, place: int) -> Wording:
    """A near relative: one character of its JSON altered, where that still is a wording."""
    text = wording.model_dump_json()
    place %= len(text)
    try:
        return Wording.model_validate_json(text[:place] + ("0" if text[place] == "1" else "1") + text[place + 1 :])
    except ValueError:
        return wording


@patient
@given(WORDINGS, WORDINGS, st.integers(0, 10_000))
def test_only_equal_wordings_have_no_difference(one, another, place):
    for other in (another, spoiled(one, place), Wording.model_validate_json(one.model_dump_json())):
        same = one.content_hash == other.content_hash
        assert (changed_fields(one, other) == ()) is same
        assert (readable(one) == readable(other)) is same
        assert (unified(one, other, TITLES) == "") is same


@patient
@given(WORDINGS, WORDINGS)
def test_a_diff_backwards_says_the_opposite(one, another):
    opposite = {"added": "removed", "removed": "added", "changed": "changed"}
    there = {(c.field, c.change, json.dumps(c.before), json.dumps(c.after)) for c in changed_fields(one, another)}
    back = {
        (c.field, opposite[c.change], json.dumps(c.after), json.dumps(c.before)) for c in changed_fields(another, one)
    }
    assert there == back
