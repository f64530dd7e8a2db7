"""A packet as a datapath hands it up and takes it back."""

from __future__ import annotations

from vswitch.base.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Offload:
    """What a packet leaves to its device: the fields of a virtio-net header (struct virtio_net_hdr).

    A packet with `gso_type` not 0 is longer than the MTU; it is cut into segments of `gso_size` payload bytes when
    it leaves for the wire.  With `NEEDS_CSUM` in `flags`, its checksum at `csum_start + csum_offset` is partial.
    """

    flags: int = 0  # VIRTIO_NET_HDR_F_*
    gso_type: int = 0  # VIRTIO_NET_HDR_GSO_*
    hdr_len: int = 0  # bytes, Ethernet to the end of L4
    gso_size: int = 0  # bytes of payload in each segment
    csum_start: int = 0  # offset in bytes
    csum_offset: int = 0  # offset in bytes from csum_start


@dataclass(frozen=True, slots=True)
class Packet:
    """An Ethernet frame, VLAN tags in place, and what is left to do to it before it meets a wire."""

    data: bytes
    offload: Offload | None = None
