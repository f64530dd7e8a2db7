"""The packet as a tc program sees it, and what such a program answers.

Sources: linux/bpf.h, struct __sk_buff, enum tcx_action_base, BPF_F_*.
"""

from __future__ import annotations

from vswitch.bpf.builder import R6, Memory, u32

CONTEXT = R6  # by agreement, all of our programs keep it there

LENGTH: Memory = u32(CONTEXT + 0)
MARK = u32(CONTEXT + 8)
VLAN_PRESENT = u32(CONTEXT + 20)
VLAN_TCI = u32(CONTEXT + 24)
VLAN_PROTO = u32(CONTEXT + 28)  # network byte order
PRIORITY = u32(CONTEXT + 32)
IFINDEX = u32(CONTEXT + 40)
NOTE = u32(CONTEXT + 48)  # cb[0]: ours, from one program of a chain to the next
HASH = u32(CONTEXT + 68)
DATA = u32(CONTEXT + 76)
DATA_END = u32(CONTEXT + 80)
GSO_SEGS = u32(CONTEXT + 164)
GSO_SIZE = u32(CONTEXT + 176)

DROP = 2  # TCX_DROP
F_INGRESS = 1  # BPF_F_INGRESS: into the device, as if it had received the packet

# bpf_l4_csum_replace, bpf_l3_csum_replace: the low four bits say how many bytes change.
F_PSEUDO_HDR = 1 << 4  # they are in the pseudo-header, too
F_MARK_MANGLED_0 = 1 << 5  # UDP: 0 is no checksum, and never the result of one
F_IPV6 = 1 << 7  # in the pseudo-header of IPv6, which has no checksum of its own
# bpf_skb_store_bytes.
F_RECOMPUTE_CSUM = 1 << 0  # what the device summed up has changed

MAX_LENGTH = 18 + 65535  # bytes: the longest GSO packet, with Ethernet header and tag


def be16(value: int) -> int:
    """`value` as a 16-bit load finds it in a packet."""
    return int.from_bytes(value.to_bytes(2, "big"), "little")
