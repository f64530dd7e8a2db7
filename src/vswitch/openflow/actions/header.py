"""Actions that rewrite header fields of their own: VLAN and MPLS tags, addresses, ports, TTL.

OpenFlow 1.0 has an action per field; since 1.2 the same meanings travel as set_field, and so do these actions.

Sources: OpenFlow 1.0, 5.2.4; OpenFlow 1.1, 5.9; OpenFlow 1.5.1, 7.2.6; ovs-actions(7), "Header Actions".
"""

from __future__ import annotations

import struct
from typing import ClassVar

from vswitch.base.errors import TextError
from vswitch.base.remarks import remark
from vswitch.base.scan import c_atoi
from vswitch.base.text import format_ipv4, format_mac, leading_mac, parse_ipv4, parse_u8, parse_u16
from vswitch.flow.fields import FIELDS
from vswitch.openflow.actions.base import Action, action, frame, nx, spelled
from vswitch.openflow.actions.register import VLAN_PRESENT, encode_reg_load, encode_set_field
from vswitch.openflow.codec import MAC, U8, U16, U32, Code
from vswitch.openflow.errors import BadAction, BadRequest, OpenFlowError
from vswitch.openflow.names import Names
from vswitch.openflow.value import value, wire
from vswitch.openflow.version import OF10, OF12
from vswitch.packet.numbers import ETH_QINQ, ETH_VLAN


@action("push_vlan", "OF1.1+(17)")
class PushVlan(Action):
    """Add an outermost VLAN tag with `tpid`; its id and priority are those of the tag before, or zero."""

    tpid: int = wire(U16)

    @classmethod
    def decode_body(cls, version: int, code: Code, data: bytes, start: int) -> Action:
        """Refuse what is no VLAN Ethertype."""
        made = super().decode_body(version, code, data, start)
        if made.tpid not in (ETH_VLAN, ETH_QINQ):  # type: ignore[attr-defined]  # of this class
            raise OpenFlowError(BadAction.BAD_ARGUMENT)
        return made

    @classmethod
    def parse(cls, arg: str, names: Names) -> Action:
        """`0x8100` or `0x88a8`."""
        tpid = parse_u16(arg, "ethertype")
        if tpid not in (ETH_VLAN, ETH_QINQ):
            raise TextError(f"{arg}: not a valid VLAN ethertype", arg)
        return cls(tpid)

    def format(self, names: Names) -> str:
        """`push_vlan:0x8100`."""
        return f"push_vlan:{self.tpid:#x}"


@action("pop_vlan", "OF1.0(3), OF1.1+(18)")
class PopVlan(Action):
    """Remove the outermost VLAN tag."""

    strip: bool = False  # it came as OpenFlow 1.0's strip_vlan, and reads so

    @classmethod
    def decode_body(cls, version: int, code: Code, data: bytes, start: int) -> Action:
        """Remember the name that the version has for it."""
        if len(data) != 8:
            raise OpenFlowError(BadAction.BAD_LEN)
        return cls(version == OF10)

    @classmethod
    def parse(cls, arg: str, names: Names) -> Action:
        """No argument."""
        return cls()

    def format(self, names: Names) -> str:
        """`strip_vlan` or `pop_vlan`."""
        return "strip_vlan" if self.strip else "pop_vlan"


@spelled("strip_vlan")
def _strip_vlan(arg: str, names: Names) -> Action:
    return PopVlan(strip=True)


@value
class VlanRewrite(Action):
    """What setting the VLAN id and setting the VLAN priority share.

    OpenFlow 1.0 pushes a tag if there is none; 1.1 and later do not (ovs-actions(7), mod_vlan_vid).  So an action from
    OpenFlow 1.0, `push_if_needed`, becomes two in later versions unless the flow is known to have a tag.
    """

    def push(self, version: int, push_if_needed: bool, has_vlan: bool) -> bytes:
        """The bytes of the push_vlan that must go before, if any."""
        return (
            PushVlan(ETH_VLAN).encode(version) if version > OF10 and push_if_needed and not has_vlan else b""
        )


@action("mod_vlan_vid", "OF1.0(1), OF1.1+(1)")
class SetVlanVid(VlanRewrite):
    """Set the id of the outermost VLAN tag; with `push_if_needed`, add a tag where there is none."""

    vid: int = wire(U16)
    push_if_needed: bool = True
    has_vlan: bool = False  # the flow's match says that there is a tag

    def encode(self, version: int) -> bytes:
        """set_field since OpenFlow 1.2."""
        before = self.push(version, self.push_if_needed, self.has_vlan)
        if version < OF12:
            return before + struct.pack("!HHHxx", 1, 8, self.vid)
        return before + encode_set_field(version, FIELDS["vlan_vid"], self.vid | VLAN_PRESENT)

    @classmethod
    def decode_body(cls, version: int, code: Code, data: bytes, start: int) -> Action:
        """Refuse ids of more than 12 bits."""
        if len(data) != 8:
            raise OpenFlowError(BadAction.BAD_LEN)
        (vid,) = _U16_AT_4.unpack_from(data)
        if vid > 0xFFF:
            raise OpenFlowError(BadAction.BAD_ARGUMENT)
        return cls(vid, version == OF10)

    @classmethod
    def parse(cls, arg: str, names: Names) -> Action:
        """An id."""
        vid = parse_u16(arg, "VLAN VID")
        if vid > 0xFFF:
            raise TextError(f"{arg}: not a valid VLAN VID", arg)
        return cls(vid)

    def format(self, names: Names) -> str:
        """`mod_vlan_vid:5`; `set_vlan_vid:5` if it never adds a tag."""
        return f"{'mod' if self.push_if_needed else 'set'}_vlan_vid:{self.vid}"


@action("mod_vlan_pcp", "OF1.0(2), OF1.1+(2)")
class SetVlanPcp(VlanRewrite):
    """Set the priority of the outermost VLAN tag; with `push_if_needed`, add a tag where there is none."""

    pcp: int = wire(U8)
    push_if_needed: bool = True
    has_vlan: bool = False

    def encode(self, version: int) -> bytes:
        """set_field since OpenFlow 1.2."""
        before = self.push(version, self.push_if_needed, self.has_vlan)
        if version < OF12:
            return before + struct.pack("!HHBxxx", 2, 8, self.pcp)
        return before + encode_set_field(version, FIELDS["vlan_pcp"], self.pcp)

    @classmethod
    def decode_body(cls, version: int, code: Code, data: bytes, start: int) -> Action:
        """Refuse priorities of more than 3 bits."""
        if len(data) != 8:
            raise OpenFlowError(BadAction.BAD_LEN)
        if data[4] > 7:
            raise OpenFlowError(BadAction.BAD_ARGUMENT)
        return cls(data[4], version == OF10)

    @classmethod
    def parse(cls, arg: str, names: Names) -> Action:
        """A priority."""
        pcp = parse_u8(arg, "VLAN PCP")
        if pcp > 7:
            raise TextError(f"{arg}: not a valid VLAN PCP", arg)
        return cls(pcp)

    def format(self, names: Names) -> str:
        """`mod_vlan_pcp:5`; `set_vlan_pcp:5` if it never adds a tag."""
        return f"{'mod' if self.push_if_needed else 'set'}_vlan_pcp:{self.pcp}"


_U16_AT_4 = struct.Struct("!4xH")


@spelled("set_vlan_vid")
def _set_vlan_vid(arg: str, names: Names) -> Action:
    return SetVlanVid.parse(arg, names).replace(push_if_needed=False)


@spelled("set_vlan_pcp")
def _set_vlan_pcp(arg: str, names: Names) -> Action:
    return SetVlanPcp.parse(arg, names).replace(push_if_needed=False)


@value
class Rewrite(Action):
    """Base of the actions that set one field and became set_field in OpenFlow 1.2."""

    field: ClassVar[str]  # which they set

    def encode(self, version: int) -> bytes:
        """set_field since OpenFlow 1.2; a register load where a version has no such action yet."""
        if version < OF12:
            data = super().encode(version)
            return data or encode_reg_load(FIELDS[self.field], self.set_value)
        return encode_set_field(version, FIELDS[self.field], self.set_value)

    @property
    def set_value(self) -> int:
        """The value for the field."""
        value: int = getattr(self, next(iter(self.WIRE)))
        return value


@value
class EthRewrite(Rewrite):
    """Set an Ethernet address."""

    mac: int = wire(MAC)

    @classmethod
    def parse(cls, arg: str, names: Names) -> Action:
        """An Ethernet address; what follows it does not count."""
        return cls(leading_mac(arg)[0])

    def format(self, names: Names) -> str:
        """`mod_dl_src:…`."""
        return f"{self.name}:{format_mac(self.mac)}"


@action("mod_dl_src", "OF1.0(4), OF1.1+(3)")
class SetEthSrc(EthRewrite):
    """Set the source address of Ethernet."""

    field = "eth_src"


@action("mod_dl_dst", "OF1.0(5), OF1.1+(4)")
class SetEthDst(EthRewrite):
    """Set the destination address of Ethernet."""

    field = "eth_dst"


@value
class Ipv4Rewrite(Rewrite):
    """Set an IPv4 address."""

    ip: int = wire(U32)

    @classmethod
    def parse(cls, arg: str, names: Names) -> Action:
        """An IPv4 address."""
        try:
            return cls(parse_ipv4(arg))
        except TextError:
            remark("socket_util", f'"{arg}" is not a valid IP address', "ERR")
            raise TextError(f"{arg}: could not convert to IP address", arg) from None

    def format(self, names: Names) -> str:
        """`mod_nw_src:…`."""
        return f"{self.name}:{format_ipv4(self.ip)}"


@action("mod_nw_src", "OF1.0(6), OF1.1+(5)")
class SetIpv4Src(Ipv4Rewrite):
    """Set the source address of IPv4."""

    field = "ip_src"


@action("mod_nw_dst", "OF1.0(7), OF1.1+(6)")
class SetIpv4Dst(Ipv4Rewrite):
    """Set the destination address of IPv4."""

    field = "ip_dst"


@action("mod_nw_tos", "OF1.0(8), OF1.1+(7)")
class SetIpDscp(Rewrite):
    """Set the upper six bits of the IP TOS; `tos` has its lower two bits zero."""

    tos: int = wire(U8)
    field = "ip_dscp"

    @property
    def set_value(self) -> int:
        """OXM's ip_dscp is the six bits alone."""
        return self.tos >> 2

    @classmethod
    def decode_body(cls, version: int, code: Code, data: bytes, start: int) -> Action:
        """Refuse the two bits that are ECN."""
        made = super().decode_body(version, code, data, start)
        if made.tos & 3:  # type: ignore[attr-defined]  # of this class
            raise OpenFlowError(BadAction.BAD_ARGUMENT)
        return made

    @classmethod
    def parse(cls, arg: str, names: Names) -> Action:
        """A multiple of 4."""
        tos = parse_u8(arg, "TOS")
        if tos & 3:
            raise TextError(f"{arg}: not a valid TOS", arg)
        return cls(tos)

    def format(self, names: Names) -> str:
        """`mod_nw_tos:32`."""
        return f"mod_nw_tos:{self.tos}"


@action("mod_nw_ecn", "OF1.1+(8)")
class SetIpEcn(Rewrite):
    """Set the ECN bits of IP."""

    ecn: int = wire(U8)
    field = "nw_ecn"

    @classmethod
    def decode_body(cls, version: int, code: Code, data: bytes, start: int) -> Action:
        """Refuse more than two bits."""
        made = super().decode_body(version, code, data, start)
        if made.ecn > 3:  # type: ignore[attr-defined]  # of this class
            raise OpenFlowError(BadAction.BAD_ARGUMENT)
        return made

    @classmethod
    def parse(cls, arg: str, names: Names) -> Action:
        """0 to 3."""
        ecn = parse_u8(arg, "ECN")
        if ecn > 3:
            raise TextError(f"{arg}: not a valid ECN", arg)
        return cls(ecn)

    def format(self, names: Names) -> str:
        """`mod_nw_ecn:2`."""
        return f"mod_nw_ecn:{self.ecn}"


@action("mod_nw_ttl", "OF1.1+(23)")
class SetIpTtl(Rewrite):
    """Set the TTL of IPv4 or the hop limit of IPv6."""

    ttl: int = wire(U8)
    field = "nw_ttl"

    def encode(self, version: int) -> bytes:
        """An action of its own in every version but the first."""
        if version == OF10:
            return encode_reg_load(FIELDS["nw_ttl"], self.ttl)
        return frame(self.codes[0], bytes([self.ttl]))

    @classmethod
    def parse(cls, arg: str, names: Names) -> Action:
        """A number."""
        return cls(parse_u8(arg, "TTL"))

    def format(self, names: Names) -> str:
        """`mod_nw_ttl:64`."""
        return f"mod_nw_ttl:{self.ttl}"


@value
class L4Rewrite(Rewrite):
    """Set a port of TCP, UDP or SCTP; which of them, the flow's match says (`ip_proto`)."""

    port: int = wire(U16)
    ip_proto: int = 0
    fields: ClassVar[dict[int, str]]
    what: ClassVar[str]

    def encode(self, version: int) -> bytes:
        """set_field of the protocol's own field since OpenFlow 1.2."""
        if version < OF12 or self.ip_proto not in self.fields:
            return frame(self.codes[0], self.port.to_bytes(2, "big"))
        return encode_set_field(version, FIELDS[self.fields[self.ip_proto]], self.port)

    @classmethod
    def decode_body(cls, version: int, code: Code, data: bytes, start: int) -> Action:
        """The number is the same in all versions."""
        if len(data) != 8:
            raise OpenFlowError(BadAction.BAD_LEN)
        return cls(*_U16_AT_4.unpack_from(data))

    @classmethod
    def parse(cls, arg: str, names: Names) -> Action:
        """A number."""
        return cls(parse_u16(arg, cls.what))

    def format(self, names: Names) -> str:
        """`mod_tp_src:80`."""
        return f"{self.name}:{self.port}"


@action("mod_tp_src", "OF1.0+(9)")
class SetTpSrc(L4Rewrite):
    """Set the source port."""

    fields: ClassVar[dict[int, str]] = {6: "tcp_src", 17: "udp_src", 132: "sctp_src"}
    what: ClassVar[str] = "source port"


@action("mod_tp_dst", "OF1.0+(10)")
class SetTpDst(L4Rewrite):
    """Set the destination port."""

    fields: ClassVar[dict[int, str]] = {6: "tcp_dst", 17: "udp_dst", 132: "sctp_dst"}
    what: ClassVar[str] = "destination port"


@action("dec_ttl", "NX1.0(18), OF1.1+(24), NX1.0+(21)")
class DecTtl(Action):
    """Decrement the TTL; at zero, send the packet to the controllers with `ids` and stop."""

    ids: tuple[int, ...] = (0,)
    listed: bool = False  # the ids were given, and so take NXAST_DEC_TTL_CNT_IDS

    def encode(self, version: int) -> bytes:
        """The plain form if no ids were given."""
        if not self.listed:
            code = self.code(version)
            assert code is not None
            return frame(code, b"")
        return frame(nx(21), struct.pack(f"!H4x{len(self.ids)}H", len(self.ids), *self.ids))

    @classmethod
    def decode_body(cls, version: int, code: Code, data: bytes, start: int) -> Action:
        """Either form."""
        if code.number != 21 or not code.vendor:
            if len(data) != (16 if code.vendor else 8):
                raise OpenFlowError(BadAction.BAD_LEN)
            return cls()
        if len(data) < 16:
            raise OpenFlowError(BadAction.BAD_LEN)
        (n,) = struct.unpack_from("!H", data, 10)
        if any(data[12:16]):
            raise OpenFlowError(BadRequest.MUST_BE_ZERO)
        if 16 + 2 * n > len(data):
            raise OpenFlowError(BadAction.BAD_LEN)
        return cls(struct.unpack_from(f"!{n}H", data, 16), True)

    @classmethod
    def parse(cls, arg: str, names: Names) -> Action:
        """Nothing, or ids of controllers."""
        if not arg:
            return cls()
        ids = [c_atoi(word, 16) for word in arg.replace(",", " ").split(" ") if word]
        if not ids:
            raise TextError("dec_ttl_cnt_ids: expected at least one controller id.", arg)
        return cls(tuple(ids), True)

    def format(self, names: Names) -> str:
        """`dec_ttl`, `dec_ttl(1,2)`."""
        return f"dec_ttl({','.join(map(str, self.ids))})" if self.listed else "dec_ttl"
