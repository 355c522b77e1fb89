"""Runs a program with limits of memory, time and file size, and without a network where the system allows it.

It is started by file, with this Python in isolated mode, and becomes the program: ``confine.py ANSWER MEMORY SECONDS
FILE -- PROGRAM ARGUMENT ...``. To the file descriptor ANSWER it says ``cut`` or ``open``: what became of the network.
"""

import ctypes
import os
import sys

_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
"""From <linux/sched.h>."""
_SIOCSIFFLAGS, _IFF_UP = 0x8914, 1
"""From <linux/sockios.h> and <linux/if.h>."""


def main(arguments: list[str]) -> None:
    """Set the limits, leave the network, say so, and become the program."""
    answer, memory, seconds, largest = map(int, arguments[:4])
    command = arguments[5:]
    is_cut = sys.platform == "linux" and leave_network()
    limit(memory, seconds, largest)
    os.write(answer, b"cut" if is_cut else b"open")
    os.close(answer)
    os.execv(command[0], command)  # noqa: S606 - the program is the workspace's Python, which its user trusts


def limit(memory: int, seconds: int, largest: int) -> None:
    """Bound memory (bytes), processor time (seconds) and files that are written (bytes); no memory image is left."""
    import resource  # noqa: PLC0415 - Windows has none

    bounds = {"RLIMIT_AS": memory, "RLIMIT_CPU": seconds, "RLIMIT_FSIZE": largest, "RLIMIT_CORE": 0}
    for name, bound in bounds.items():
        kind = getattr(resource, name)
        _, highest = resource.getrlimit(kind)
        bound = bound if highest == resource.RLIM_INFINITY else min(bound, highest)  # noqa: PLW2901
        try:
            resource.setrlimit(kind, (bound, bound))
        except (OSError, ValueError):  # macOS refuses to bound the address space
            continue


def leave_network() -> bool:
    """Move into a network namespace of one's own, with nothing but a loopback device; say whether that worked."""
    user, group = os.getuid(), os.getgid()
    library = ctypes.CDLL(None, use_errno=True)
    if library.unshare(_CLONE_NEWUSER | _CLONE_NEWNET):
        return False
    for name, line in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        try:
            with open(f"/proc/self/{name}", "w", encoding="ascii") as file:  # noqa: PTH123 - pathlib costs start-up
                file.write(line)
        except OSError:
            continue
    _raise_loopback()
    return True


def _raise_loopback() -> None:
    """Tests of what listens on this machine work; without it nothing does, which is no less safe."""
    import fcntl  # noqa: PLC0415 - Windows has none
    import socket  # noqa: PLC0415 - the tests' start waits for it only here
    import struct  # noqa: PLC0415

    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device:
            fcntl.ioctl(device, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP))
    except OSError:
        return


if __name__ == "__main__":
    main(sys.argv[1:])
