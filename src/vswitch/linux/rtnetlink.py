"""Network devices and their addresses, through rtnetlink: query, change, make, remove, and hear of changes.

The messages are few and fixed, so this module builds them itself: `import pyroute2`, of which any part imports all,
takes 0.2 s, and every start of the switch would pay it.

    device = rtnl.link("eth0")                   # KernelError(ENODEV)
    rtnl.set_link(device.ifindex, up=True)
    for link in rtnl.links(): …

Sources: rtnetlink(7), netlink(7), linux/if_link.h, linux/rtnetlink.h.
"""

from __future__ import annotations

import _socket
import os
import struct
from collections.abc import Iterator

from vswitch.base.dataclass import dataclass
from vswitch.base.errors import KernelError

IFF_UP, IFF_LOOPBACK, IFF_RUNNING, IFF_PROMISC, IFF_LOWER_UP = 0x1, 0x8, 0x40, 0x100, 0x10000

_NETLINK_ROUTE = 0
_RTM_NEWLINK, _RTM_DELLINK, _RTM_GETLINK, _RTM_SETLINK = 16, 17, 18, 19
_RTM_NEWADDR, _RTM_DELADDR, _RTM_GETADDR = 20, 21, 22
_RTM_GETQDISC = 38
_RTMGRP_LINK = 0x1
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_NLM_F_REQUEST, _NLM_F_ACK, _NLM_F_DUMP, _NLM_F_EXCL, _NLM_F_CREATE = 0x1, 0x4, 0x300, 0x200, 0x400
_SOL_NETLINK, _NETLINK_EXT_ACK, _NETLINK_GET_STRICT_CHK = 270, 11, 12

_IFLA_ADDRESS, _IFLA_IFNAME, _IFLA_MTU, _IFLA_MASTER, _IFLA_LINKINFO = 1, 3, 4, 10, 18
_IFLA_STATS64, _IFLA_NET_NS_FD, _IFLA_EXT_MASK, _IFLA_CARRIER_CHANGES = 23, 28, 29, 35
_IFLA_LINK_NETNSID = 37
_IFLA_MIN_MTU, _IFLA_MAX_MTU = 50, 51
_IFLA_INFO_KIND, _IFLA_INFO_DATA = 1, 2
_VETH_INFO_PEER = 1
_RTEXT_FILTER_SKIP_STATS = 1 << 3
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_TCA_KIND = 1

_HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence number, port
_ATTRIBUTE = struct.Struct("=HH")  # length, type
_LINK = struct.Struct("=BxHiII")  # family, hardware type, ifindex, flags, change mask
_ADDRESS = struct.Struct("=BBBBI")  # family, prefix length, flags, scope, ifindex
_QDISC = struct.Struct("=BxxxiIII")  # family, ifindex, handle, parent, info
_STATS = struct.Struct("=21Q")
_TYPE_MASK = 0x3FFF


@dataclass(frozen=True, slots=True)
class Link:
    """A device as the kernel describes it."""

    ifindex: int
    name: str
    flags: int  # IFF_*
    mac: int  # 48 bits; 0 where the device has none
    mtu: int
    min_mtu: int
    max_mtu: int  # 0: no limit
    kind: str  # IFLA_INFO_KIND: veth, tun, vlan …; empty for hardware
    master: int  # ifindex of the bridge or bond it is in, or 0
    carrier_changes: int  # since the device exists
    peer_elsewhere: bool = False  # it is a pair's end, and the other one is in another network namespace
    counters: tuple[
        int, ...
    ] = ()  # rtnl_link_stats64, the first 21 in their order; empty where not asked for

    @property
    def up(self) -> bool:
        """Whether somebody set it up."""
        return bool(self.flags & IFF_UP)

    @property
    def carrier(self) -> bool:
        """Whether it has a link."""
        return bool(self.flags & IFF_LOWER_UP)


@dataclass(frozen=True, slots=True)
class LinkGone:
    """A device that is no longer there."""

    ifindex: int
    name: str


@dataclass(frozen=True, slots=True)
class Address:
    """An IP address of a device."""

    ifindex: int
    address: bytes  # 4 or 16 bytes
    prefix_length: int


@dataclass(frozen=True, slots=True)
class Qdisc:
    """A queueing discipline of a device."""

    ifindex: int
    kind: str  # noqueue, fq_codel, clsact …


class Rtnetlink:
    """A socket for requests, in the network namespace of the thread that makes it.

    Requests block until the kernel has answered, which it does within the system call.
    """

    def __init__(self) -> None:
        self._socket = _open(groups=0)
        self._sequence = 0

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def links(self, stats: bool = False) -> list[Link]:
        """All devices, with their counters if asked for."""
        body = _LINK.pack(_socket.AF_UNSPEC, 0, 0, 0, 0) + (b"" if stats else _WITHOUT_STATS)
        return [parse_link(message) for _, message in self.request(_RTM_GETLINK, _NLM_F_DUMP, body, "links")]

    def link(self, device: str | int, stats: bool = False) -> Link:
        """The device of this name or ifindex.  KernelError: ENODEV."""
        body = _select(device) + (b"" if stats else _WITHOUT_STATS)
        ((_, message),) = self.request(_RTM_GETLINK, 0, body, str(device))
        return parse_link(message)

    def set_link(
        self,
        device: str | int,
        *,
        up: bool | None = None,
        promiscuous: bool | None = None,
        mac: int | None = None,
        mtu: int | None = None,
        name: str | None = None,
        master: int | None = None,
        netns_fd: int | None = None,
    ) -> None:
        """Change what is given; `master` 0 takes the device out of its bridge, `name` renames it."""
        flags = change = 0
        for value, flag in ((up, IFF_UP), (promiscuous, IFF_PROMISC)):
            if value is not None:
                flags, change = flags | flag * value, change | flag
        body = _select(device, flags, change, new_name=name)
        if mac is not None:
            body += attribute(_IFLA_ADDRESS, mac.to_bytes(6, "big"))
        if mtu is not None:
            body += attribute(_IFLA_MTU, struct.pack("=I", mtu))
        if master is not None:
            body += attribute(_IFLA_MASTER, struct.pack("=I", master))
        if netns_fd is not None:
            body += attribute(_IFLA_NET_NS_FD, struct.pack("=I", netns_fd))
        self.request(_RTM_NEWLINK, _NLM_F_ACK, body, str(device))

    def add_link(self, name: str, kind: str, data: bytes = b"") -> None:
        """Make a device of `kind`; `data` are the attributes that this kind has.  KernelError: EEXIST."""
        info = attribute(_IFLA_INFO_KIND, kind.encode()) + (attribute(_IFLA_INFO_DATA, data) if data else b"")
        body = _LINK.pack(_socket.AF_UNSPEC, 0, 0, 0, 0) + _name(name) + attribute(_IFLA_LINKINFO, info)
        self.request(_RTM_NEWLINK, _NLM_F_ACK | _NLM_F_CREATE | _NLM_F_EXCL, body, name)

    def add_veth(self, name: str, peer: str) -> None:
        """Make a pair of devices: what one sends, the other receives."""
        end = _LINK.pack(_socket.AF_UNSPEC, 0, 0, 0, 0) + _name(peer)
        self.add_link(name, "veth", attribute(_VETH_INFO_PEER, end))

    def del_link(self, device: str | int) -> None:
        """Remove a device.  KernelError: ENODEV, EOPNOTSUPP for hardware."""
        self.request(_RTM_DELLINK, _NLM_F_ACK, _select(device), str(device))

    def addresses(self) -> list[Address]:
        """All IP addresses of all devices."""
        body = _ADDRESS.pack(_socket.AF_UNSPEC, 0, 0, 0, 0)
        return [
            parse_address(message)
            for _, message in self.request(_RTM_GETADDR, _NLM_F_DUMP, body, "addresses")
        ]

    def qdiscs(self) -> list[Qdisc]:
        """All queueing disciplines of all devices, but for what a device has before it is up."""
        body = _QDISC.pack(_socket.AF_UNSPEC, 0, 0, 0, 0)
        found = (message for _, message in self.request(_RTM_GETQDISC, _NLM_F_DUMP, body, "qdiscs"))
        return [
            Qdisc(_QDISC.unpack_from(message)[1], _text(attributes(message, _QDISC.size).get(_TCA_KIND)))
            for message in found
        ]

    def request(self, type: int, flags: int, body: bytes, what: str) -> list[tuple[int, bytes]]:
        """Send a request and return the messages that answer it."""
        self._sequence += 1
        header = _HEADER.pack(_HEADER.size + len(body), type, flags | _NLM_F_REQUEST, self._sequence, 0)
        self._socket.send(header + body)
        wants_end = flags & (_NLM_F_ACK | _NLM_F_DUMP)
        answer: list[tuple[int, bytes]] = []
        while True:
            for kind, sequence, message in messages(self._socket.recv(1 << 17)):
                if sequence != self._sequence:
                    continue
                if kind == _NLMSG_ERROR:
                    number = -struct.unpack_from("=i", message)[0]
                    if number:
                        raise KernelError(number, f"{what}: {os.strerror(number)}")
                    return answer
                if kind == _NLMSG_DONE:
                    return answer
                answer.append((kind, message))
                if not wants_end:
                    return answer


class LinkEvents:
    """A socket that tells of devices that come, go and change."""

    def __init__(self) -> None:
        self._socket = _open(groups=_RTMGRP_LINK)
        self._socket.setblocking(False)
        self._socket.setsockopt(_socket.SOL_SOCKET, _socket.SO_RCVBUF, 1 << 20)

    def fileno(self) -> int:
        """What to poll for reading."""
        return self._socket.fileno()

    def receive(self) -> list[Link | LinkGone] | None:
        """What happened since the last call, in order; None: some of it was lost, ask for all `links` again."""
        events: list[Link | LinkGone] = []
        while True:
            try:
                data = self._socket.recv(1 << 17)
            except BlockingIOError:
                return events
            except OSError:  # ENOBUFS: the socket's buffer overflowed
                return None
            for kind, _, message in messages(data):
                if message[0] != _socket.AF_UNSPEC:  # AF_BRIDGE: about its place in a bridge
                    continue
                link = parse_link(message)
                events.append(link if kind == _RTM_NEWLINK else LinkGone(link.ifindex, link.name))

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


def messages(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """(type, sequence number, body) of each netlink message in `data`."""
    at = 0
    while at + _HEADER.size <= len(data):
        length, kind, _, sequence, _ = _HEADER.unpack_from(data, at)
        if length < _HEADER.size:
            return
        yield kind, sequence, data[at + _HEADER.size : at + length]
        at += (length + 3) & ~3


def attributes(data: bytes, at: int = 0) -> dict[int, bytes]:
    """The attributes in `data` from offset `at`, by type."""
    found: dict[int, bytes] = {}
    while at + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        if length < _ATTRIBUTE.size:
            break
        found[kind & _TYPE_MASK] = data[at + _ATTRIBUTE.size : at + length]
        at += (length + 3) & ~3
    return found


def attribute(kind: int, value: bytes) -> bytes:
    """One attribute, padded."""
    return _ATTRIBUTE.pack(_ATTRIBUTE.size + len(value), kind) + value + bytes(-len(value) % 4)


def parse_link(message: bytes) -> Link:
    """The device that the body of a RTM_NEWLINK or RTM_DELLINK message describes."""
    _, _, ifindex, flags, _ = _LINK.unpack_from(message)
    found = attributes(message, _LINK.size)
    stats = found.get(_IFLA_STATS64, b"")
    return Link(
        ifindex=ifindex,
        name=_text(found.get(_IFLA_IFNAME)),
        flags=flags,
        mac=int.from_bytes(found.get(_IFLA_ADDRESS, b"")[:6], "big"),
        mtu=_number(found.get(_IFLA_MTU)),
        min_mtu=_number(found.get(_IFLA_MIN_MTU)),
        max_mtu=_number(found.get(_IFLA_MAX_MTU)),
        kind=_text(attributes(found.get(_IFLA_LINKINFO, b"")).get(_IFLA_INFO_KIND)),
        master=_number(found.get(_IFLA_MASTER)),
        carrier_changes=_number(found.get(_IFLA_CARRIER_CHANGES)),
        peer_elsewhere=_IFLA_LINK_NETNSID in found,
        counters=_STATS.unpack_from(stats) if len(stats) >= _STATS.size else (),
    )


def parse_address(message: bytes) -> Address:
    """The address that the body of a RTM_NEWADDR message describes."""
    _, prefix_length, _, _, ifindex = _ADDRESS.unpack_from(message)
    found = attributes(message, _ADDRESS.size)
    return Address(ifindex, found.get(_IFA_LOCAL) or found.get(_IFA_ADDRESS, b""), prefix_length)


def _open(groups: int) -> _socket.socket:
    opened = _socket.socket(_socket.AF_NETLINK, _socket.SOCK_RAW | _socket.SOCK_CLOEXEC, _NETLINK_ROUTE)
    opened.bind((0, groups))
    return opened


def _select(device: str | int, flags: int = 0, change: int = 0, new_name: str | None = None) -> bytes:
    """The head of a request about `device`.  A new name is said by ifindex only: IFLA_IFNAME would select."""
    if isinstance(device, str) and new_name is not None:
        device = _socket.if_nametoindex(device)
    index, name = (device, new_name) if isinstance(device, int) else (0, device)
    return _LINK.pack(_socket.AF_UNSPEC, 0, index, flags, change) + (_name(name) if name else b"")


def _name(name: str) -> bytes:
    return attribute(_IFLA_IFNAME, name.encode() + b"\0")


def _text(value: bytes | None) -> str:
    return (value or b"").rstrip(b"\0").decode(errors="replace")


def _number(value: bytes | None) -> int:
    return int.from_bytes(value or b"", "little" if _LITTLE_ENDIAN else "big")


_LITTLE_ENDIAN = struct.pack("=H", 1) == b"\1\0"
_WITHOUT_STATS = attribute(_IFLA_EXT_MASK, struct.pack("=I", _RTEXT_FILTER_SKIP_STATS))
