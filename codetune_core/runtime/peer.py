"""Who is at the other end of a Unix socket, as the kernel says it."""

import socket
import struct
import sys

_LINUX = struct.Struct("iII")
"""``struct ucred`` of unix(7): process, user and group."""
_BSD = struct.Struct("IIh")
"""The beginning of ``struct xucred`` of <sys/ucred.h>: version, user, number of groups."""
_SOL_LOCAL = 0
_LOCAL_PEERCRED = 1


def peer_uid(connected: socket.socket) -> int | None:
    """Return the user id of who connected; None where the kernel does not tell."""
    try:
        if sys.platform == "linux":
            return int(_LINUX.unpack(connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _LINUX.size))[1])
        found = connected.getsockopt(_SOL_LOCAL, _LOCAL_PEERCRED, _BSD.size)
        return int(_BSD.unpack(found)[1])
    except (OSError, struct.error):
        return None
