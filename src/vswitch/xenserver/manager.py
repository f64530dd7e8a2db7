"""Who manages the switch, as XAPI wants it and as the switch has it; and the commands from one to the other.

Two generations of XAPI say it in two ways: `pool.vswitch_controller`, an address that the switch connects to; and the
class SDN_controller, which can also have the switch listen (`pssl`).  Each has its plugin.

The certificate of a manager that the switch connects to is taken on trust the first time, and kept; it is forgotten
when the manager changes, or a new one could never be trusted.

Sources: XenServer Administrator's Guide, "vSwitch and controller"; ovs-vsctl(8), "Manager Connectivity", "SSL".
"""

from __future__ import annotations

from collections.abc import Sequence

from vswitch.base.dataclass import dataclass

Command = tuple[str, ...]

KEY_AND_CERTIFICATE = "/etc/xensource/xapi-ssl.pem"
BOOTSTRAPPED_CA = "/etc/openvswitch/vswitchd.cacert"
INSTALLED_CA = "/etc/stunnel/certs/sdn-controller-ca.pem"
PORT = 6632  # XenServer keeps the port from before IANA gave one out
LISTENING = "pssl:6640"
OVSDB_PORT, OPENFLOW_PORT = 6640, 6653


@dataclass(frozen=True, slots=True)
class Change:
    """What leads from one manager to another."""

    resets: bool = False  # forget first what the former manager has configured
    commands: tuple[Command, ...] = ()  # of ovs-vsctl, in one transaction
    is_new: bool = False  # whether there is another manager now
    firewall: str = ""  # what to do with the ports of listening managers: open, close, or nothing
    said: str = ""  # for the log


NO_CHANGE = Change()
_UNSET: tuple[Command, ...] = (("del-manager",), ("del-ssl",))


def change_of_controller(wanted: str, managers: Sequence[str]) -> Change:
    """From `managers`, as get-manager prints them, to the address `wanted`; empty: none."""
    present = [_host(manager) for manager in managers]
    if wanted in present or not (wanted or present):
        return NO_CHANGE
    if not wanted:
        return Change(resets=True, commands=_UNSET, said="controller removed")
    commands = _connecting(f"ssl:{wanted}:{PORT}")
    return Change(resets=True, commands=commands, is_new=True, said=f"controller set to {wanted}")


def _host(manager: str) -> str:
    """The host in ssl:HOST:PORT; any other target as it is."""
    kind, _, rest = manager.partition(":")
    return rest.rpartition(":")[0] or rest if kind == "ssl" else manager


def change_of_target(wanted: str, managers: Sequence[str]) -> Change:
    """From `managers` to the target `wanted`: ssl:ADDRESS:PORT, or LISTENING; empty: none."""
    if wanted in managers or not (wanted or managers):
        return NO_CHANGE
    if not wanted:
        return Change(resets=True, commands=_UNSET, firewall="close", said="controller removed")
    if wanted == LISTENING:
        key = KEY_AND_CERTIFICATE
        commands = (*_UNSET, ("set-ssl", key, key, INSTALLED_CA), ("set-manager", wanted))
        return Change(commands=commands, is_new=True, firewall="open", said="listening for controllers")
    commands = _connecting(wanted)
    return Change(commands=commands, is_new=True, firewall="close", said=f"controller set to {wanted}")


def _connecting(target: str) -> tuple[Command, ...]:
    key = KEY_AND_CERTIFICATE
    return (*_UNSET, ("--bootstrap", "set-ssl", key, key, BOOTSTRAPPED_CA), ("set-manager", target))
