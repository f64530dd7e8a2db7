"""THE table: every field, once.

`LAYOUT` says where a Flow keeps what, and is the one place where order costs time: the lowest bits hold what every
packet has and most flows match, so that masks stay short.  It follows Open vSwitch's struct flow in what is kept and in
what shares a place (TCP, UDP, SCTP and ICMP in `tp_src` and `tp_dst`; ARP's addresses in `ip_src` and `ip_dst`; the
hardware addresses of ARP and ND), and network byte order within a header, so that extract.py moves whole headers.

`FIELDS` are the fields that OpenFlow knows, in the order of ovs-fields(7)'s identifiers.  The constants below are for
code: fields by their upper-case names, among them parts of a Flow that OpenFlow does not know.

Sources: ovs-fields(7); OVS include/openvswitch/meta-flow.h; OpenFlow 1.5.1, 7.2.3.8.
"""

from __future__ import annotations

from collections.abc import Iterator

from vswitch.flow.field import Field, Flow, Layout, Mask, Port16, Prerequisite, Text
from vswitch.flow.texts import (
    CT_STATE_TEXT,
    DECIMAL,
    FRAG_TEXT,
    HEX,
    IPV4,
    IPV6,
    MAC,
    PACKET_TYPE_TEXT,
    PORT,
    PORT10,
    TCP_FLAGS_TEXT,
    TUN_FLAGS_TEXT,
    TUN_METADATA_TEXT,
)
from vswitch.packet import numbers

N_REGS = 32
N_CODED_REGS = 16  # which have NXM types of their own; the others travel in an xxreg or xreg (subfield.py)
N_TUN_METADATA = 64
VLAN_PRESENT = 0x1000  # in a TCI: there is a tag

# fmt: off
LAYOUT = Layout(
    # What every packet has.
    ("in_port", 32), ("recirc_id", 32), ("packet_type", 32), ("ct_state", 32),
    # Ethernet, as it is in a frame; then its tags, the outermost first, each as it is in a frame.
    ("eth_type", 16), ("eth_src", 48), ("eth_dst", 48),
    ("vlan_tci", 16), ("vlan_tpid", 16), ("vlan2_tci", 16), ("vlan2_tpid", 16),
    # IPv4 and ARP.  The low 8 bits of an ARP operation are where IP has its protocol.
    ("ip_proto", 8), ("ip_ttl", 8), ("ip_tos", 8), ("ip_frag", 2), ("ip_dst", 32), ("ip_src", 32),
    # TCP, UDP, SCTP, ICMP, IGMP.
    ("tp_dst", 16), ("tp_src", 16), ("tcp_flags", 12),
    ("arp_tha", 48), ("arp_sha", 48),
    # IPv6 and ND.
    ("ipv6_dst", 128), ("ipv6_src", 128), ("ipv6_label", 20), ("nd_target", 128), ("nd_reserved", 32),
    # Label stack entries, the outermost first.
    ("mpls_lse", 32), ("mpls2_lse", 32), ("mpls3_lse", 32),
    ("ct_zone", 16), ("ct_mark", 32), ("ct_label", 128),
    # Registers: reg0 is the most significant of xreg0, xreg0 of xxreg0.
    ("metadata", 64), ("xxreg0", 128), ("xxreg1", 128), ("xxreg2", 128), ("xxreg3", 128),
    # The tunnel that the packet came through, or is to leave through.
    ("tun_id", 64), ("tun_dst", 32), ("tun_src", 32), ("tun_ttl", 8), ("tun_tos", 8), ("tun_flags", 16),
    ("tun_tp_src", 16), ("tun_tp_dst", 16), ("tun_gbp_id", 16), ("tun_gbp_flags", 8),
    ("tun_erspan_idx", 20), ("tun_erspan_ver", 4), ("tun_erspan_dir", 1), ("tun_erspan_hwid", 6),
    ("tun_gtpu_flags", 8), ("tun_gtpu_msgtype", 8), ("tun_ipv6_dst", 128), ("tun_ipv6_src", 128),
    # The rest.
    ("pkt_mark", 32), ("skb_priority", 32), ("dp_hash", 32), ("conj_id", 32), ("actset_output", 32),
    ("ct_nw_proto", 8), ("ct_nw_dst", 32), ("ct_nw_src", 32), ("ct_tp_dst", 16), ("ct_tp_src", 16),
    ("ct_ipv6_dst", 128), ("ct_ipv6_src", 128),
    ("nsh_flags", 8), ("nsh_ttl", 8), ("nsh_mdtype", 8), ("nsh_np", 8), ("nsh_si", 8), ("nsh_spi", 24),
    ("nsh_c4", 32), ("nsh_c3", 32), ("nsh_c2", 32), ("nsh_c1", 32),
    # Registers 16 to 31: almost nothing uses them, and a Flow that does not is no longer for them.
    ("xxreg4", 128), ("xxreg5", 128), ("xxreg6", 128), ("xxreg7", 128),
    # Geneve options: which are present, and their values.
    ("tun_metadata_present", N_TUN_METADATA),
    *((f"tun_metadata{i}", 992) for i in range(N_TUN_METADATA)),
)

# The stages of a staged look-up: a packet that no rule can match by its metadata alone need not be looked at further.
STAGE_L4 = LAYOUT.mask("tp_dst", "tp_src", "ct_tp_dst", "ct_tp_src", "nd_reserved")
STAGE_L3 = LAYOUT.mask(
    "ip_proto", "ip_ttl", "ip_tos", "ip_frag", "ip_dst", "ip_src", "tcp_flags", "arp_tha", "arp_sha",
    "ipv6_dst", "ipv6_src", "ipv6_label", "nd_target", "ct_nw_dst", "ct_nw_src", "ct_ipv6_dst", "ct_ipv6_src",
    "nsh_flags", "nsh_ttl", "nsh_mdtype", "nsh_np", "nsh_si", "nsh_spi", "nsh_c4", "nsh_c3", "nsh_c2", "nsh_c1",
)
STAGE_L2 = LAYOUT.mask(
    "eth_type", "eth_src", "eth_dst", "vlan_tci", "vlan_tpid", "vlan2_tci", "vlan2_tpid",
    "mpls_lse", "mpls2_lse", "mpls3_lse",
)
# fmt: on
STAGE_METADATA = Mask(((1 << LAYOUT.bits) - 1) & ~(STAGE_L2 | STAGE_L3 | STAGE_L4))
STAGES = (STAGE_METADATA, STAGE_L2, STAGE_L3, STAGE_L4)


def _needs(name: str, *alternatives: dict[str, int]) -> Prerequisite:
    """The prerequisite that one of `alternatives`, values of slots by name, holds."""
    values = (sum(value << LAYOUT.offset(slot) for slot, value in slots.items()) for slots in alternatives)
    return Prerequisite(name, LAYOUT.mask(*alternatives[0]), frozenset(values))


_IP4, _IP6 = {"eth_type": numbers.ETH_IP}, {"eth_type": numbers.ETH_IPV6}
_ND_SOLICIT = {**_IP6, "ip_proto": numbers.ICMPV6, "tp_src": 135, "tp_dst": 0}
_ND_ADVERT = {**_IP6, "ip_proto": numbers.ICMPV6, "tp_src": 136, "tp_dst": 0}

NEEDS_NOTHING = Prerequisite("none")
NEEDS_ETHERNET = _needs("Ethernet", {"packet_type": 0})
NEEDS_VLAN = Prerequisite(
    "VLAN VID",
    Mask(VLAN_PRESENT << LAYOUT.offset("vlan_tci")),
    frozenset({VLAN_PRESENT << LAYOUT.offset("vlan_tci")}),
)
NEEDS_ARP = _needs("ARP", {"eth_type": numbers.ETH_ARP}, {"eth_type": numbers.ETH_RARP})
NEEDS_IPV4 = _needs("IPv4", _IP4)
NEEDS_IPV6 = _needs("IPv6", _IP6)
NEEDS_IP = _needs("IPv4/IPv6", _IP4, _IP6)
NEEDS_MPLS = _needs("MPLS", {"eth_type": numbers.ETH_MPLS}, {"eth_type": numbers.ETH_MPLS_MC})
NEEDS_NSH = _needs("NSH", {"eth_type": numbers.ETH_NSH})
NEEDS_TCP = _needs("TCP", {**_IP4, "ip_proto": numbers.TCP}, {**_IP6, "ip_proto": numbers.TCP})
NEEDS_UDP = _needs("UDP", {**_IP4, "ip_proto": numbers.UDP}, {**_IP6, "ip_proto": numbers.UDP})
NEEDS_SCTP = _needs("SCTP", {**_IP4, "ip_proto": numbers.SCTP}, {**_IP6, "ip_proto": numbers.SCTP})
NEEDS_ICMPV4 = _needs("ICMPv4", {**_IP4, "ip_proto": numbers.ICMP})
NEEDS_ICMPV6 = _needs("ICMPv6", {**_IP6, "ip_proto": numbers.ICMPV6})
NEEDS_ND = _needs("ND", _ND_SOLICIT, _ND_ADVERT)
NEEDS_ND_SOLICIT = _needs("ND solicit", _ND_SOLICIT)
NEEDS_ND_ADVERT = _needs("ND advert", _ND_ADVERT)
_CT_TRACKED, _CT_INVALID = 0x20, 0x10
_CT_OF_VALID = (
    0x01 | 0x02 | 0x04 | 0x08 | 0x40 | 0x80
)  # new, est, rel, rpl, snat, dnat: only valid packets have them


class CtPrerequisite(Prerequisite):
    """A packet is tracked and not invalid; a match must say so, or name a state that only such packets have."""

    __slots__ = ()

    def holds_in(self, value: int, mask: int) -> bool:
        """Also for `+new`, without `+trk`; not for `+trk` alone."""
        offset = LAYOUT.offset("ct_state")
        state, known = value >> offset & 0xFF, mask >> offset & 0xFF
        valid = state & _CT_TRACKED and known & _CT_INVALID and not state & _CT_INVALID
        return bool(state & _CT_OF_VALID or valid)


NEEDS_CT = CtPrerequisite(
    "CT",
    Mask((_CT_TRACKED | _CT_INVALID) << LAYOUT.offset("ct_state")),
    frozenset({_CT_TRACKED << LAYOUT.offset("ct_state")}),
)


class FieldTable:
    """The fields by name; iteration gives each once, in the order of declaration."""

    def __init__(self, *fields: Field) -> None:
        """Index `fields` by their names."""
        self._fields = fields
        self._by_name = {name: field for field in fields for name in (field.name, *field.aka)}

    def __getitem__(self, name: str) -> Field:
        """The field with `name` or that alias."""
        return self._by_name[name]

    def get(self, name: str) -> Field | None:
        """The field with `name` or that alias, if there is one."""
        return self._by_name.get(name)

    def __contains__(self, name: str) -> bool:
        """Whether there is a field with `name` or that alias."""
        return name in self._by_name

    def __iter__(self) -> Iterator[Field]:
        """Each field, in the order of declaration."""
        return iter(self._fields)

    def __len__(self) -> int:
        """How many fields there are; aliases do not count."""
        return len(self._fields)


def _at(slot: str, shift: int = 0) -> int:
    return LAYOUT.offset(slot) + shift


def _reg(index: int) -> int:
    """Where register `index` is: the fourth of its xxreg is the lowest."""
    return _at(f"xxreg{index // 4}", 32 * (3 - index % 4))


_TAGGED = VLAN_PRESENT << LAYOUT.offset("vlan_tci")


def _field(
    name: str,
    bits: int,
    text: Text,
    place: str | int,
    needs: Prerequisite,
    access: str,
    codes: str = "",
    key: str = "",
    aka: str = "",
    size: int = 0,
    implies: int = 0,
    ones: int = 0,
    span: int = 0,
) -> Field:
    """A row of the table.  `access`: w(ritable), m(askable), and how OpenFlow 1.0 and 1.1 match it."""
    kind = Port16 if name == "in_port" else Field
    return kind(
        name=name,
        bits=bits,
        text=text,
        offset=place if isinstance(place, int) else LAYOUT.offset(place),
        needs=needs,
        writable=access[0] == "w",
        maskable=access[1] == "m",
        legacy=access[2:],
        codes=codes,
        key=key,
        aka=tuple(aka.split()),
        size=size,
        implies=implies,
        ones=ones,
        span=span,
    )


def _reg_code(index: int) -> str:
    if index >= N_CODED_REGS:
        return ""
    since = "v1.1" if index < 4 else "v1.3" if index < 5 else "v1.7" if index < 8 else "v2.6"
    return f"NXM_NX_REG{index}({index}) {since}"


# Name, bits, text, place, prerequisite, access; NXM and OXM types with the versions of OpenFlow and Open vSwitch that
# have them since; the part of a datapath's key.
# fmt: off
FIELDS = FieldTable(
    _field("dp_hash", 32, HEX, "dp_hash", NEEDS_NOTHING, "-m--", "NXM_NX_DP_HASH(35) v2.2, NXOXM_ET_DP_HASH(0) v2.4", "DP_HASH"),
    _field("recirc_id", 32, DECIMAL, "recirc_id", NEEDS_NOTHING, "----", "NXM_NX_RECIRC_ID(36) v2.2", "RECIRC_ID"),
    _field("packet_type", 32, PACKET_TYPE_TEXT, "packet_type", NEEDS_NOTHING, "----", "OXM_OF_PACKET_TYPE(44) OF1.5 v2.8", "PACKET_TYPE"),
    _field("conj_id", 32, DECIMAL, "conj_id", NEEDS_NOTHING, "----", "NXM_NX_CONJ_ID(37) v2.4"),
    _field("tun_id", 64, HEX, "tun_id", NEEDS_NOTHING, "wm--", "NXM_NX_TUN_ID(16) v1.1, OXM_OF_TUNNEL_ID(38) OF1.3 v1.10", "TUNNEL", aka="tunnel_id"),
    _field("tun_src", 32, IPV4, "tun_src", NEEDS_NOTHING, "wm--", "NXM_NX_TUN_IPV4_SRC(31) v2.0", "TUNNEL"),
    _field("tun_dst", 32, IPV4, "tun_dst", NEEDS_NOTHING, "wm--", "NXM_NX_TUN_IPV4_DST(32) v2.0", "TUNNEL"),
    _field("tun_ipv6_src", 128, IPV6, "tun_ipv6_src", NEEDS_NOTHING, "wm--", "NXM_NX_TUN_IPV6_SRC(109) v2.5", "TUNNEL"),
    _field("tun_ipv6_dst", 128, IPV6, "tun_ipv6_dst", NEEDS_NOTHING, "wm--", "NXM_NX_TUN_IPV6_DST(110) v2.5", "TUNNEL"),
    _field("tun_flags", 1, TUN_FLAGS_TEXT, "tun_flags", NEEDS_NOTHING, "wm--", "NXM_NX_TUN_FLAGS(104) v2.5", "TUNNEL", size=2),
    _field("tun_ttl", 8, DECIMAL, "tun_ttl", NEEDS_NOTHING, "----", "", "TUNNEL"),
    _field("tun_tos", 8, DECIMAL, "tun_tos", NEEDS_NOTHING, "----", "", "TUNNEL"),
    _field("tun_gbp_id", 16, DECIMAL, "tun_gbp_id", NEEDS_NOTHING, "wm--", "NXM_NX_TUN_GBP_ID(38) v2.4", "TUNNEL"),
    _field("tun_gbp_flags", 8, HEX, "tun_gbp_flags", NEEDS_NOTHING, "wm--", "NXM_NX_TUN_GBP_FLAGS(39) v2.4", "TUNNEL"),
    _field("tun_erspan_idx", 20, HEX, "tun_erspan_idx", NEEDS_NOTHING, "wm--", "NXOXM_ET_ERSPAN_IDX(11) v2.10", "TUNNEL"),
    _field("tun_erspan_ver", 4, DECIMAL, "tun_erspan_ver", NEEDS_NOTHING, "wm--", "NXOXM_ET_ERSPAN_VER(12) v2.10", "TUNNEL"),
    _field("tun_erspan_dir", 1, DECIMAL, "tun_erspan_dir", NEEDS_NOTHING, "wm--", "NXOXM_ET_ERSPAN_DIR(13) v2.10", "TUNNEL"),
    _field("tun_erspan_hwid", 6, HEX, "tun_erspan_hwid", NEEDS_NOTHING, "wm--", "NXOXM_ET_ERSPAN_HWID(14) v2.10", "TUNNEL"),
    _field("tun_gtpu_flags", 8, HEX, "tun_gtpu_flags", NEEDS_NOTHING, "-m--", "NXOXM_ET_GTPU_FLAGS(15) v2.13", "TUNNEL"),
    _field("tun_gtpu_msgtype", 8, DECIMAL, "tun_gtpu_msgtype", NEEDS_NOTHING, "-m--", "NXOXM_ET_GTPU_MSGTYPE(16) v2.13", "TUNNEL"),
    *(
        _field(f"tun_metadata{i}", 992, TUN_METADATA_TEXT, f"tun_metadata{i}", NEEDS_NOTHING, "wm--", f"NXM_NX_TUN_METADATA{i}({40 + i}) v2.5", "TUNNEL")
        for i in range(N_TUN_METADATA)
    ),
    _field("metadata", 64, HEX, "metadata", NEEDS_NOTHING, "wm-*", "OXM_OF_METADATA(2) OF1.2 v1.8"),
    _field("in_port", 16, PORT10, "in_port", NEEDS_NOTHING, "w-==", "NXM_OF_IN_PORT(0) v1.1", "IN_PORT", span=0xFFFFFFFF),
    _field("in_port_oxm", 32, PORT, "in_port", NEEDS_NOTHING, "w--=", "OXM_OF_IN_PORT(0) OF1.2 v1.7", "IN_PORT"),
    _field("actset_output", 32, PORT, "actset_output", NEEDS_NOTHING, "----", "ONFOXM_ET_ACTSET_OUTPUT(43) OF1.3 v2.4, OXM_OF_ACTSET_OUTPUT(43) OF1.5 v2.4"),
    _field("skb_priority", 32, HEX, "skb_priority", NEEDS_NOTHING, "----", "", "PRIORITY"),
    _field("pkt_mark", 32, HEX, "pkt_mark", NEEDS_NOTHING, "wm--", "NXM_NX_PKT_MARK(33) v2.0", "SKB_MARK"),
    _field("ct_state", 32, CT_STATE_TEXT, "ct_state", NEEDS_NOTHING, "-m--", "NXM_NX_CT_STATE(105) v2.5", "CT_STATE"),
    _field("ct_zone", 16, HEX, "ct_zone", NEEDS_NOTHING, "----", "NXM_NX_CT_ZONE(106) v2.5", "CT_ZONE"),
    _field("ct_mark", 32, HEX, "ct_mark", NEEDS_NOTHING, "wm--", "NXM_NX_CT_MARK(107) v2.5", "CT_MARK"),
    _field("ct_label", 128, HEX, "ct_label", NEEDS_NOTHING, "wm--", "NXM_NX_CT_LABEL(108) v2.5", "CT_LABELS"),
    _field("ct_nw_proto", 8, DECIMAL, "ct_nw_proto", NEEDS_CT, "----", "NXM_NX_CT_NW_PROTO(119) v2.8", "CT_ORIG_TUPLE_IPV4 CT_ORIG_TUPLE_IPV6"),
    _field("ct_nw_src", 32, IPV4, "ct_nw_src", NEEDS_CT, "-m--", "NXM_NX_CT_NW_SRC(120) v2.8", "CT_ORIG_TUPLE_IPV4"),
    _field("ct_nw_dst", 32, IPV4, "ct_nw_dst", NEEDS_CT, "-m--", "NXM_NX_CT_NW_DST(121) v2.8", "CT_ORIG_TUPLE_IPV4"),
    _field("ct_ipv6_src", 128, IPV6, "ct_ipv6_src", NEEDS_CT, "-m--", "NXM_NX_CT_IPV6_SRC(122) v2.8", "CT_ORIG_TUPLE_IPV6"),
    _field("ct_ipv6_dst", 128, IPV6, "ct_ipv6_dst", NEEDS_CT, "-m--", "NXM_NX_CT_IPV6_DST(123) v2.8", "CT_ORIG_TUPLE_IPV6"),
    _field("ct_tp_src", 16, DECIMAL, "ct_tp_src", NEEDS_CT, "-m--", "NXM_NX_CT_TP_SRC(124) v2.8", "CT_ORIG_TUPLE_IPV4 CT_ORIG_TUPLE_IPV6"),
    _field("ct_tp_dst", 16, DECIMAL, "ct_tp_dst", NEEDS_CT, "-m--", "NXM_NX_CT_TP_DST(125) v2.8", "CT_ORIG_TUPLE_IPV4 CT_ORIG_TUPLE_IPV6"),
    *(_field(f"reg{i}", 32, HEX, _reg(i), NEEDS_NOTHING, "wm--", _reg_code(i)) for i in range(N_REGS)),
    *(_field(f"xreg{i}", 64, HEX, _reg(2 * i + 1), NEEDS_NOTHING, "wm--", f"OXM_OF_PKT_REG{i}({i}) OF1.3 {'v2.4' if i < 8 else 'v3.7'}") for i in range(N_REGS // 2)),
    *(_field(f"xxreg{i}", 128, HEX, _reg(4 * i + 3), NEEDS_NOTHING, "wm--", f"NXM_NX_XXREG{i}({111 + i}) {'v2.6' if i < 4 else 'v3.7'}") for i in range(N_REGS // 4)),
    _field("eth_src", 48, MAC, "eth_src", NEEDS_ETHERNET, "wm=*", "NXM_OF_ETH_SRC(2) v1.1, OXM_OF_ETH_SRC(4) OF1.2 v1.7", "ETHERNET", aka="dl_src"),
    _field("eth_dst", 48, MAC, "eth_dst", NEEDS_ETHERNET, "wm=*", "NXM_OF_ETH_DST(1) v1.1, OXM_OF_ETH_DST(3) OF1.2 v1.7", "ETHERNET", aka="dl_dst"),
    _field("eth_type", 16, HEX, "eth_type", NEEDS_ETHERNET, "--==", "NXM_OF_ETH_TYPE(3) v1.1, OXM_OF_ETH_TYPE(5) OF1.2 v1.7", "ETHERTYPE", aka="dl_type"),
    _field("vlan_tci", 16, HEX, "vlan_tci", NEEDS_ETHERNET, "wm==", "NXM_OF_VLAN_TCI(4) v1.1", "VLAN"),
    _field("dl_vlan", 12, DECIMAL, "vlan_tci", NEEDS_ETHERNET, "w-==", "", "VLAN", implies=_TAGGED),
    _field("vlan_vid", 12, DECIMAL, "vlan_tci", NEEDS_ETHERNET, "wm==", "OXM_OF_VLAN_VID(6) OF1.2 v1.7", "VLAN", ones=0x1FFF),
    _field("dl_vlan_pcp", 3, DECIMAL, _at("vlan_tci", 13), NEEDS_VLAN, "w-==", "", "VLAN", implies=_TAGGED),
    _field("vlan_pcp", 3, DECIMAL, _at("vlan_tci", 13), NEEDS_VLAN, "w-==", "OXM_OF_VLAN_PCP(7) OF1.2 v1.7", "VLAN", implies=_TAGGED),
    _field("mpls_label", 20, DECIMAL, _at("mpls_lse", 12), NEEDS_MPLS, "w--=", "OXM_OF_MPLS_LABEL(34) OF1.2 v1.11", "MPLS"),
    _field("mpls_tc", 3, DECIMAL, _at("mpls_lse", 9), NEEDS_MPLS, "w--=", "OXM_OF_MPLS_TC(35) OF1.2 v1.11", "MPLS"),
    _field("mpls_bos", 1, DECIMAL, _at("mpls_lse", 8), NEEDS_MPLS, "----", "OXM_OF_MPLS_BOS(36) OF1.3 v1.11", "MPLS"),
    _field("mpls_ttl", 8, DECIMAL, "mpls_lse", NEEDS_MPLS, "w---", "NXM_NX_MPLS_TTL(30) v2.6", "MPLS"),
    _field("ip_src", 32, IPV4, "ip_src", NEEDS_IPV4, "wm/*", "NXM_OF_IP_SRC(7) v1.1, OXM_OF_IPV4_SRC(11) OF1.2 v1.7", "IPV4", aka="nw_src"),
    _field("ip_dst", 32, IPV4, "ip_dst", NEEDS_IPV4, "wm/*", "NXM_OF_IP_DST(8) v1.1, OXM_OF_IPV4_DST(12) OF1.2 v1.7", "IPV4", aka="nw_dst"),
    _field("ipv6_src", 128, IPV6, "ipv6_src", NEEDS_IPV6, "wm--", "NXM_NX_IPV6_SRC(19) v1.1, OXM_OF_IPV6_SRC(26) OF1.2 v1.1", "IPV6"),
    _field("ipv6_dst", 128, IPV6, "ipv6_dst", NEEDS_IPV6, "wm--", "NXM_NX_IPV6_DST(20) v1.1, OXM_OF_IPV6_DST(27) OF1.2 v1.1", "IPV6"),
    _field("ipv6_label", 20, HEX, "ipv6_label", NEEDS_IPV6, "wm--", "NXM_NX_IPV6_LABEL(27) v1.4, OXM_OF_IPV6_FLABEL(28) OF1.2 v1.7", "IPV6"),
    _field("nw_proto", 8, DECIMAL, "ip_proto", NEEDS_IP, "--==", "NXM_OF_IP_PROTO(6) v1.1, OXM_OF_IP_PROTO(10) OF1.2 v1.7", "IPV4 IPV6", aka="ip_proto"),
    _field("nw_tos", 8, DECIMAL, "ip_tos", NEEDS_IP, "w-==", "NXM_OF_IP_TOS(5) v1.1", "IPV4 IPV6", ones=0xFC),
    _field("ip_dscp", 6, DECIMAL, _at("ip_tos", 2), NEEDS_IP, "w-==", "OXM_OF_IP_DSCP(8) OF1.2 v1.7", "IPV4 IPV6"),
    _field("nw_ecn", 2, DECIMAL, "ip_tos", NEEDS_IP, "w--=", "NXM_NX_IP_ECN(28) v1.4, OXM_OF_IP_ECN(9) OF1.2 v1.7", "IPV4 IPV6", aka="ip_ecn"),
    _field("nw_ttl", 8, DECIMAL, "ip_ttl", NEEDS_IP, "w---", "NXM_NX_IP_TTL(29) v1.4", "IPV4 IPV6"),
    _field("ip_frag", 2, FRAG_TEXT, "ip_frag", NEEDS_IP, "-m--", "NXM_NX_IP_FRAG(26) v1.3", "IPV4 IPV6", aka="nw_frag"),
    _field("arp_op", 16, DECIMAL, "ip_proto", NEEDS_ARP, "w-==", "NXM_OF_ARP_OP(15) v1.1, OXM_OF_ARP_OP(21) OF1.2 v1.7", "ARP", ones=0xFF),
    _field("arp_spa", 32, IPV4, "ip_src", NEEDS_ARP, "wm/*", "NXM_OF_ARP_SPA(16) v1.1, OXM_OF_ARP_SPA(22) OF1.2 v1.7", "ARP"),
    _field("arp_tpa", 32, IPV4, "ip_dst", NEEDS_ARP, "wm/*", "NXM_OF_ARP_TPA(17) v1.1, OXM_OF_ARP_TPA(23) OF1.2 v1.7", "ARP"),
    _field("arp_sha", 48, MAC, "arp_sha", NEEDS_ARP, "wm--", "NXM_NX_ARP_SHA(17) v1.1, OXM_OF_ARP_SHA(24) OF1.2 v1.7", "ARP"),
    _field("arp_tha", 48, MAC, "arp_tha", NEEDS_ARP, "wm--", "NXM_NX_ARP_THA(18) v1.1, OXM_OF_ARP_THA(25) OF1.2 v1.7", "ARP"),
    _field("tcp_src", 16, DECIMAL, "tp_src", NEEDS_TCP, "wm==", "NXM_OF_TCP_SRC(9) v1.1, OXM_OF_TCP_SRC(13) OF1.2 v1.7", "TCP", aka="tp_src"),
    _field("tcp_dst", 16, DECIMAL, "tp_dst", NEEDS_TCP, "wm==", "NXM_OF_TCP_DST(10) v1.1, OXM_OF_TCP_DST(14) OF1.2 v1.7", "TCP", aka="tp_dst"),
    _field("tcp_flags", 12, TCP_FLAGS_TEXT, "tcp_flags", NEEDS_TCP, "-m--", "NXM_NX_TCP_FLAGS(34) v2.1, ONFOXM_ET_TCP_FLAGS(42) OF1.3 v2.4, OXM_OF_TCP_FLAGS(42) OF1.5 v2.3", "TCP_FLAGS"),
    _field("udp_src", 16, DECIMAL, "tp_src", NEEDS_UDP, "wm==", "NXM_OF_UDP_SRC(11) v1.1, OXM_OF_UDP_SRC(15) OF1.2 v1.7", "UDP"),
    _field("udp_dst", 16, DECIMAL, "tp_dst", NEEDS_UDP, "wm==", "NXM_OF_UDP_DST(12) v1.1, OXM_OF_UDP_DST(16) OF1.2 v1.7", "UDP"),
    _field("sctp_src", 16, DECIMAL, "tp_src", NEEDS_SCTP, "wm-=", "OXM_OF_SCTP_SRC(17) OF1.2 v2.0", "SCTP"),
    _field("sctp_dst", 16, DECIMAL, "tp_dst", NEEDS_SCTP, "wm-=", "OXM_OF_SCTP_DST(18) OF1.2 v2.0", "SCTP"),
    _field("icmp_type", 8, DECIMAL, "tp_src", NEEDS_ICMPV4, "w-==", "NXM_OF_ICMP_TYPE(13) v1.1, OXM_OF_ICMPV4_TYPE(19) OF1.2 v1.7", "ICMP", span=0xFFFF),
    _field("icmp_code", 8, DECIMAL, "tp_dst", NEEDS_ICMPV4, "w-==", "NXM_OF_ICMP_CODE(14) v1.1, OXM_OF_ICMPV4_CODE(20) OF1.2 v1.7", "ICMP", span=0xFFFF),
    _field("icmpv6_type", 8, DECIMAL, "tp_src", NEEDS_ICMPV6, "w---", "NXM_NX_ICMPV6_TYPE(21) v1.1, OXM_OF_ICMPV6_TYPE(29) OF1.2 v1.7", "ICMPV6", span=0xFFFF),
    _field("icmpv6_code", 8, DECIMAL, "tp_dst", NEEDS_ICMPV6, "w---", "NXM_NX_ICMPV6_CODE(22) v1.1, OXM_OF_ICMPV6_CODE(30) OF1.2 v1.7", "ICMPV6", span=0xFFFF),
    _field("nd_target", 128, IPV6, "nd_target", NEEDS_ND, "wm--", "NXM_NX_ND_TARGET(23) v1.1, OXM_OF_IPV6_ND_TARGET(31) OF1.2 v1.7", "ND"),
    _field("nd_sll", 48, MAC, "arp_sha", NEEDS_ND_SOLICIT, "wm--", "NXM_NX_ND_SLL(24) v1.1, OXM_OF_IPV6_ND_SLL(32) OF1.2 v1.7", "ND"),
    _field("nd_tll", 48, MAC, "arp_tha", NEEDS_ND_ADVERT, "wm--", "NXM_NX_ND_TLL(25) v1.1, OXM_OF_IPV6_ND_TLL(33) OF1.2 v1.7", "ND"),
    _field("nd_reserved", 32, DECIMAL, "nd_reserved", NEEDS_ND, "w---", "ERICOXM_OF_ICMPV6_ND_RESERVED(1) v2.11", "ND_EXTENSIONS"),
    _field("nd_options_type", 8, DECIMAL, "tcp_flags", NEEDS_ND, "w---", "ERICOXM_OF_ICMPV6_ND_OPTIONS_TYPE(2) v2.11", "ND_EXTENSIONS", span=0xFFF),
    _field("nsh_flags", 8, DECIMAL, "nsh_flags", NEEDS_NSH, "wm--", "NXOXM_NSH_FLAGS(1) v2.8", "NSH"),
    _field("nsh_mdtype", 8, DECIMAL, "nsh_mdtype", NEEDS_NSH, "----", "NXOXM_NSH_MDTYPE(2) v2.8", "NSH"),
    _field("nsh_np", 8, DECIMAL, "nsh_np", NEEDS_NSH, "----", "NXOXM_NSH_NP(3) v2.8", "NSH"),
    _field("nsh_spi", 24, HEX, "nsh_spi", NEEDS_NSH, "w---", "NXOXM_NSH_SPI(4) v2.8", "NSH", aka="nsp"),
    _field("nsh_si", 8, DECIMAL, "nsh_si", NEEDS_NSH, "w---", "NXOXM_NSH_SI(5) v2.8", "NSH", aka="nsi"),
    _field("nsh_c1", 32, HEX, "nsh_c1", NEEDS_NSH, "wm--", "NXOXM_NSH_C1(6) v2.8", "NSH", aka="nshc1"),
    _field("nsh_c2", 32, HEX, "nsh_c2", NEEDS_NSH, "wm--", "NXOXM_NSH_C2(7) v2.8", "NSH", aka="nshc2"),
    _field("nsh_c3", 32, HEX, "nsh_c3", NEEDS_NSH, "wm--", "NXOXM_NSH_C3(8) v2.8", "NSH", aka="nshc3"),
    _field("nsh_c4", 32, HEX, "nsh_c4", NEEDS_NSH, "wm--", "NXOXM_NSH_C4(9) v2.8", "NSH", aka="nshc4"),
    _field("nsh_ttl", 8, DECIMAL, "nsh_ttl", NEEDS_NSH, "w---", "NXOXM_NSH_TTL(10) v2.9", "NSH"),
)
# fmt: on


def _part(name: str, bits: int, slot: str, shift: int = 0, text: Text = HEX) -> Field:
    """Part of a Flow for which OpenFlow has no field, or another form."""
    return _field(name, bits, text, _at(slot, shift), NEEDS_NOTHING, "----")


# What every packet has.
IN_PORT = FIELDS["in_port_oxm"]  # all 32 bits
RECIRC_ID = FIELDS["recirc_id"]
PACKET_TYPE = FIELDS["packet_type"]
SKB_PRIORITY = FIELDS["skb_priority"]
PKT_MARK = FIELDS["pkt_mark"]
DP_HASH = FIELDS["dp_hash"]
CT_STATE = FIELDS["ct_state"]
CT_ZONE = FIELDS["ct_zone"]
CT_MARK = FIELDS["ct_mark"]
CT_LABEL = FIELDS["ct_label"]
CT_NW_PROTO = FIELDS["ct_nw_proto"]
CT_NW_SRC = FIELDS["ct_nw_src"]
CT_NW_DST = FIELDS["ct_nw_dst"]
CT_IPV6_SRC = FIELDS["ct_ipv6_src"]
CT_IPV6_DST = FIELDS["ct_ipv6_dst"]
CT_TP_SRC = FIELDS["ct_tp_src"]
CT_TP_DST = FIELDS["ct_tp_dst"]
CONJ_ID = FIELDS["conj_id"]
ACTSET_OUTPUT = FIELDS["actset_output"]
METADATA = FIELDS["metadata"]
REG = tuple(FIELDS[f"reg{i}"] for i in range(N_REGS))
XREG = tuple(FIELDS[f"xreg{i}"] for i in range(N_REGS // 2))
XXREG = tuple(FIELDS[f"xxreg{i}"] for i in range(N_REGS // 4))


def with_type(value: int) -> Flow:
    """The value of a match in which a packet type that is an Ethernet type says so, too."""
    packet_type = PACKET_TYPE.get(value)
    return ETH_TYPE.put(Flow(value), packet_type & 0xFFFF) if packet_type >> 16 == 1 else Flow(value)


# Layer 2.
ETH_SRC = FIELDS["eth_src"]
ETH_DST = FIELDS["eth_dst"]
ETH_TYPE = FIELDS["eth_type"]  # the innermost; for what is not Ethernet II, 0x05ff
VLAN_TCI = FIELDS["vlan_tci"]  # of the outermost tag; 0 without one, else it has VLAN_PRESENT
VLAN_VID = _part("vlan_tci", 12, "vlan_tci")
VLAN_PCP = _part("vlan_tci", 3, "vlan_tci", 13)
VLAN_TPID = _part("vlan_tpid", 16, "vlan_tpid")
VLAN2_TCI = _part("vlan2_tci", 16, "vlan2_tci")
VLAN2_VID = _part("vlan2_tci", 12, "vlan2_tci")
VLAN2_PCP = _part("vlan2_tci", 3, "vlan2_tci", 13)
VLAN2_TPID = _part("vlan2_tpid", 16, "vlan2_tpid")
MPLS_LSE = tuple(_part(slot, 32, slot, text=DECIMAL) for slot in ("mpls_lse", "mpls2_lse", "mpls3_lse"))
MPLS_LABEL = FIELDS["mpls_label"]
MPLS_TC = FIELDS["mpls_tc"]
MPLS_BOS = FIELDS["mpls_bos"]
MPLS_TTL = FIELDS["mpls_ttl"]

# Layer 3.
IP_SRC = FIELDS["ip_src"]
IP_DST = FIELDS["ip_dst"]
IP_PROTO = FIELDS["nw_proto"]
IP_TOS = _part("ip_tos", 8, "ip_tos")  # DSCP and ECN
NW_TOS = FIELDS["nw_tos"]  # the same without ECN
IP_DSCP = FIELDS["ip_dscp"]
IP_ECN = FIELDS["nw_ecn"]
IP_TTL = FIELDS["nw_ttl"]
IP_FRAG = FIELDS["ip_frag"]
IPV6_SRC = FIELDS["ipv6_src"]
IPV6_DST = FIELDS["ipv6_dst"]
IPV6_LABEL = FIELDS["ipv6_label"]
ARP_OP = FIELDS["arp_op"]
ARP_SPA = FIELDS["arp_spa"]
ARP_TPA = FIELDS["arp_tpa"]
ARP_SHA = FIELDS["arp_sha"]
ARP_THA = FIELDS["arp_tha"]
NSH_FLAGS = FIELDS["nsh_flags"]
NSH_TTL = FIELDS["nsh_ttl"]
NSH_MDTYPE = FIELDS["nsh_mdtype"]
NSH_NP = FIELDS["nsh_np"]
NSH_SPI = FIELDS["nsh_spi"]
NSH_SI = FIELDS["nsh_si"]
NSH_C = tuple(FIELDS[f"nsh_c{i}"] for i in range(1, 5))

# Layer 4.
TP_SRC = _part("tp_src", 16, "tp_src")  # source port of TCP, UDP or SCTP; type of ICMP
TP_DST = _part("tp_dst", 16, "tp_dst")  # destination port; code of ICMP
TP_PORTS = _part("tp_ports", 32, "tp_dst")  # both, the source's above
TCP_FLAGS = FIELDS["tcp_flags"]
ICMP_TYPE = FIELDS["icmp_type"]
ICMP_CODE = FIELDS["icmp_code"]
ICMPV6_TYPE = FIELDS["icmpv6_type"]
ICMPV6_CODE = FIELDS["icmpv6_code"]
ND_TARGET = FIELDS["nd_target"]
ND_SLL = FIELDS["nd_sll"]
ND_TLL = FIELDS["nd_tll"]
ND_RESERVED = FIELDS["nd_reserved"]
ND_OPTIONS_TYPE = FIELDS["nd_options_type"]
IGMP_GROUP = _part("igmp_group", 32, "nd_reserved")

# Tunnel.
TUN_ID = FIELDS["tun_id"]
TUN_SRC = FIELDS["tun_src"]
TUN_DST = FIELDS["tun_dst"]
TUN_IPV6_SRC = FIELDS["tun_ipv6_src"]
TUN_IPV6_DST = FIELDS["tun_ipv6_dst"]
TUN_TTL = FIELDS["tun_ttl"]
TUN_TOS = FIELDS["tun_tos"]
TUN_FLAGS = _part(
    "tun_flags", 16, "tun_flags"
)  # TUN_OAM and what OpenFlow does not know: TUN_DF, TUN_CSUM, TUN_KEY
TUN_TP_SRC = _part("tun_tp_src", 16, "tun_tp_src")
TUN_TP_DST = _part("tun_tp_dst", 16, "tun_tp_dst")
TUN_GBP_ID = FIELDS["tun_gbp_id"]
TUN_GBP_FLAGS = FIELDS["tun_gbp_flags"]
TUN_ERSPAN_VER = FIELDS["tun_erspan_ver"]
TUN_ERSPAN_IDX = FIELDS["tun_erspan_idx"]
TUN_ERSPAN_DIR = FIELDS["tun_erspan_dir"]
TUN_ERSPAN_HWID = FIELDS["tun_erspan_hwid"]
TUN_GTPU_FLAGS = FIELDS["tun_gtpu_flags"]
TUN_GTPU_MSGTYPE = FIELDS["tun_gtpu_msgtype"]
TUN_METADATA = tuple(FIELDS[f"tun_metadata{i}"] for i in range(N_TUN_METADATA))
TUN_METADATA_PRESENT = _part("tun_metadata_present", N_TUN_METADATA, "tun_metadata_present")
TUN_OAM, TUN_DF, TUN_CSUM, TUN_KEY = 1, 2, 4, 8
