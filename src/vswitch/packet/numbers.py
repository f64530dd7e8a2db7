"""The numbers by which a header says what follows it: EtherTypes, and the protocols of IP.

Sources: IEEE 802 Numbers and Protocol Numbers, as IANA keeps them.
"""

from __future__ import annotations

ETH_IP = 0x0800
ETH_ARP = 0x0806
ETH_RARP = 0x8035
ETH_VLAN = 0x8100  # a customer's tag (802.1Q)
ETH_IPV6 = 0x86DD
ETH_MPLS = 0x8847
ETH_MPLS_MC = 0x8848  # multicast, once; since RFC 5332 a label that the upstream router has assigned
ETH_QINQ = 0x88A8  # a provider's tag (802.1ad)
ETH_NSH = 0x894F

ICMP = 1
IGMP = 2
TCP = 6
UDP = 17
ICMPV6 = 58
SCTP = 132
