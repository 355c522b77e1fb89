"""All texts of a request are redacted together: the same secret is the same placeholder everywhere."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codetune_core.outbound.find import secrets_of
from codetune_core.outbound.placeholders import PLACEHOLDER, Placeholders
from codetune_core.outbound.redact import Span, redacted

NAMES = Placeholders(b"k" * 32)
PASSWORD = "Tr0ub4dor&3-mule"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.just(f'password = "{PASSWORD}"'),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)


def check(body):
    """What is sent, and what was replaced."""
    found = redacted(body, secrets_of, NAMES)
    return found.body, found.replaced


@given(JSON)
def test_putting_the_secrets_back_gives_the_same_json(body):
    sent, replaced = check(body)
    text = json.dumps(sent)
    for name, secret in replaced.items():
        text = text.replace(name, json.dumps(secret)[1:-1])
    assert json.loads(text) == json.loads(json.dumps(body))
    assert PASSWORD not in json.dumps(sent)


def test_a_secret_is_replaced_at_any_depth_in_keys_and_by_the_name_it_is_given_to():
    body = {"variables": {"env": [{"password": PASSWORD}, {"ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8": 1}]}}
    sent, replaced = check(body)
    assert len(replaced) == 2
    assert list(sent["variables"]["env"][0]) == ["password"]
    assert PLACEHOLDER.fullmatch(sent["variables"]["env"][0]["password"])
    assert PLACEHOLDER.fullmatch(*sent["variables"]["env"][1])


def test_a_secret_that_is_told_in_one_place_is_replaced_in_all():
    sent, replaced = check([f'password = "{PASSWORD}"', f"why is {PASSWORD} refused?"])
    [name] = replaced
    assert sent == [f'password = "{name}"', f"why is {name} refused?"]


def test_a_short_one_is_replaced_elsewhere_only_as_a_word():
    sent, replaced = check(['password = "splines9"', "splines9 resplines9x splines9!"])
    [name] = replaced
    assert sent[1] == f"{name} resplines9x {name}!"


def test_a_placeholder_that_stands_in_a_text_already_is_taken_for_no_other():
    forged = NAMES.name(PASSWORD)
    sent, replaced = check([f'password = "{PASSWORD}"', f"print({forged})"])
    [name] = replaced
    assert name != forged
    assert sent[1] == f"print({forged})"


def test_the_name_of_the_model_is_never_touched():
    body = {
        "model": "ft:Zx81kQ9pLm27TvB4nRw6Ys3D",
        "messages": [{"role": "user", "content": "ft:Zx81kQ9pLm27TvB4nRw6Ys3D"}],
    }
    sent, _ = check(body)
    assert sent["model"] == body["model"]
    assert sent["messages"][0]["content"] != body["model"]


@pytest.mark.parametrize("body", [None, 1, "x", [], {"a": [1, None, True, 2.5]}, {"code": "x = 1\n"}])
def test_what_has_no_secret_is_sent_as_it_is(body):
    assert check(body) == (body, {})


def test_what_overlaps_is_replaced_together():
    spans = [Span("jwt", 2, 6), Span("password", 4, 9)]
    found = redacted(["0123456789"], lambda text, _: spans if len(text) == 10 else [], NAMES)
    [name] = found.replaced
    assert found.body == [f"01{name}9"]
    assert found.replaced[name] == "2345678"
    assert found.counts == {"jwt": 1}
