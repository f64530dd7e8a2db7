"""Executing actions on a frame.

Sources: linux/openvswitch.h (enum ovs_action_attr).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from vswitch.datapath.userspace.rewrite import Rewriter
from vswitch.dpif.action import (
    Cookie,
    DatapathAction,
    Output,
    PopVlan,
    PushVlan,
    Set,
    Trunc,
    Userspace,
)
from vswitch.dpif.frame import HEADER, HEADER_SIZE, NEEDS_CSUM, NO_OFFLOAD, packet_of, with_vlan
from vswitch.dpif.offload import finished
from vswitch.dpif.ports import OdpPort

_PRESENT = 0x1000  # in an action: there is a tag; on the wire, that bit means something else and is clear
_VLAN_TYPES = (b"\x81\x00", b"\x88\xa8")


def execute(
    frame: bytes,
    actions: Iterable[DatapathAction],
    output: Callable[[OdpPort, bytes], None],
    userspace: Callable[[Cookie, bytes], None],
) -> None:
    """Put `frame` through `actions`: `output` and `userspace` get it as it is when their turn comes."""
    max_len: int | None = None
    for action in actions:
        match action:
            case Output(port):
                output(port, frame if max_len is None else truncated(frame, max_len))
                max_len = None
            case Set(value, mask):
                rewriter = Rewriter(frame)
                rewriter.set(value, mask)
                frame = rewriter.frame()
            case PushVlan(tci, tpid):
                frame = with_vlan(frame, tpid, tci & ~_PRESENT)
            case PopVlan():
                frame = without_vlan(frame)
            case Trunc(length):
                max_len = length
            case Userspace(cookie):
                userspace(cookie, frame if max_len is None else truncated(frame, max_len))
                max_len = None
            case _:
                raise AssertionError(f"no way to execute {action}")


def without_vlan(frame: bytes) -> bytes:
    """`frame` without its outermost VLAN tag, if it has one; checksum and header lengths move with it."""
    if frame[22:24] not in _VLAN_TYPES or len(frame) < HEADER_SIZE + 18:
        return frame
    flags, gso_type, hdr_len, gso_size, csum_start, csum_offset = HEADER.unpack_from(frame)
    if flags & NEEDS_CSUM:
        csum_start = max(csum_start - 4, 0)
    if gso_type:
        hdr_len = max(hdr_len - 4, 0)
    head = HEADER.pack(flags, gso_type, hdr_len, gso_size, csum_start, csum_offset)
    return b"%b%b%b" % (head, frame[10:22], frame[26:])


def truncated(frame: bytes, max_len: int) -> bytes:
    """The first `max_len` bytes of the packet.  What a device was to do to it, it cannot do to a part: not done."""
    if len(frame) - HEADER_SIZE <= max_len:
        return frame
    packet = packet_of(frame)
    if packet.offload and not packet.offload.gso_type:
        (packet,) = finished(packet)
    return NO_OFFLOAD + packet.data[:max_len]
