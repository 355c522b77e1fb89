"""Addresses of servers."""

import pytest

from codetune_core.errors import SettingsError
from codetune_core.http.address import parse_address


@pytest.mark.parametrize(
    ("written", "base_url", "root", "origin"),
    [
        ("http://localhost:11434/v1", "http://localhost:11434/v1", "http://localhost:11434", "http://localhost:11434"),
        ("http://localhost:8000/", "http://localhost:8000/v1", "http://localhost:8000", "http://localhost:8000"),
        ("https://API.Example.com", "https://api.example.com/v1", "https://api.example.com", "https://api.example.com"),
        ("https://h:443/openai/v1/", "https://h/openai/v1", "https://h/openai", "https://h"),
        ("https://h/api", "https://h/api", "https://h/api", "https://h"),
        (" http://[::1]:80/v1 ", "http://[::1]/v1", "http://[::1]", "http://[::1]"),
    ],
)
def test_an_address_is_read(written, base_url, root, origin):
    address = parse_address(written)
    assert (address.base_url, address.root, address.origin) == (base_url, root, origin)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "localhost:8000",
        "ftp://h/v1",
        "file:///etc/passwd",
        "http://",
        "http://h:x/v1",
        "http://[::1/v1",
        "https://h/v1?key=secret",
        "https://h/v1#secret",
        "https://user:secret@h/v1",
        "https://secret@h",
    ],
)
def test_what_is_no_address_is_refused_without_repeating_a_password(written):
    with pytest.raises(SettingsError, match=r"engine\.base_url") as caught:
        parse_address(written)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("host", "is_local"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("[::1]", True),
        ("a.localhost", True),
        ("localhost.", True),
        ("192.168.1.2", False),
        ("0.0.0.0", False),
        ("localhost.example.com", False),
        ("127.0.0.1.example.com", False),
    ],
)
def test_it_knows_this_machine(host, is_local):
    assert parse_address(f"http://{host}:1/v1").is_this_machine is is_local


@pytest.fixture
def environment(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return monkeypatch


@pytest.mark.parametrize(
    ("variables", "setting", "url", "proxy"),
    [
        ({}, "", "https://h", None),
        ({"HTTPS_PROXY": "http://p:1"}, "", "https://h", "http://p:1"),
        ({"HTTPS_PROXY": "p:1"}, "", "https://h", "http://p:1"),
        ({"HTTPS_PROXY": "http://p:1"}, "", "http://h", None),
        ({"HTTP_PROXY": "http://p:1"}, "", "http://h", "http://p:1"),
        ({"ALL_PROXY": "http://p:1"}, "", "https://h", "http://p:1"),
        ({"HTTPS_PROXY": "http://p:1"}, "http://q:2", "https://h", "http://q:2"),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "h"}, "", "https://h", None),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "h"}, "http://q:2", "https://h", "http://q:2"),
        ({"HTTP_PROXY": "http://p:1"}, "", "http://localhost:8000", None),
        ({}, "http://q:2", "http://127.0.0.1:8000", "http://q:2"),
    ],
)
def test_the_proxy_is_the_one_that_was_asked_for_or_that_of_the_environment(
    environment, variables, setting, url, proxy
):
    for name, value in variables.items():
        environment.setenv(name, value)
    assert parse_address(url).proxy(setting) == proxy


def test_a_proxy_that_does_not_speak_http_is_refused_in_words(environment):
    with pytest.raises(SettingsError, match="the proxy speaks socks5"):
        parse_address("https://h").proxy("socks5://user:secret@p:1")
