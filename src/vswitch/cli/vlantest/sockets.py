"""The socket that the packets of a test go through.

They are never fragmented: a driver that cannot take a full packet with its tag would go unnoticed if it got two halves.

Sources: ip(7), IP_MTU_DISCOVER.
"""

from __future__ import annotations

import socket

from vswitch.base.options import CommandError
from vswitch.cli.vlantest.protocol import Address

_IP_MTU_DISCOVER, _IP_PMTUDISC_PROBE = 10, 3  # set DF; what routers have said of the path does not matter


def open_vlan_socket(here: Address) -> socket.socket:
    """A UDP socket at `here`; raises CommandError."""
    door = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        door.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, _IP_PMTUDISC_PROBE)
        door.setblocking(False)
        door.bind((here.host, here.port))
    except OSError as error:
        door.close()
        raise CommandError(f"cannot use {here} for packets: {why(error)}") from None
    return door


def why(error: OSError) -> str:
    """What went wrong, in words."""
    return error.strerror or str(error)
