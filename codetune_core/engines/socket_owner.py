"""Whose server listens on a port of this machine: on a shared one, code is not sent to somebody else's."""

import ipaddress
import os
import sys
from pathlib import Path

_NET = Path("/proc/net")
_LISTENING = "0A"
_FIRST_PERSON = 1000
"""User ids below are the system's and its services' (UID_MIN of shadow's login.defs)."""


def is_ours(port: int, net: Path = _NET) -> bool:
    """Whether all that listens there for 127.0.0.1 belongs to this user, to root or to a service account.

    Where the system does not tell (no ``/proc/net``, as on macOS and Windows) it is taken to be.
    """
    if not net.is_dir():
        return True
    owners = _owners(port, net)
    return bool(owners) and all(owner == os.getuid() or owner < _FIRST_PERSON for owner in owners)


def _owners(port: int, net: Path) -> set[int]:
    """Return the user ids of the sockets; the columns are those of proc_pid_net(5)."""
    owners = set()
    for name in ("tcp", "tcp6"):
        table = net / name
        for line in table.read_text("ascii").splitlines()[1:] if table.exists() else []:
            columns = line.split()
            address, _, at = columns[1].partition(":")
            if columns[3] == _LISTENING and int(at, 16) == port and _takes_loopback(address):
                owners.add(int(columns[7]))
    return owners


def _takes_loopback(address: str) -> bool:
    """Whether a socket bound to an address, which is written in 32-bit words of this machine, gets 127.0.0.1's."""
    words = [int(address[start : start + 8], 16) for start in range(0, len(address), 8)]
    bound = ipaddress.ip_address(b"".join(word.to_bytes(4, sys.byteorder) for word in words))
    mapped = getattr(bound, "ipv4_mapped", None)
    return bound.is_unspecified or (mapped or bound) == ipaddress.ip_address("127.0.0.1")
