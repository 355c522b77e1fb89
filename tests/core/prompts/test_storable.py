"""What not every database stores as it is, is refused wherever it hides."""

import pytest

from codetune_core.domain.prompt import FewShotExample, PromptDraft, Variable, Wording
from codetune_core.errors import PromptError
from codetune_core.prompts.storable import refuse_unstorable


def check(value) -> str:
    """What is said of a value, at the place that can hold any."""
    try:
        refuse_unstorable(Wording(user_prompt_template="x", variables=(Variable(name="code", default=value),)))
    except PromptError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    "value",
    ["\0", "a\0b", "\\\0", "\\\\\0", ["\0"], {"k": "\0"}, {"\0": 1}, [[{"k": ["a", "b\0"]}]], '"\0', "\\u0000\0"],
)
def test_nul_is_refused_at_any_depth(value):
    assert "NUL" in check(value)


@pytest.mark.parametrize(
    "value", ["\ud800", "a\udfff", {"\ud800": 1}, ["\udc80"], float("nan"), float("inf"), [float("-inf")]]
)
def test_what_is_neither_text_nor_number_is_refused(value):
    assert "cannot be stored" in check(value)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "\\u0000",
        "\\\\u0000",
        "\\\\\\u0000",
        "\\",
        "😀",
        "\ufffd",
        "\x01\x7f",
        "\u2028",
        '"',
        None,
        0,
        -1.5,
        [],
        {},
        {"u0000": "\\"},
    ],
)
def test_everything_else_is_not(value):
    assert check(value) == ""


@pytest.mark.parametrize(
    "content",
    [
        Wording(user_prompt_template="a\0"),
        Wording(user_prompt_template="x", system_prompt="\0"),
        Wording(user_prompt_template="x", model_type="\0"),
        Wording(user_prompt_template="x", few_shot_examples=(FewShotExample(variables={}, output="\0"),)),
        Wording(user_prompt_template="x", few_shot_examples=(FewShotExample(variables={"a": "\0"}, output=""),)),
        Wording(user_prompt_template="x", decoding={"stop": ["\0"]}),
        PromptDraft(name="x", description="\0"),
        PromptDraft(name="x", use_case="\0"),
        PromptDraft(name="x", tags=("a", "\0")),
    ],
)
def test_every_field_is_looked_at(content):
    with pytest.raises(PromptError, match="NUL"):
        refuse_unstorable(content)
