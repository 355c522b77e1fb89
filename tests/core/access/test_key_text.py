"""What a key looks like, and that a mistyped one is told from a wrong one."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codetune_core.access.key_text import key_hash, key_id, new_key


def test_keys_are_written_alike_and_never_twice():
    texts = {new_key().text.get_secret_value() for _ in range(200)}
    assert len(texts) == 200
    assert {len(text) for text in texts} == {4 + 10 + 1 + 43 + 6}
    assert all(text.startswith("ctk_") and text.isascii() for text in texts)


def test_a_key_has_its_id_and_the_hash_that_is_stored():
    made = new_key()
    text = made.text.get_secret_value()
    assert key_id(text) == made.id
    assert made.hash == key_hash(text) == hashlib.sha256(text.encode()).hexdigest()
    assert text not in repr(made)


@given(st.data())
def test_one_mistyped_character_is_seen(data):
    text = new_key().text.get_secret_value()
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters(codec="ascii").filter(lambda character: character != text[place]))
    assert key_id(text[:place] + other + text[place + 1 :]) == ""


@given(st.text())
def test_any_other_text_is_no_key(text):
    assert key_id(text) == ""
    assert len(key_hash(text)) == 64


@pytest.mark.parametrize("change", [lambda t: t[:-1], lambda t: t + "0", lambda t: t + "\n", lambda t: " " + t])
def test_a_key_is_all_of_the_text(change):
    assert key_id(change(new_key().text.get_secret_value())) == ""
