"""Which ports may be passed by: a packet for a veth device whose other end is in another network namespace can be
handed to that end at once, which saves half of what forwarding costs.

It passes by everything that this end would do with it.  So a port is passed by only while nobody could tell:

- the device is a veth pair with its other end in another network namespace (the kernel refuses others);
- nothing is attached where it transmits: no tc programs, no queueing discipline;
- no packet socket listens to it, or to all devices (tcpdump).

Programs count what they send this way.  A listener that comes later is seen within a second.  What cannot be seen from
here is an XDP program at the other end; the packets pass it by, too.

Sources: bpf-helpers(7), bpf_redirect_peer; drivers/net/veth.c; packet(7), proc(5).
"""

from __future__ import annotations

import errno
from pathlib import Path

from vswitch.base.errors import KernelError
from vswitch.datapath.ebpf.ports import Ports
from vswitch.linux.bpf import Attach, count_attached
from vswitch.linux.clsact import KIND, Clsact
from vswitch.linux.rtnetlink import Qdisc, Rtnetlink

_PACKET_SOCKETS = Path("/proc/thread-self/net/packet")
_LOOK_AT_DEVICES_EVERY = 5  # times


class Shortcuts:
    """Keeps the ports' shortcuts as they may be."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._rtnetlink = Rtnetlink()
        self._clsact = Clsact(self._rtnetlink)
        self._known: set[int] = set()  # the ports' devices at the last look
        self._fit: set[int] = set()
        self._times = 0

    def look(self) -> None:
        """See what has changed."""
        devices = {port.ifindex for port in self._ports.all().values()}
        if devices != self._known or self._times % _LOOK_AT_DEVICES_EVERY == 0:
            self._fit, self._known = self._find_fit(), devices
        self._times += 1
        tapped = tapped_devices()
        for number, port in self._ports.all().items():
            on = port.ifindex in self._fit and port.ifindex not in tapped and 0 not in tapped
            if not port.from_host and on != self._ports.has_shortcut(number):
                self._ports.set_shortcut(number, on)

    def _find_fit(self) -> set[int]:
        """The devices that the kernel can pass by and at which nothing is attached."""
        try:
            links = self._rtnetlink.links()
            busy = {qdisc.ifindex for qdisc in self._rtnetlink.qdiscs() if self._hinders(qdisc)}
        except KernelError:
            return set()
        return {
            link.ifindex
            for link in links
            if link.kind == "veth"
            and link.peer_elsewhere
            and link.ifindex not in busy
            and not _hooked(link.ifindex)
        }

    def _hinders(self, qdisc: Qdisc) -> bool:
        """Whether a queueing discipline does something to what the device sends."""
        if qdisc.kind == KIND:
            return bool(self._clsact.filters(qdisc.ifindex, egress=True))
        return qdisc.kind not in ("noqueue", "ingress")

    def leave(self) -> None:
        """Nobody will be there to see listeners come: take no shortcuts."""
        for number in self._ports.all():
            if self._ports.has_shortcut(number):
                self._ports.set_shortcut(number, False)

    def close(self) -> None:
        """Close the door to the kernel."""
        self._rtnetlink.close()


def _hooked(ifindex: int) -> bool:
    """Whether a program is linked to where the device transmits, by a kernel that has such links."""
    try:
        return count_attached(ifindex, Attach.TCX_EGRESS) > 0
    except KernelError as error:
        return error.errno != errno.EINVAL


def tapped_devices() -> set[int]:
    """The devices to which packet sockets listen; 0 stands for all."""
    tapped: set[int] = set()
    for line in _PACKET_SOCKETS.read_text().splitlines()[1:]:
        _, _, _, protocol, ifindex, running, *_ = line.split()
        if int(protocol, 16) and int(running):
            tapped.add(int(ifindex))
    return tapped
