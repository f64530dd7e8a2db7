"""Telling systemd that a daemon is ready.

Sources: sd_notify(3).
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress


def notify_ready() -> None:
    """Say so on the socket that $NOTIFY_SOCKET names, if somebody listens there; children are not to say it again."""
    path = os.environ.pop("NOTIFY_SOCKET", "")
    if not path:
        return
    address = "\0" + path[1:] if path.startswith("@") else path
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as endpoint,
        suppress(OSError),
    ):
        endpoint.sendto(f"MAINPID={os.getpid()}\nREADY=1".encode(), address)
