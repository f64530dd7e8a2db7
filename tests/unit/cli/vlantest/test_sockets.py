"""ovs-vlan-test: its packets are never fragmented."""

from __future__ import annotations

import socket
from contextlib import closing

import pytest

from vswitch.base.options import CommandError
from vswitch.cli.vlantest.protocol import Address
from vswitch.cli.vlantest.sockets import open_vlan_socket, why


def test_packets_are_not_fragmented() -> None:
    with closing(open_vlan_socket(Address("127.0.0.1", 0))) as door:
        assert door.getsockopt(socket.IPPROTO_IP, 10) == 3  # IP_MTU_DISCOVER, IP_PMTUDISC_PROBE


def test_an_address_of_somebody_else() -> None:
    with pytest.raises(
        CommandError, match=r"^cannot use 192\.0\.2\.1:7 for packets: Cannot assign requested"
    ):
        open_vlan_socket(Address("192.0.2.1", 7))


def test_errors_in_words() -> None:
    assert why(OSError(111, "Connection refused")) == "Connection refused"
    assert why(OSError("timed out")) == "timed out"
