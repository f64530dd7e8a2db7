"""What a plan must know of the host it is for, as a value."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from vswitch.base.dataclass import dataclass, field


@dataclass(frozen=True, slots=True)
class Device:
    """A network device of the kernel."""

    name: str
    mac: str = ""
    queue_length: int = 1000
    features: int = 0  # of old kernels, NETIF_F_*; 0 where the kernel does not tell
    driver: str = ""
    bond_slaves: tuple[str, ...] = ()  # in the order in which they joined


@dataclass(frozen=True, slots=True)
class Facts:
    """The state of a host before a run."""

    devices: Mapping[str, Device] = field(default_factory=dict)
    booted_from: str = ""  # the MAC of the network card that the root disk comes through, if one does
    network_file: str = ""  # /etc/sysconfig/network
    programs: frozenset[str] = frozenset()  # those of PROGRAMS that the host has
    stand_ins: tuple[str, ...] = ()  # devices that stand in for a bridge (standin.py)
    has_switch: bool = False  # whether a database server runs
    fail_mode_of: Callable[[str], str] = lambda bridge: ""  # as the switch has it now


STAND_IN = "# In place of its bridge, for the switch did not work"  # a line of the file of such a device
VLAN_WORKAROUND = "/usr/sbin/ovs-vlan-bug-workaround"
UPDATE_ISSUE = "/sbin/update-issue"
PROGRAMS = (VLAN_WORKAROUND, UPDATE_ISSUE)
