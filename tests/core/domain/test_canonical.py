"""Canonical JSON: equal values are one text, other values another."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codetune_core.domain.canonical import canonical_json, digest

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)


@pytest.mark.parametrize(
    ("one", "same"),
    [
        (1, 1.0),
        (0, -0.0),
        (10**16, 1e16),
        (10**22, 1e22),
        (10**23, 1e23),  # the float that 1e23 names is another number, but its JSON says these digits
        (17 * 10**307, 1.7e308),
        ([1], (1.0,)),
        ({"a": {"b": [0]}, "c": 2}, {"c": 2.0, "a": {"b": [-0.0]}}),
    ],
)
def test_equal_values_are_one_text(one, same):
    assert canonical_json(one) == canonical_json(same)
    assert digest(one) == digest(same)


@pytest.mark.parametrize(
    ("one", "other"),
    [(1, True), (0, False), (0, None), (1, "1"), (2**53, 2**53 + 1), (0.1, 0.1 + 2**-56), ([], {}), ("é", "e\u0301")],
)
def test_other_values_are_another(one, other):
    assert canonical_json(one) != canonical_json(other)
    assert digest(one) != digest(other)


@given(JSON)
def test_it_is_json_of_the_same_value(value):
    assert canonical_json(json.loads(canonical_json(value))) == canonical_json(value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [float("-inf")]])
def test_what_is_no_number_is_refused(value):
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json(value)


def test_what_is_no_json_is_refused():
    with pytest.raises(TypeError):
        canonical_json({"a": object()})


def test_half_a_surrogate_pair_has_a_digest():
    assert digest("\ud800") != digest("\ufffd")
