"""Tokens are counted as the model counts them, without torch."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from small_models import TINY
from tokenizers import Tokenizer, models, pre_tokenizers

from codetune_core.engines.transformers.tokens import count_tokens

TEXTS = ["", "def f(x):\n    return x + 1\n", "größer → 🐍", "<|user|> </s>", "\ud800", " " * 50]


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_counts_as_many_tokens_as_its_tokenizer_makes(text):
    own = Tokenizer.from_file(str(TINY / "tokenizer.json"))
    text_of = text.encode("utf-8", "replace").decode()
    assert count_tokens(str(TINY), text) == len(own.encode(text_of, add_special_tokens=False).ids)


@pytest.mark.parametrize("text", TEXTS)
def test_without_a_tokenizer_the_count_is_never_too_low(text, tmp_path):
    assert count_tokens(str(tmp_path), text) >= count_tokens(str(TINY), text)


def test_threads_may_count_at_once():
    texts = [f"value_{number} = {number}\n" * 50 for number in range(40)]
    with ThreadPoolExecutor(4) as pool:
        at_once = list(pool.map(lambda text: count_tokens(str(TINY), text), texts))
    assert at_once == [count_tokens(str(TINY), text) for text in texts]


def test_a_tokenizer_that_was_replaced_is_read_anew(tmp_path):
    path = tmp_path / "tokenizer.json"
    path.write_bytes((TINY / "tokenizer.json").read_bytes())
    text = "def function(value):"
    before = count_tokens(str(tmp_path), text)
    characters = Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    characters.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    characters.save(str(path))
    os.utime(path, ns=(1, 1))
    assert count_tokens(str(tmp_path), text) == len(text) > before
