"""Whether actions make sense together and with the match of their flow.

OpenFlow 1.0 lets a flow set a port of packets that may not have one; later versions refuse.  On the way it is noted
what the encoding into other versions needs to know: whether the packet has a VLAN tag, and which ports `mod_tp_src` sets.

Sources: OpenFlow 1.5.1, 7.2.6 (consistency), 7.5.4.3 (errors); ovs-actions(7), "Conversion" and prerequisites.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import is_, or_

from vswitch.base.memo import by_identity
from vswitch.flow.field import Field, Flow
from vswitch.flow.fields import (
    CT_STATE,
    ETH_TYPE,
    FIELDS,
    IP_FRAG,
    IP_PROTO,
    PACKET_TYPE,
    TP_PORTS,
    TUN_METADATA,
    VLAN_TCI,
    with_type,
)
from vswitch.flow.match import Match
from vswitch.flow.ports import (
    OFPP_ANY,
    OFPP_CONTROLLER,
    OFPP_IN_PORT,
    OFPP_LOCAL,
    OFPP_MAX,
    OFPP_UNSET,
    to_16,
)
from vswitch.flow.subfield import Subfield
from vswitch.openflow.actions.base import Action
from vswitch.openflow.actions.bundle import Bundle, Multipath
from vswitch.openflow.actions.control import Clone, DecNshTtl, FinTimeout, Resubmit
from vswitch.openflow.actions.ct import Ct, Nat
from vswitch.openflow.actions.encap import Decap, Encap
from vswitch.openflow.actions.header import (
    DecTtl,
    L4Rewrite,
    PopVlan,
    PushVlan,
    SetIpDscp,
    SetIpEcn,
    SetIpTtl,
    SetIpv4Dst,
    SetIpv4Src,
    SetVlanPcp,
    SetVlanVid,
)
from vswitch.openflow.actions.learn import LOAD, MATCH, Learn
from vswitch.openflow.actions.mpls import DecMplsTtl, PopMpls, PushMpls, SetMplsLabel, SetMplsTc, SetMplsTtl
from vswitch.openflow.actions.output import Enqueue, Output, OutputTrunc
from vswitch.openflow.actions.register import (
    DeleteField,
    Load,
    Move,
    OutputReg,
    SetField,
    StackPop,
    StackPush,
)
from vswitch.openflow.errors import BadAction, BadInstruction, ErrorCode, MeterModFailed, OpenFlowError
from vswitch.openflow.instructions import GotoTable, Meter, WriteActions
from vswitch.openflow.names import OFPM_MAX, OFPTT_ALL
from vswitch.openflow.version import OF11
from vswitch.openflow.wirefield import check_range
from vswitch.openflow.wirematch import check_addresses
from vswitch.packet.numbers import ETH_IP, ETH_IPV6, ETH_MPLS, ETH_MPLS_MC, ETH_NSH, ICMPV6, TCP

_CFI, _INVALID = 0x1000, 0x10  # tagged; as state of a connection
_VLAN_VID = FIELDS["vlan_vid"]
_MPLS = (ETH_MPLS, ETH_MPLS_MC)
_LATER_FRAGMENT = 2
_NAT_KINDS = {4: ETH_IP, 6: ETH_IPV6}  # by the version of a range's addresses
_ALG_PROTOS = {21: (6,), 69: (17,)}  # of FTP and TFTP, by the ports that name their helpers
_IP_ACTIONS = (SetIpDscp, SetIpEcn, SetIpTtl, DecTtl)
_MPLS_ACTIONS = (SetMplsLabel, SetMplsTc, SetMplsTtl, DecMplsTtl, PopMpls)


class CheckError(OpenFlowError):
    """Actions make no sense, for a reason that goes to the log in the name of `module`."""

    def __init__(self, module: str, why: str, code: ErrorCode = BadAction.MATCH_INCONSISTENT) -> None:
        super().__init__(code, why, module)
        self.module = module


def check_actions(
    actions: Iterable[Action],
    match: Match,
    table_id: int = OFPTT_ALL,
    version: int = 1,
    n_tables: int = 255,
    max_port: int = OFPP_MAX,
    *,
    sent: bool = True,
) -> tuple[Action, ...]:
    """`actions`, completed by what `match` says; OpenFlowError if they make no sense on its packets.

    From OpenFlow 1.1 on that includes rewriting what the packets may lack; `table_id` 0xff is any table.  Unless they are
    `sent`, but only a text, the match itself may be on packets that there are not.
    """
    if sent:
        check_addresses(match)
    known = match.mask & CT_STATE.mask
    return _check(
        tuple(actions), telling(with_type(match.value)), known, table_id, version, n_tables, max_port
    )


def telling(value: int) -> int:
    """What of the value of a match decides which actions make sense; of ports, only those that are ICMPv6's type and code."""
    return value & (_TELLING if IP_PROTO.get(value) == ICMPV6 else _TELLING & ~TP_PORTS.mask)


_TELLING = reduce(
    or_, (field.needs.mask for field in FIELDS), VLAN_TCI.mask | IP_FRAG.mask | IP_PROTO.mask | CT_STATE.mask
)


@by_identity
def _check(
    actions: tuple[Action, ...],
    value: int,
    known: int,
    table_id: int,
    version: int,
    n_tables: int,
    max_port: int,
) -> tuple[Action, ...]:
    """`actions` themselves, unless something is to be completed: then flows with the same list share the result."""
    checker = _Checker(value, known, table_id, version, n_tables, max_port)
    made = tuple(checker.run(actions))
    if checker.inconsistent:
        raise OpenFlowError(BadAction.MATCH_INCONSISTENT)
    return actions if all(map(is_, made, actions)) else made


class _Checker:
    """What is known of the packet between two actions."""

    def __init__(
        self, value: int, known: int, table_id: int, version: int, n_tables: int, max_port: int
    ) -> None:
        self.flow = Flow(value)  # bits that do not matter are zero, and so unknown
        self.mask = known  # of the state of connections, where it matters that a bit is zero
        self.table_id = table_id
        self.strict = version >= OF11
        self.inconsistent = False
        self.n_tables = n_tables
        self.max_port = max_port

    def run(self, actions: Iterable[Action]) -> list[Action]:
        return [self._check(item) for item in actions]

    def _check(self, item: Action) -> Action:
        match item:
            case Output() | OutputTrunc() | Enqueue():
                self._port(item)
            case SetVlanVid() | SetVlanPcp():
                return self._vlan(item)
            case PopVlan():
                self._need(bool(VLAN_TCI.get(self.flow) & _CFI))
                self.flow = VLAN_TCI.put(self.flow, 0)
            case PushVlan():
                self.flow = VLAN_TCI.put(self.flow, _CFI)
            case SetIpv4Src() | SetIpv4Dst():
                self._need(ETH_TYPE.get(self.flow) == ETH_IP)
            case L4Rewrite():
                return self._l4(item)
            case PushMpls() | PopMpls():
                on_ethernet = not PACKET_TYPE.get(self.flow)
                self._need(on_ethernet and (isinstance(item, PushMpls) or ETH_TYPE.get(self.flow) in _MPLS))
                self.flow = IP_PROTO.put(ETH_TYPE.put(self.flow, item.ethertype), 0)
            case _ if isinstance(item, _IP_ACTIONS):
                self._need(self._is_ip)
            case _ if isinstance(item, _MPLS_ACTIONS):
                self._need(ETH_TYPE.get(self.flow) in _MPLS)
            case _:
                return self._check_more(item)
        return item

    def _check_more(self, item: Action) -> Action:
        match item:
            case SetField():
                self._set(Subfield(item.field), item.value)
            case Load():
                self._set(item.dst, item.value)
            case Move():
                self._reads(item.src.field)
                self._writes(item.dst.field)
            case OutputReg() | StackPush():
                self._reads(item.src.field)
            case StackPop() | Multipath():
                self._writes(item.dst.field)
            case Bundle():
                self._bundle(item)
            case DeleteField():
                if item.field not in TUN_METADATA:
                    raise OpenFlowError(BadAction.BAD_ARGUMENT, item.field.name)
            case GotoTable():
                later = self.table_id == OFPTT_ALL or item.table_id > self.table_id
                if not later or (self.n_tables != 255 and item.table_id >= self.n_tables):
                    raise OpenFlowError(BadInstruction.BAD_TABLE_ID)
            case Meter():
                if not 0 < item.meter_id <= OFPM_MAX:
                    raise OpenFlowError(MeterModFailed.INVALID_METER)
            case Ct():
                protos = _ALG_PROTOS.get(item.alg)
                invalid = item.commit and CT_STATE.get(self.flow) & _INVALID
                if not self._is_ip or invalid or (protos and IP_PROTO.get(self.flow) & 0xFF not in protos):
                    raise OpenFlowError(BadAction.MATCH_INCONSISTENT)
                if isinstance(item.zone, Subfield):
                    self._reads(item.zone.field)
                self._nat(item)
            case Encap():
                self.flow = with_type(PACKET_TYPE.put(self.flow, item.packet_type))
                if not self._is_ip:
                    self.flow = IP_PROTO.put(self.flow, 0)
            case Decap():
                self._decap()
            case DecNshTtl():
                self._need(ETH_TYPE.get(self.flow) == ETH_NSH)
            case FinTimeout():
                self._need(self._is_ip and IP_PROTO.get(self.flow) & 0xFF == TCP)
            case Resubmit(ct=True):
                if not FIELDS["ct_nw_proto"].needs.holds_in(self.flow, self.mask):
                    raise OpenFlowError(BadAction.MATCH_INCONSISTENT)
            case Learn():
                self._learn(item)
            case Clone() | WriteActions():
                before = self.flow, self.strict
                self.strict &= not isinstance(
                    item, WriteActions
                )  # nobody knows what packet meets an action set
                item = item.replace(actions=tuple(self.run(item.actions)))
                self.flow, self.strict = before
            case _:
                pass
        return item

    def _decap(self) -> None:
        """Below Ethernet is what its type says; what is below another header, nobody knows."""
        packet_type = PACKET_TYPE.get(self.flow)
        eth_type = 0xFFFF if packet_type else ETH_TYPE.get(self.flow)
        self.flow = ETH_TYPE.put(
            PACKET_TYPE.put(self.flow, 0xFFFF if packet_type else 1 << 16 | eth_type), eth_type
        )

    @property
    def _is_ip(self) -> bool:
        return ETH_TYPE.get(self.flow) in (ETH_IP, ETH_IPV6)

    def _need(self, met: bool) -> None:
        """What OpenFlow 1.0 does not ask for."""
        self.inconsistent |= self.strict and not met  # which is said if nothing worse is found

    # What Nicira's extensions have always asked for.

    def _set(self, part: Subfield, value: int) -> None:
        field = part.field
        untagged = field is _VLAN_VID and not VLAN_TCI.get(self.flow) & _CFI
        if untagged or not field.needs.holds_in(self.flow, self.mask):
            raise CheckError("ofp_actions", f"set_field {field.name} lacks correct prerequisites")
        if field is VLAN_TCI:
            self.flow = part.put(self.flow, value)

    def _reads(self, field: Field) -> None:
        if not field.needs.holds_in(self.flow, self.mask):
            raise CheckError("meta_flow", f"source field {field.name} lacks correct prerequisites")

    def _writes(self, field: Field, flow: Flow | None = None) -> None:
        if not field.needs.holds_in(self.flow if flow is None else flow, self.mask):
            raise CheckError("meta_flow", f"destination field {field.name} lacks correct prerequisites")
        if not field.writable:
            why = f"destination field {field.name} is not writable"
            raise CheckError("meta_flow", why, BadAction.BAD_SET_ARGUMENT)

    def _bundle(self, item: Bundle) -> None:
        """Members are ports; a controller is none."""
        if item.dst is not None:
            self._writes(item.dst.field)
        for port in item.members:
            if port == OFPP_CONTROLLER:
                raise CheckError("bundle", "unsupported controller member", BadAction.BAD_OUT_PORT)
            if port != OFPP_ANY and not self._is_output(port):
                raise CheckError("bundle", f"invalid member {to_16(port)}", BadAction.BAD_OUT_PORT)

    def _nat(self, item: Ct) -> None:
        """Addresses are of the packet's kind."""
        for nat in item.actions:
            kind = _NAT_KINDS.get(nat.ip_version) if isinstance(nat, Nat) else None
            if kind and ETH_TYPE.get(self.flow) != kind:
                raise OpenFlowError(BadAction.MATCH_INCONSISTENT)

    def _learn(self, item: Learn) -> None:
        """What the specs read must be in the packet; what they write, in packets of the new flow."""
        learned, known = Flow(0), 0
        for spec in item.specs:
            if isinstance(spec.src, Subfield):
                check_range(spec.src)
                self._reads(spec.src.field)
            if spec.dst is None:
                continue
            check_range(spec.dst)
            field = spec.dst.field
            if spec.kind == LOAD:
                self._writes(field, learned)
            elif spec.kind == MATCH:
                if not field.needs.holds(learned):
                    raise CheckError("meta_flow", f"source field {field.name} lacks correct prerequisites")
                covered = known | spec.dst.mask
                # Part of a field that is matched whole or not at all says nothing.
                if not isinstance(spec.src, Subfield) and (field.maskable or not field.mask & ~covered):
                    learned, known = spec.dst.put(learned, spec.src), covered

    def _port(self, item: Output | OutputTrunc | Enqueue) -> None:
        port = item.port
        if isinstance(item, Enqueue):
            valid = port < self.max_port or port in (OFPP_IN_PORT, OFPP_LOCAL)
        else:
            valid = self._is_output(port)
        if not valid:
            raise OpenFlowError(BadAction.BAD_OUT_PORT, f"port {port}")

    def _is_output(self, port: int) -> bool:
        """Whether packets can go out there."""
        return port < self.max_port or (port > OFPP_UNSET and port != OFPP_ANY)

    def _vlan(self, item: SetVlanVid | SetVlanPcp) -> Action:
        has_vlan = bool(VLAN_TCI.get(self.flow) & _CFI)
        self._need(has_vlan or item.push_if_needed)
        self.flow = VLAN_TCI.put(self.flow, VLAN_TCI.get(self.flow) | _CFI)
        return item.replace(has_vlan=has_vlan) if has_vlan != item.has_vlan else item

    def _l4(self, item: L4Rewrite) -> Action:
        proto = IP_PROTO.get(self.flow) & 0xFF
        fits = self._is_ip and not IP_FRAG.get(self.flow) & _LATER_FRAGMENT and proto in item.fields
        self._need(fits)
        return item.replace(ip_proto=proto) if fits and proto != item.ip_proto else item
