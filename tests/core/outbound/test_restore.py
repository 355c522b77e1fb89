"""Secrets come back into an answer, however it is cut into pieces."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from codetune_core.outbound.placeholders import PREFIX, Placeholders
from codetune_core.outbound.restore import Restorer

NAMES = Placeholders(b"k" * 32)
SECRETS = ["hunter2", 'a"b\\c\nd', "-----BEGIN\nKEY-----", "CODETUNE_SECRET_", "é🎉"]
REPLACED = {NAMES.name(secret): secret for secret in SECRETS}
FIRST = next(iter(REPLACED))
TEXTS = st.lists(
    st.one_of(st.sampled_from([*REPLACED, PREFIX, FIRST[:-1], "C", "CODE", "0"]), st.text(max_size=5)), max_size=12
).map("".join)


def fed(text: str, cuts: list[int], *, as_json: bool = False) -> str:
    restorer = Restorer(REPLACED, as_json=as_json)
    ends = sorted(cut % (len(text) + 1) for cut in cuts)
    pieces = [text[start:end] for start, end in zip([0, *ends], [*ends, len(text)], strict=True)]
    return "".join(map(restorer.feed, pieces)) + restorer.end()


@given(text=TEXTS, cuts=st.lists(st.integers(min_value=0), max_size=30), as_json=st.booleans())
@example(text=FIRST, cuts=list(range(30)), as_json=False)
@example(text=FIRST + FIRST[:-1], cuts=list(range(60)), as_json=False)
@example(text=PREFIX * 2 + FIRST, cuts=list(range(60)), as_json=True)
def test_any_cut_of_an_answer_gives_the_same_text(text, cuts, as_json):
    whole = Restorer(REPLACED, as_json=as_json).text(text)
    assert fed(text, cuts, as_json=as_json) == whole


@given(st.text(max_size=40), st.lists(st.integers(min_value=0), max_size=10))
def test_a_text_without_placeholders_comes_back_as_it_is(text, cuts):
    if not any(name in text for name in REPLACED):
        assert fed(text, cuts) == text


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_within_json_stays_json(secret):
    name = NAMES.name(secret)
    answer = json.dumps({"found": f"<{name}>"})
    assert json.loads(Restorer(REPLACED, as_json=True).text(answer)) == {"found": f"<{secret}>"}


def test_only_what_may_become_a_placeholder_is_held_back():
    restorer = Restorer(REPLACED)
    assert restorer.feed("all of this, C") == "all of this, "
    assert restorer.feed("ODE") == ""
    assert restorer.feed(" is") == "CODE is"
    assert restorer.feed(f" {PREFIX}") == " "
    assert restorer.end() == PREFIX
    assert restorer.end() == ""


def test_a_model_cannot_ask_for_a_secret_of_another_request():
    other = NAMES.name("of another request")
    assert Restorer(REPLACED).text(f"print({other})") == f"print({other})"
    assert Restorer({}).feed(FIRST) == FIRST
