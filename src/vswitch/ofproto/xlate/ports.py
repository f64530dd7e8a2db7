"""Out of one port: into the datapath, or through a patch port into another switch, where translation goes on.

What happens in the other switch does not change the packet for the actions that follow here; what it looked at stays
in the one mask.

Sources: ovs-vswitchd.conf.db(5), "Patch Options"; OpenFlow 1.5.1, 7.2.1.1 (OFPPC_*).
"""

from __future__ import annotations

from vswitch.dpif.action import Output, Trunc
from vswitch.flow.field import Flow
from vswitch.flow.fields import ACTSET_OUTPUT, IN_PORT, LAYOUT, XXREG
from vswitch.flow.ports import OFPP_UNSET, OfPort
from vswitch.ofproto.narration import Kind
from vswitch.ofproto.port import SwitchPort
from vswitch.ofproto.switch import Switch
from vswitch.ofproto.xlate.actionset import run_action_set
from vswitch.ofproto.xlate.commit import commit
from vswitch.ofproto.xlate.context import Translation
from vswitch.ofproto.xlate.pause import end_pause
from vswitch.ofproto.xlate.resubmit import enter_table
from vswitch.openflow.messages.port import OFPPC_NO_FWD, OFPPC_NO_RECV

# What a packet loses on its way into another switch: registers, metadata, tunnel, connection state.
_LOCAL_STATE = LAYOUT.mask(
    "metadata", *(xxreg.name for xxreg in XXREG), "ct_state", "ct_zone", "ct_mark", "ct_label"
) | LAYOUT.mask("tun_id", "tun_dst", "tun_src", "tun_ttl", "tun_tos", "tun_flags")


def send_out(xlate: Translation, number: OfPort, max_len: int = 0) -> None:
    """Output the packet as it is now to the port with this number, cut to `max_len` bytes if that is not 0."""
    port = xlate.switch.ports.get(number)
    if port is None:
        xlate.report(Kind.WARN, "Nonexistent output port")
    elif port.config & OFPPC_NO_FWD:
        xlate.report(Kind.DETAIL, "OFPPC_NO_FWD set, skipping output")
    elif _is_protected(xlate, port):
        xlate.report(Kind.WARN, "Flow is between protected ports, skipping output.")
    elif port.peer:
        _through_patch(xlate, port, max_len)
    elif port.odp_port is not None:
        commit(xlate)
        if max_len:
            xlate.actions.append(Trunc(max_len))
        xlate.actions.append(Output(port.odp_port))


def _is_protected(xlate: Translation, port: SwitchPort) -> bool:
    if port.bundle is None or not port.bundle.protected:
        return False
    source = xlate.switch.ports.get(OfPort(IN_PORT.get(xlate.flow)))
    return source is not None and source.bundle is not None and source.bundle.protected


def may_receive(port: SwitchPort) -> bool:
    """Whether packets from `port` are taken."""
    return not port.config & OFPPC_NO_RECV


def _through_patch(xlate: Translation, port: SwitchPort, max_len: int) -> None:
    """Let the packet arrive at the other end of `port`, and then go on here as if nothing had happened."""
    found = xlate.wiring.peer_of(port)
    if max_len:
        xlate.report(Kind.ERROR, "Cannot truncate output to patch port")
    elif found is not None:
        _arrive(xlate, port, *found)


def _arrive(xlate: Translation, port: SwitchPort, switch: Switch, peer: SwitchPort) -> None:
    before = xlate.flow, xlate.switch, xlate.stack, xlate.stack_bytes, xlate.action_set, xlate.trace
    table_id, rule = xlate.table_id, xlate.rule
    flow = IN_PORT.put(Flow(xlate.flow & ~_LOCAL_STATE), peer.number)
    xlate.flow = ACTSET_OUTPUT.put(flow, OFPP_UNSET)
    xlate.switch, xlate.stack, xlate.stack_bytes, xlate.action_set = switch, [], 0, []
    if xlate.trace is not None:
        xlate.trace = xlate.trace.add(Kind.BRIDGE, f'bridge("{switch.name}")')
    if may_receive(peer):
        enter_table(xlate, 0, packet_in=True, honor_miss=True)
        run_action_set(xlate)
        end_pause(xlate)
    xlate.flow, xlate.switch, xlate.stack, xlate.stack_bytes, xlate.action_set, xlate.trace = before
    xlate.table_id, xlate.rule = table_id, rule
    xlate.exit, xlate.error = False, ""  # the other switch's troubles are its own
    xlate.carried.patches += ((port, peer),)
