"""Which MAC address a bridge has.

A bridge takes the lowest address of its ports that came with the hardware, so that the host is seen under one address
whatever its ports do.  Without such a port, the address is derived from the bridge's row: it survives restarts.

Sources: ovs-vswitchd.conf.db(5), Bridge: other_config:hwaddr, Port: mac; IEEE 802-2014 8.4 (local addresses).
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from vswitch.vswitchd.bridge import BridgeConfig

MULTICAST, LOCAL = 1 << 40, 2 << 40
RESERVED_GROUPS = range(0x0180C2000000, 0x0180C2000010)


def bridge_mac(config: BridgeConfig, ports: Mapping[str, int]) -> int:
    """The address of a bridge whose interfaces, by name, have the addresses `ports`."""
    if config.hwaddr is not None:
        return config.hwaddr
    candidates = []
    for port in config.ports:
        members = sorted(interface.name for interface in port.interfaces if interface.name in ports)
        if not members or members[0] == config.name:
            continue
        mac = port.mac or ports[members[0]]
        if mac and not mac & (MULTICAST | LOCAL):
            candidates.append(mac)
    return min(candidates, default=mac_of_row(config.uuid))


def mac_of_row(uuid: str) -> int:
    """A local address made of a row's UUID: its first six bytes as they lie in the memory of most machines."""
    digits = bytes.fromhex(uuid.replace("-", ""))
    octets = digits[3::-1] + digits[7:5:-1]
    return int.from_bytes(octets, "big") & ~MULTICAST | LOCAL


def patch_mac() -> int:
    """A random local address: patch ports have no device to take one from."""
    return secrets.randbits(48) & ~MULTICAST | LOCAL
