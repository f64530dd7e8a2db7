"""The actions of interface-reconfigure, as plans.

Sources: XenServer 5.6 to 6.0 for the order of steps.
"""

from __future__ import annotations

from vswitch.xenserver.bridge_backend import BridgeBackend
from vswitch.xenserver.facts import UPDATE_ISSUE, Device, Facts
from vswitch.xenserver.records import Pif, ReconfigureError
from vswitch.xenserver.settings import Tell
from vswitch.xenserver.steps import Apply, Commit, IfDown, IfUp, Note, Plan, Run, Stage, Step
from vswitch.xenserver.topology import Topology
from vswitch.xenserver.vswitch_backend import VswitchBackend

# Both say of a PIF: its files, the PIFs whose network cards carry it (devices), how to take down what cannot be there
# beside it (make_way), build what carries it (configure), end when its IP configuration is up (finish), and take it
# down; and how to write anew what depends on records alone (rewrite).
Backend = BridgeBackend | VswitchBackend


class Planner:
    """Makes plans for one host from its records and facts; `backend` is `bridge` or `openvswitch`."""

    def __init__(self, topology: Topology, facts: Facts, backend: str) -> None:
        self._topology = topology
        self._facts = facts
        self._notes: list[str] = []
        build = BridgeBackend if backend == "bridge" else VswitchBackend
        self._backend: Backend = build(topology, facts, self._notes.append)

    def up(self, pif: Pif, management: Pif | None, *, forced: bool) -> Plan:
        """Bring a PIF up.  When forced, at boot or in an emergency, nothing is there that would be in the way."""
        topology, backend = self._topology, self._backend
        if not forced and self._facts.booted_from and self._facts.booted_from == pif.mac.lower():
            return Plan((Note(f"{topology.netdev(pif)} carries the root disk: left as it is"),))
        steps: list[Step] = [*backend.files(pif)]
        if not pif.is_tunnel:
            for physical in backend.devices(pif):
                check_device(topology.netdev(physical), physical.mac, self._facts, self._notes.append)
        if not forced:
            steps += [IfDown(topology.ipdev(pif)), *backend.make_way(pif)]
        steps += [Apply(), *backend.configure(pif, management)]
        steps += [IfUp(topology.ipdev(pif)), *backend.finish(pif)]
        if UPDATE_ISSUE in self._facts.programs:
            steps.append(Run((UPDATE_ISSUE,)))
        return self._plan([*steps, Commit()])

    def down(self, pif: Pif) -> Plan:
        """Take a PIF down; its configuration files stay."""
        return self._plan([*self._backend.take_down(pif)])

    def rewrite(self) -> Plan:
        """After the records have changed, without a PIF coming or going."""
        return self._plan([*self._backend.rewrite()])

    def _plan(self, steps: list[Step]) -> Plan:
        return Plan((*(Note(note) for note in dict.fromkeys(self._notes)), *steps))


def emergency(path: str, cache: str) -> Plan:
    """Replace all that is known of the host's network by one management interface, for the next boot."""
    return Plan((Stage(path, cache), Apply(), Commit()))


def check_device(name: str, mac: str, facts: Facts, tell: Tell) -> None:
    """See that the device of a PIF is the network card that it should be; raises ReconfigureError."""
    device, wanted = facts.devices.get(name), mac.lower()
    if not wanted or (device is not None and device.mac.lower() == wanted):
        return
    real = [each for each in facts.devices.values() if _is_card(each, wanted)]
    if real:
        raise ReconfigureError(
            f"the network card with address {mac} is called {real[0].name}, not {name}: "
            "rename it (interface-rename) or let XAPI look for it (xe pif-scan)"
        )
    tell(f"no network card has the address {mac} of {name}")


def _is_card(device: Device, mac: str) -> bool:
    """Whether a device has that address and is more than a software device (which has no queue)."""
    return device.mac.lower() == mac and device.queue_length > 0
