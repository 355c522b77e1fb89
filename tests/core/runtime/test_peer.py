"""The kernel says whose process is at the other end of a Unix socket."""

import os
import socket
import struct

import pytest

from codetune_core.runtime import peer
from codetune_core.runtime.peer import peer_uid


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="there are no Unix sockets")
def test_it_is_told_of_a_socket_of_ones_own():
    one, other = socket.socketpair(socket.AF_UNIX)
    with one, other:
        assert peer_uid(one) == os.getuid()


class Told:
    """A socket of a kernel that tells this."""

    def __init__(self, content):
        self.content = content

    def getsockopt(self, level, option, size):
        assert (level, option) == (0, 1)
        if isinstance(self.content, Exception):
            raise self.content
        return self.content[:size]


@pytest.mark.parametrize(
    ("content", "uid"),
    [
        (struct.pack("IIh", 0, 501, 1) + bytes(66), 501),
        (struct.pack("IIh", 0, 4294967294, 1) + bytes(66), 4294967294),
        (b"", None),
        (OSError("not a Unix socket"), None),
    ],
)
def test_as_macos_and_freebsd_tell_it(monkeypatch, content, uid):
    monkeypatch.setattr(peer.sys, "platform", "darwin")
    assert peer_uid(Told(content)) == uid
