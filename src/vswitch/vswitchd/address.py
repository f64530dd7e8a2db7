"""Which MAC address a bridge has, and which datapath id.

A bridge takes the lowest address of its ports that came with the hardware, so that the host is seen under one address
whatever its ports do.  Without such a port, the address is derived from the bridge's row: it survives restarts.

The datapath id is the address, unless the user says otherwise.  On a XenServer host, where internal networks have
bridges without hardware that are made anew at every boot, it comes from the host's UUID and the bridge's name instead,
so that controllers know the bridge again.

Sources: ovs-vswitchd.conf.db(5), Bridge: other_config:hwaddr, datapath-id, Port: mac; IEEE 802-2014 8.4 (local
addresses); XenServer 5.6 for the ids of its hosts.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from vswitch.vswitchd.bridge import BridgeConfig

MULTICAST, LOCAL = 1 << 40, 2 << 40
RESERVED_GROUPS = range(0x0180C2000000, 0x0180C2000010)


def bridge_mac(config: BridgeConfig, ports: Mapping[str, int]) -> int:
    """The address of a bridge whose interfaces, by name, have the addresses `ports`."""
    if config.hwaddr is not None:
        return config.hwaddr
    return hardware_mac(config, ports) or mac_of_row(config.uuid)


def hardware_mac(config: BridgeConfig, ports: Mapping[str, int]) -> int | None:
    """The lowest address that a bridge's ports have from their hardware; None if none has."""
    candidates = []
    for port in config.ports:
        members = sorted(interface.name for interface in port.interfaces if interface.name in ports)
        if not members or members[0] == config.name:
            continue
        mac = port.mac or ports[members[0]]
        if mac and not mac & (MULTICAST | LOCAL):
            candidates.append(mac)
    return min(candidates, default=None)


def datapath_id(config: BridgeConfig, ports: Mapping[str, int], host_uuid: str) -> int:
    """The datapath id of a bridge; `host_uuid` is XAPI's UUID of a XenServer host, else empty."""
    if config.datapath_id:
        return config.datapath_id
    mac = None if config.hwaddr is not None else hardware_mac(config, ports)
    if host_uuid and mac is None:
        from hashlib import sha1  # it imports all of OpenSSL with it, which other hosts can do without

        digest = sha1(f"{host_uuid},{config.name}".encode(), usedforsecurity=False).digest()
        return int.from_bytes(digest[:6], "big") & ~MULTICAST | LOCAL
    return bridge_mac(config, ports)


def xenserver_uuid(inventory: str = "/etc/xensource-inventory") -> str:
    """XAPI's UUID of this host; empty if this is no XenServer."""
    try:
        with open(inventory, encoding="utf-8", errors="replace") as file:
            text = file.read()
    except OSError:
        return ""
    found = re.search(r"^INSTALLATION_UUID='(.{36})'$", text, re.MULTILINE)
    return found[1] if found else ""


def mac_of_row(uuid: str) -> int:
    """A local address made of a row's UUID: its first six bytes as they lie in the memory of most machines."""
    digits = bytes.fromhex(uuid.replace("-", ""))
    octets = digits[3::-1] + digits[7:5:-1]
    return int.from_bytes(octets, "big") & ~MULTICAST | LOCAL


def patch_mac() -> int:
    """A random local address: patch ports have no device to take one from."""
    return int.from_bytes(os.urandom(6)) & ~MULTICAST | LOCAL
