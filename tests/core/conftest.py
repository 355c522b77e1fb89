"""For tests of what asks servers: certificates, and a keyring of their own."""

import ssl

import keyring
import pytest
import trustme
from file_keyring import FileKeyring

from codetune_core.http.keys import OWN


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def tls(authority):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return context


@pytest.fixture
def ring(tmp_path, monkeypatch):
    """An empty keyring, and none of the usual variables."""
    for own in OWN.values():
        for name in own.variables:
            monkeypatch.delenv(name, raising=False)
    before = keyring.get_keyring()
    ring = FileKeyring(tmp_path / "keyring.json")
    keyring.set_keyring(ring)
    yield ring
    keyring.set_keyring(before)
