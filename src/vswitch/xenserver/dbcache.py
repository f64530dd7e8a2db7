"""network.dbcache: the records of the host's network, kept for when XAPI cannot be asked.

The host's own management interface comes up before XAPI does, and on a member of a pool XAPI needs that very
interface to reach the master; so each run that has asked XAPI leaves a copy.  `currently_attached` is in the file
but always reads as false: after a boot, nothing is attached.

Sources: the file as XenServer 5.6 to 6.0 write it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from vswitch.base.dataclass import replace
from vswitch.base.jsontype import Json
from vswitch.xenserver.records import (
    KINDS,
    NULL,
    Key,
    Network,
    Pif,
    ReconfigureError,
    Record,
    Records,
    keys_of,
)

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

CACHE = "/var/xapi/network.dbcache"
LATER_CACHE = "/var/lib/xcp/network.dbcache"  # where later packages of XAPI keep it
ROOT = "xenserver-network-configuration"
MANAGEMENT_NETWORK = "InitialManagementNetwork"


def read_cache(text: str, name: str = CACHE) -> Records:
    """The records in a cache; raises ReconfigureError."""
    from xml.etree import ElementTree as ET  # 10 ms, and XAPI's answers do not need it

    try:
        root = ET.fromstring(text)
    except ET.ParseError as error:
        raise ReconfigureError(f"{name}: not XML: {error}") from None
    if root.tag != ROOT:
        raise ReconfigureError(f"{name}: <{root.tag}> where <{ROOT}> should be")
    found: dict[str, dict[str, Json]] = {attribute: {} for _, attribute in KINDS.values()}
    for element in root:
        if element.tag not in KINDS:
            raise ReconfigureError(f"{name}: unknown element <{element.tag}>")
        kind, attribute = KINDS[element.tag]
        ref = element.get("ref", "")
        if not ref:
            raise ReconfigureError(f"{name}: <{element.tag}> has no reference")
        found[attribute][ref] = _record(kind, ref, element, name)
    return Records(**found)


def _record(kind: type[Record], ref: str, element: Element, name: str) -> Record:
    values = {
        attribute: _value(key, child, name)
        for attribute, key in keys_of(kind)
        if (child := element.find(key.name)) is not None
    }
    record = kind(ref, **values)
    return replace(record, attached=False) if isinstance(record, Pif) else record


def _value(key: Key, element: Element, name: str) -> Json:
    text = (element.text or "").strip()
    match key.kind:
        case "bool":
            if text not in ("True", "False"):
                raise ReconfigureError(f"{name}: <{key.name}> is neither True nor False but '{text}'")
            return text == "True"
        case "refs":
            return tuple((child.text or "").strip() for child in element.findall(key.child))
        case "map":
            return {child.tag: (child.text or "").strip() for child in element if child.tag in key.allowed}
        case _:
            return text


def write_cache(records: Records) -> str:
    """The text of a cache with these records."""
    lines = ['<?xml version="1.0" ?>', f"<{ROOT}>"]
    for element, (_, attribute) in KINDS.items():
        for record in getattr(records, attribute).values():
            lines.append(f'\t<{element} ref="{_escape(record.ref)}">')
            lines += (f"\t\t{line}" for line in _lines(record))
            lines.append(f"\t</{element}>")
    return "\n".join([*lines, f"</{ROOT}>", ""])


def _lines(record: Record) -> Iterator[str]:
    for attribute, key in keys_of(type(record)):
        value = getattr(record, attribute)
        match key.kind:
            case "refs":
                children = [(key.child, ref) for ref in value]
            case "map":
                children = list(value.items())
            case _:
                if value or not key.optional:
                    yield f"<{key.name}>{_escape(str(value))}</{key.name}>"
                continue
        if not children:
            yield f"<{key.name}/>"
            continue
        yield f"<{key.name}>"
        yield from (f"\t<{name}>{_escape(text)}</{name}>" for name, text in children)
        yield f"</{key.name}>"


def _escape(text: str) -> str:
    """`text` as XML; characters that XML 1.0 cannot hold are left out, for the next boot must be able to read it."""
    kept = "".join(letter for letter in text if letter >= " " or letter in "\t\n\r")
    kept = "".join(
        letter for letter in kept if not "\ud800" <= letter <= "\udfff" and letter not in "\ufffe\uffff"
    )
    return kept.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def emergency_records(bridge: str, given: Mapping[str, str], pif_ref: str, network_ref: str) -> Records:
    """One management PIF on one bridge, as an administrator gives it who has lost the network otherwise.

    `given` has mode (dhcp or static), mac and device; and ip, netmask and perhaps gateway.
    """
    is_static = given["mode"] == "static"
    pif = Pif(
        pif_ref,
        uuid=f"{given['device']}Pif",
        management=True,
        network=network_ref,
        device=given["device"],
        bond_slave_of=NULL,
        vlan="-1",
        vlan_master_of=NULL,
        mode="Static" if is_static else "DHCP",
        ip=given["ip"] if is_static else "",
        netmask=given["netmask"] if is_static else "",
        gateway=given.get("gateway", "") if is_static else "",
        mac=given["mac"],
    )
    network = Network(network_ref, uuid=MANAGEMENT_NETWORK, bridge=bridge, pifs=(pif_ref,))
    return Records(pifs={pif_ref: pif}, networks={network_ref: network})
