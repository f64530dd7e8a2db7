"""What ovs-xapi-sync makes of XAPI's answers: the columns of Bridge and Interface that it keeps.

A rule returns what is to differ, as maps from keys to values in which None removes the key.  Bridges that XAPI has
no network for, and interfaces that are no VIF's, belong to somebody else and are left alone.

Sources: the switch's side of XenServer 6.0 (`iface-id`, `vm-id`, `iface-status`, `bridge-id`) and of XenServer 8
(`neutron-port-uuid`); ovs-vswitchd.conf.db(5), external_ids.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from vswitch.base.dataclass import dataclass, field
from vswitch.xenserver.lookups import NetworkAnswer, Options
from vswitch.xenserver.records import FAIL_MODE, IN_BAND
from vswitch.xenserver.settings import FAIL_MODES

Change = dict[str, str | None]
Tell = Callable[[str], None]

DEVICE = re.compile(r"(vif|tap)([0-9]+\.[0-9]+)")
COPIED = ("attached-mac", "xs-network-uuid", "xs-vif-uuid", "xs-vm-uuid")


@dataclass(frozen=True, slots=True)
class BridgeChange:
    """What is to become different of a bridge."""

    fail_mode: str | None = None  # None: nothing
    other_config: Change = field(default_factory=dict)
    external_ids: Change = field(default_factory=dict)


def bridge_settings(answer: NetworkAnswer, *, is_current: bool, tell: Tell) -> BridgeChange:
    """For a bridge seen for the first time: what XAPI says of its failure mode and in-band control.

    Bridges of networks without a PIF need it, for no PIF's plug configures them.
    """
    if answer.options is None:
        return BridgeChange()
    said = answer.options.get(FAIL_MODE, "")
    if is_current:  # there networkd sets the pool's word itself
        fail_mode = said if said in FAIL_MODES else None
    else:
        said = said or answer.pool.get(FAIL_MODE, "")
        fail_mode = said if said in FAIL_MODES else "standalone"
    in_band = answer.options.get(IN_BAND)
    if in_band not in (None, "true", "false"):
        tell(f"{IN_BAND}={in_band} is not valid: left as it is")
        return BridgeChange(fail_mode)
    return BridgeChange(fail_mode, {"disable-in-band": in_band})


def bridge_id(answer: NetworkAnswer | None, ids: Options, *, is_current: bool) -> Change:
    """The network that a bridge is, for controllers: `bridge-id`.  Without an answer, it stays what it is."""
    if answer is None:
        return {}
    if answer.options is not None and (said := answer.options.get("nicira-bridge-id")):
        return {"bridge-id": said}
    uuids = [uuid for uuid in ids.get("xs-network-uuids", "").split(";") if uuid]
    if answer.uuid in uuids:
        return {"bridge-id": answer.uuid}
    if answer.options is None and not uuids:
        return {}
    if len(uuids) > 1 and is_current:
        return {"bridge-id": ""}
    return {"bridge-id": uuids[0] if uuids else None}


def interface_ids(
    interfaces: Mapping[str, Options],
    vifs: Mapping[str, Options],
    vms: Mapping[str, Options],
    *,
    is_current: bool,
) -> dict[str, Change]:
    """The external_ids that interfaces, given by name with the ones they have, are to have besides."""
    if is_current:
        return {name: _neutron_port(ids, vifs) for name, ids in interfaces.items() if name.startswith("vif")}
    return {name: _ids(name, ids, interfaces, vifs, vms) for name, ids in interfaces.items()}


def _neutron_port(ids: Options, vifs: Mapping[str, Options]) -> Change:
    uuid = ids.get("xs-vif-uuid", "")
    if uuid and uuid not in vifs:
        return {}
    options = vifs.get(uuid, {})
    return {"neutron-port-uuid": options.get("neutron-port-uuid") or options.get("nicira-iface-id")}


def _ids(
    name: str,
    ids: Options,
    interfaces: Mapping[str, Options],
    vifs: Mapping[str, Options],
    vms: Mapping[str, Options],
) -> Change:
    device = DEVICE.fullmatch(name)
    if device is None:
        plain = {"iface-id": ids.get("xs-vif-uuid"), "vm-id": ids.get("xs-vm-uuid")}
        return {key: value for key, value in plain.items() if value}
    kind, number = device.groups()
    change: Change = {}
    vif = interfaces.get(f"vif{number}")
    if kind == "tap" and vif is not None:
        change |= {key: vif.get(key) for key in COPIED}
    source = vif if kind == "tap" and vif is not None else ids
    change |= _named(source.get("xs-vif-uuid"), "iface-id", "nicira-iface-id", vifs)
    change |= _named(source.get("xs-vm-uuid"), "vm-id", "nicira-vm-id", vms)
    change["iface-status"] = _status(kind, vif is not None, f"tap{number}" in interfaces)
    return change


def _named(uuid: str | None, key: str, option: str, answers: Mapping[str, Options]) -> Change:
    """An id that is what the record says, else the record's UUID; nothing as long as there is no answer."""
    if not uuid:
        return {key: None}
    return {key: answers[uuid].get(option) or uuid} if uuid in answers else {}


def _status(kind: str, has_vif: bool, has_tap: bool) -> str | None:
    """Which of a domain's two devices for one card carries its packets: the emulated one while it is there."""
    if kind == "tap":
        return "active" if has_vif else None
    return "inactive" if has_tap else "active"
