"""Actions on MPLS label stacks.

Sources: OpenFlow 1.1, 5.9; OpenFlow 1.5.1, 7.2.6; ovs-actions(7), push_mpls to dec_mpls_ttl.
"""

from __future__ import annotations

from vswitch.base.errors import TextError
from vswitch.base.text import parse_u8, parse_u16, parse_u32
from vswitch.flow.fields import FIELDS
from vswitch.openflow.actions.base import Action, action
from vswitch.openflow.actions.register import encode_set_field
from vswitch.openflow.codec import U8, U16, U32, Code
from vswitch.openflow.errors import BadAction, OpenFlowError
from vswitch.openflow.names import Names
from vswitch.openflow.value import wire
from vswitch.openflow.version import OF12
from vswitch.packet.numbers import ETH_MPLS, ETH_MPLS_MC


@action("push_mpls", "NX1.0(23), OF1.1+(19)")
class PushMpls(Action):
    """Add an outermost label; `ethertype` says whether it is for unicast or multicast."""

    ethertype: int = wire(U16)

    @classmethod
    def decode_body(cls, version: int, code: Code, data: bytes, start: int) -> Action:
        """Refuse what is not MPLS."""
        made = super().decode_body(version, code, data, start)
        if made.ethertype not in (ETH_MPLS, ETH_MPLS_MC):  # type: ignore[attr-defined]  # of this class
            raise OpenFlowError(BadAction.BAD_ARGUMENT)
        return made

    @classmethod
    def parse(cls, arg: str, names: Names) -> Action:
        """`0x8847` or `0x8848`."""
        return cls(parse_u16(arg, "push_mpls"))

    def format(self, names: Names) -> str:
        """`push_mpls:0x8847`."""
        return f"push_mpls:0x{self.ethertype:04x}"


@action("pop_mpls", "NX1.0(24), OF1.1+(20)")
class PopMpls(Action):
    """Remove the outermost label; what is below has `ethertype`."""

    ethertype: int = wire(U16)

    @classmethod
    def parse(cls, arg: str, names: Names) -> Action:
        """An Ethertype."""
        return cls(parse_u16(arg, "pop_mpls"))

    def format(self, names: Names) -> str:
        """`pop_mpls:0x0800`."""
        return f"pop_mpls:0x{self.ethertype:04x}"


@action("set_mpls_label", "NX1.0(30), OF1.1+(13)")
class SetMplsLabel(Action):
    """Set the label of the outermost entry."""

    label: int = wire(U32)

    def encode(self, version: int) -> bytes:
        """set_field since OpenFlow 1.2."""
        if version < OF12:
            return super().encode(version)
        return encode_set_field(version, FIELDS["mpls_label"], self.label & 0xFFFFF)

    @classmethod
    def parse(cls, arg: str, names: Names) -> Action:
        """20 bits."""
        if not arg:
            raise TextError("set_mpls_label: expected label.", arg)
        label = parse_u32(arg)
        if label >> 20:
            raise TextError(f"{arg}: not a valid MPLS label", arg)
        return cls(label)

    def format(self, names: Names) -> str:
        """`set_mpls_label(4)`."""
        return f"set_mpls_label({self.label})"


@action("set_mpls_tc", "NX1.0(31), OF1.1+(14)")
class SetMplsTc(Action):
    """Set the traffic class of the outermost entry."""

    tc: int = wire(U8)

    def encode(self, version: int) -> bytes:
        """set_field since OpenFlow 1.2."""
        if version < OF12:
            return super().encode(version)
        return encode_set_field(version, FIELDS["mpls_tc"], self.tc & 7)

    @classmethod
    def parse(cls, arg: str, names: Names) -> Action:
        """3 bits."""
        if not arg:
            raise TextError("set_mpls_tc: expected tc.", arg)
        tc = parse_u8(arg, "MPLS TC")
        if tc >> 3:
            raise TextError(f"{arg}: not a valid MPLS TC", arg)
        return cls(tc)

    def format(self, names: Names) -> str:
        """`set_mpls_tc(4)`."""
        return f"set_mpls_tc({self.tc})"


@action("set_mpls_ttl", "NX1.0(25), OF1.1+(15)")
class SetMplsTtl(Action):
    """Set the TTL of the outermost entry."""

    ttl: int = wire(U8)

    @classmethod
    def parse(cls, arg: str, names: Names) -> Action:
        """8 bits."""
        if not arg:
            raise TextError("set_mpls_ttl: expected ttl.", arg)
        return cls(parse_u8(arg, "MPLS TTL"))

    def format(self, names: Names) -> str:
        """`set_mpls_ttl(4)`."""
        return f"set_mpls_ttl({self.ttl})"


@action("dec_mpls_ttl", "NX1.0(26), OF1.1+(16)")
class DecMplsTtl(Action):
    """Decrement the TTL of the outermost entry; at zero, send the packet to the controllers."""
