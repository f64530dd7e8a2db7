"""Programs on network devices by clsact, the hook of tc: the way to attach one to a kernel without tcx links.

A device gets a queueing discipline that queues nothing, and in it a filter that runs the program and does what it
answers ("direct action").  Both live without a process.  Where the device has that discipline already, others' filters
are left alone; those with a lower number of preference than ours see packets first.

    clsact.put(ifindex, False, program, "vswitch")      # where it receives; again, to replace the program
    clsact.remove(ifindex, False)

Sources: tc-bpf(8); linux/rtnetlink.h, linux/pkt_sched.h, linux/pkt_cls.h.
"""

from __future__ import annotations

import errno
import struct

from vswitch.base.dataclass import dataclass
from vswitch.base.errors import KernelError
from vswitch.linux.bpf import Program
from vswitch.linux.rtnetlink import Rtnetlink, attribute, attributes

KIND = "clsact"
PREFERENCE = 40_000
_RTM_NEWQDISC, _RTM_DELQDISC = 36, 37
_RTM_NEWTFILTER, _RTM_DELTFILTER, _RTM_GETTFILTER = 44, 45, 46
_ACK, _DUMP, _CREATE, _EXCLUSIVE = 0x4, 0x300, 0x400, 0x200
_TC_H_CLSACT, _TC_H_INGRESS, _TC_H_EGRESS = 0xFFFFFFF1, 0xFFFFFFF2, 0xFFFFFFF3
_HANDLE = 0xFFFF0000
_TCA_KIND, _TCA_OPTIONS = 1, 2
_TCA_BPF_FD, _TCA_BPF_NAME, _TCA_BPF_FLAGS = 6, 7, 8
_DIRECT_ACTION = 1
_ALL = 0x0003  # ETH_P_ALL
_MESSAGE = struct.Struct("=BxxxiIII")  # family, ifindex, handle, parent, info
_INFO = PREFERENCE << 16 | int.from_bytes(_ALL.to_bytes(2, "big"), "little")
_U32 = struct.Struct("=I")


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter of a device."""

    preference: int
    name: str  # of a program, as its owner calls it; empty for filters of other kinds


class Clsact:
    """The hooks of the devices in the network namespace of `rtnetlink`."""

    def __init__(self, rtnetlink: Rtnetlink) -> None:
        self._rtnetlink = rtnetlink

    def put(self, ifindex: int, egress: bool, program: Program, name: str) -> None:
        """Run `program` on what the device receives, or sends, in the place of the one that is there.  KernelError."""
        try:
            body = _MESSAGE.pack(0, ifindex, _HANDLE, _TC_H_CLSACT, 0) + _kind(KIND)
            self._rtnetlink.request(_RTM_NEWQDISC, _ACK | _CREATE | _EXCLUSIVE, body, f"device {ifindex}")
        except KernelError as error:
            if error.errno != errno.EEXIST:
                raise
        options = (
            attribute(_TCA_BPF_FD, _U32.pack(program.fd))
            + attribute(_TCA_BPF_NAME, name.encode() + b"\0")
            + attribute(_TCA_BPF_FLAGS, _U32.pack(_DIRECT_ACTION))
        )
        body = _ours(ifindex, egress) + _kind("bpf") + attribute(_TCA_OPTIONS, options)
        self._rtnetlink.request(_RTM_NEWTFILTER, _ACK | _CREATE, body, f"attaching to device {ifindex}")

    def remove(self, ifindex: int, egress: bool) -> None:
        """Take our program away, and the queueing discipline unless somebody else needs it.  KernelError."""
        body = _ours(ifindex, egress) + _kind("bpf")
        self._rtnetlink.request(_RTM_DELTFILTER, _ACK, body, f"detaching from device {ifindex}")
        if not self.filters(ifindex, False) and not self.filters(ifindex, True):
            body = _MESSAGE.pack(0, ifindex, _HANDLE, _TC_H_CLSACT, 0) + _kind(KIND)
            self._rtnetlink.request(_RTM_DELQDISC, _ACK, body, f"device {ifindex}")

    def filters(self, ifindex: int, egress: bool) -> list[Filter]:
        """All filters of a device, ours and others'; none if it is not there or has no hook."""
        body = _MESSAGE.pack(0, ifindex, 0, _TC_H_EGRESS if egress else _TC_H_INGRESS, 0)
        try:
            answer = self._rtnetlink.request(_RTM_GETTFILTER, _DUMP, body, f"filters of device {ifindex}")
        except KernelError:
            return []
        return [_parse(message) for _, message in answer if _MESSAGE.unpack_from(message)[2]]

    def is_there(self, ifindex: int, egress: bool, name: str) -> bool:
        """Whether a program that is called `name` is where `put` puts it."""
        return Filter(PREFERENCE, name) in self.filters(ifindex, egress)


def _ours(ifindex: int, egress: bool) -> bytes:
    return _MESSAGE.pack(0, ifindex, 1, _TC_H_EGRESS if egress else _TC_H_INGRESS, _INFO)


def _kind(kind: str) -> bytes:
    return attribute(_TCA_KIND, kind.encode() + b"\0")


def _parse(message: bytes) -> Filter:
    info = _MESSAGE.unpack_from(message)[4]
    options = attributes(attributes(message, _MESSAGE.size).get(_TCA_OPTIONS, b""))
    return Filter(info >> 16, options.get(_TCA_BPF_NAME, b"").rstrip(b"\0").decode(errors="replace"))
