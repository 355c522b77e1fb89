"""Tells systemd how a service of ``Type=notify`` is doing (sd_notify(3)); elsewhere nobody is told."""

import os
import socket


def notify(state: str) -> None:
    """Send a state, such as ``READY=1``, where a service manager asked for it."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):  # Linux' abstract names
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.sendto(state.encode(), address)
