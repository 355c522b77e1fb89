"""Secrets are found in whatever they are written, and ordinary code is left as it is."""

import argparse
import asyncio.base_events
import email.message
import http.client
import pathlib
import random
import secrets
import string
import time
import urllib.request
import uuid

import pytest
from canaries import CANARIES, CODE, traces

from codetune_core.outbound.entropy import entropy, is_random
from codetune_core.outbound.find import secrets_of
from codetune_core.outbound.placeholders import Placeholders
from codetune_core.outbound.redact import redacted

NAMES = Placeholders(b"k" * 32)


def check(text: str, name: str = "") -> list[str]:
    """The secrets that are found in a text."""
    return [text[span.start : span.end] for span in secrets_of(text, name)]


@pytest.mark.parametrize("secret", CANARIES, ids=lambda secret: secret[:12].replace("\n", " "))
def test_each_kind_of_secret_is_found_in_a_line_of_its_own(secret):
    found = redacted({"code": CANARIES[secret].format(secret)}, secrets_of, NAMES)
    left = found.body["code"].encode()
    assert not any(trace in left for trace in traces(secret))
    [(name, _)] = found.replaced.items()
    assert found.body["code"].replace(name, found.replaced[name]) == CANARIES[secret].format(secret)


def test_all_together_have_a_placeholder_each():
    found = redacted([CODE], secrets_of, NAMES)
    assert len(found.replaced) == len(CANARIES)
    [left] = found.body
    for name, secret in found.replaced.items():
        left = left.replace(name, secret)
    assert left == CODE


@pytest.mark.parametrize(
    "text",
    [
        "password = getpass()",
        "def getpass(prompt='Password: ', stream=None): return 'x'",
        "password = self.password",
        "password: str",
        "def login(user: str, password: str = '') -> Token: ...",
        "PASSWORD = os.environ['PASSWORD']",
        'token = os.getenv("API_TOKEN")',
        'api_key = "<your api key>"',
        'API_KEY = "your-api-key-here"',
        'password = "changeme"',
        'url = f"postgresql://{user}:{password}@{host}/db"',
        "postgresql://$USER:$PASSWORD@localhost/db",
        "SECRET_KEY=${SECRET_KEY}",
        "SECRET_KEY=settings.secret_key,",
        "token = tokenizer.next_token()",
        'label = {"password": "Enter your password"}',
        '"token_type": "bearer"',
        '"type": "password"',
        "commit 9fceb02d0ae598e95dc970b74767f19372d61af8",
        "image: redis@sha256:4a1c4b21597c1b4415bdbecb28a3296c6b5e23ca4f9feeb599860a1dac6a0108",
        "https://github.com/acme/shop/blob/064ff9941b4b80b85916a8afe86a6c21fd388b54/a.py",
        '"integrity": "sha512-v2kDEe57lecTulaDIuNTPy3Ry4gLGJ6Z1O3vE1krgXZNrsQ+LFTGHVxVjcXPs17LhbZVGedAJv8XZ1tv"',
        f"id: {uuid.UUID(int=0x1234567890ABCDEF1234567890ABCDEF)}",
        "class AbstractSingletonProxyFactoryBeanConfiguration2: pass",
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
        "from package.subpackage.module_one_two_three import something_very_long_2",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKHEChMOyXcrvzMnWn8wMM9PpgYiQ1tCUNVaVTdq4ZzL ada@laptop",
        "src: url(data:font/woff2;base64,d09GMgABAAAAAAqQAA4AAAAAFMQAAAo7AAEAAAAAAAAAAAAAAAAAAAAAAAA)",
        "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUQ2x9Zk3\nqK5r0yJ8aWm2c9PdQe7\n-----END CERTIFICATE-----",
        "0x9fceb02d0ae598e95dc970b74767f19372d61af8",
        "CODETUNE_SECRET_1a2b3c4d5e",
        "",
    ],
)
def test_what_is_no_secret_is_left_as_it_is(text):
    assert check(text) == []


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("password", "hunter2x!", True),
        ("dbPassword", "correct-h0rse", True),
        ("X-Api-Key", "a8f5f167f44f", True),
        ("password", "${PASSWORD}", False),
        ("password_field", "user_password", False),
        ("passphrase", "correct horse battery staple", True),
        ("password", "Grüße-2026!", True),
        ("password", "a phrase of Words", False),
        ("code", "x = 1", False),
    ],
)
def test_a_value_is_told_by_the_name_that_it_is_given_to(name, text, found):
    assert check(text, name) == ([text] if found else [])


def test_a_private_key_that_is_cut_is_replaced_to_its_end():
    text = 'key = """-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nBKcwggSjAgEAAo'
    assert check(text) == [text[text.index("-----") :]]


def test_a_secret_in_capital_letters_that_grow_when_they_are_made_small_is_found_at_its_place():
    assert check('İİİ password = "hunter2x!"') == ["hunter2x!"]


@pytest.mark.parametrize("length", [20, 32, 64])
@pytest.mark.parametrize("more", ["", "+/", "-_"])
def test_nearly_all_random_strings_look_random(more, length):
    characters = string.ascii_letters + string.digits + more
    draw = random.Random(length)
    drawn = ["".join(draw.choice(characters) for _ in range(length)) for _ in range(400)]
    assert sum(map(is_random, drawn)) > 0.9 * len(drawn)


def test_entropy_is_in_bits_for_each_character():
    assert (entropy("aaaa"), entropy("abab"), entropy("abcd")) == (0, 1, 2)


@pytest.mark.parametrize("module", [argparse, asyncio.base_events, email.message, http.client, urllib.request, secrets])
def test_hardly_anything_of_the_standard_library_is_taken_for_a_secret(module):
    text = pathlib.Path(module.__file__).read_text("utf-8")
    # In `secrets` two examples of its documentation are drawn by chance; in `urllib.request` one is a password.
    assert len(check(text)) <= 2


def test_a_long_line_takes_no_longer_than_many_short_ones():
    pieces = ["x=1", "token", "a:b@", "password", "-----BEGIN", "key", "://u:", "<secret>"]
    draw = random.Random(1)
    words = [draw.choice(pieces) for _ in range(15_000)]

    def took(text: str) -> float:
        began = time.process_time()
        check(text)
        return time.process_time() - began

    took("warm up")
    assert took(" ".join(words)) < 20 * took("\n".join(words)) + 1
