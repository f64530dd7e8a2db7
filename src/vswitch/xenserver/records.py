"""XAPI's records of a host's network, as values: PIFs, networks, bonds, VLANs, tunnels, the pool.

Each class says, field by field, what XAPI calls it and how the cache file spells it; loading from XAPI (load.py) and
reading and writing the cache (dbcache.py) follow that table.

The names of the VLAN and bond links are XAPI's, and read the wrong way round: a bond's own PIF ("master") has
`bond_master_of`; a VLAN's own PIF has `vlan_master_of`, is the VLAN's `untagged` PIF (its frames carry no tag), and
the PIF underneath is the VLAN's `tagged` one and lists the VLAN in `vlan_slave_of`.

Sources: XenServer's XAPI reference (classes PIF, network, Bond, VLAN, tunnel, pool).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from vswitch.base.dataclass import dataclass, field, fields
from vswitch.base.errors import VswitchError
from vswitch.base.jsontype import Json

NULL = "OpaqueRef:NULL"

ETHTOOL_KEYS = tuple(
    f"ethtool-{key}"
    for key in ("autoneg", "speed", "duplex", "rx", "tx", "sg", "tso", "ufo", "gso", "gro", "lro")
)
BOND_KEYS = tuple(
    f"bond-{key}" for key in ("mode", "miimon", "downdelay", "updelay", "use_carrier", "hashing-algorithm")
)
FAIL_MODE = "vswitch-controller-fail-mode"
IN_BAND = "vswitch-disable-in-band"
PIF_KEYS = (
    "domain", "peerdns", "defaultroute", "mtu", "static-routes", *BOND_KEYS, "vlan-bug-workaround", *ETHTOOL_KEYS,
)  # fmt: skip
NETWORK_KEYS = ("mtu", "static-routes", FAIL_MODE, IN_BAND, *ETHTOOL_KEYS)
POOL_KEYS = (FAIL_MODE,)


class ReconfigureError(VswitchError):
    """The network cannot be brought into the wanted state; the program ends with status 1."""


@dataclass(frozen=True, slots=True)
class Key:
    """How a field is called, and how the cache spells it."""

    name: str
    kind: str = "text"  # or "bool", "refs", "map"
    child: str = ""  # of "refs": the element that holds one reference
    allowed: tuple[str, ...] = ()  # of "map": the keys that are kept
    optional: bool = False  # whether an empty value is the same as none


def _text(name: str, default: str = "", *, optional: bool = False) -> Json:
    return field(default=default, metadata={"key": Key(name, optional=optional)})


def _flag(name: str) -> Json:
    return field(default=False, metadata={"key": Key(name, "bool")})


def _refs(name: str, child: str) -> Json:
    return field(default=(), metadata={"key": Key(name, "refs", child)})


def _options(allowed: tuple[str, ...]) -> Json:
    return field(default_factory=dict, metadata={"key": Key("other_config", "map", allowed=allowed)})


@dataclass(frozen=True, slots=True)
class Pif:
    """A physical interface, or what stands in for one: a bond, a VLAN on a PIF, the access side of a tunnel."""

    ref: str
    uuid: str = _text("uuid")
    management: bool = _flag("management")
    network: str = _text("network", NULL)
    device: str = _text("device")
    bond_master_of: tuple[str, ...] = _refs("bond_master_of", "slave")
    bond_slave_of: str = _text("bond_slave_of", NULL)
    vlan: str = _text("VLAN", "-1")
    vlan_master_of: str = _text("VLAN_master_of", NULL)
    vlan_slave_of: tuple[str, ...] = _refs("VLAN_slave_of", "master")
    tunnel_access_of: tuple[str, ...] = _refs("tunnel_access_PIF_of", "pif")
    tunnel_transport_of: tuple[str, ...] = _refs("tunnel_transport_PIF_of", "pif")
    mode: str = _text("ip_configuration_mode")  # DHCP, Static or None
    ip: str = _text("IP")
    netmask: str = _text("netmask")
    gateway: str = _text("gateway")
    dns: str = _text("DNS")
    mac: str = _text("MAC")
    attached: bool = _flag("currently_attached")
    options: Mapping[str, str] = _options(PIF_KEYS)

    @property
    def is_vlan(self) -> bool:
        """Whether this is a VLAN on another PIF."""
        return self.vlan != "-1"

    @property
    def is_bond(self) -> bool:
        """Whether this is a bond of other PIFs."""
        return bool(self.bond_master_of)

    @property
    def is_tunnel(self) -> bool:
        """Whether this is the access side of a tunnel."""
        return bool(self.tunnel_access_of)


@dataclass(frozen=True, slots=True)
class Network:
    """A network; on a host, a bridge."""

    ref: str
    uuid: str = _text("uuid")
    bridge: str = _text("bridge")
    mtu: str = _text("MTU", optional=True)  # empty: XAPI is too old to know it
    pifs: tuple[str, ...] = _refs("PIFs", "PIF")
    options: Mapping[str, str] = _options(NETWORK_KEYS)


@dataclass(frozen=True, slots=True)
class Bond:
    """A bond: its own PIF and those that it joins."""

    ref: str
    uuid: str = _text("uuid")
    master: str = _text("master", NULL)
    slaves: tuple[str, ...] = _refs("slaves", "slave")


@dataclass(frozen=True, slots=True)
class Vlan:
    """A VLAN: its own PIF (`untagged`) and the one underneath (`tagged`)."""

    ref: str
    uuid: str = _text("uuid")
    tagged: str = _text("tagged_PIF", NULL)
    untagged: str = _text("untagged_PIF", NULL)


@dataclass(frozen=True, slots=True)
class Tunnel:
    """A tunnel: its own PIF (`access`) and the one that carries it (`transport`)."""

    ref: str
    uuid: str = _text("uuid")
    access: str = _text("access_PIF", NULL)
    transport: str = _text("transport_PIF", NULL)


@dataclass(frozen=True, slots=True)
class Pool:
    """The pool that the host is in."""

    ref: str
    options: Mapping[str, str] = _options(POOL_KEYS)


@dataclass(frozen=True, slots=True)
class Records:
    """What is known of one host's network, each record under its reference."""

    pifs: Mapping[str, Pif] = field(default_factory=dict)
    networks: Mapping[str, Network] = field(default_factory=dict)
    bonds: Mapping[str, Bond] = field(default_factory=dict)
    vlans: Mapping[str, Vlan] = field(default_factory=dict)
    tunnels: Mapping[str, Tunnel] = field(default_factory=dict)
    pools: Mapping[str, Pool] = field(default_factory=dict)


Record = Pif | Network | Bond | Vlan | Tunnel | Pool
KINDS: Mapping[str, tuple[type[Record], str]] = {  # element of the cache: class, field of Records
    "pif": (Pif, "pifs"),
    "bond": (Bond, "bonds"),
    "vlan": (Vlan, "vlans"),
    "tunnel": (Tunnel, "tunnels"),
    "network": (Network, "networks"),
    "pool": (Pool, "pools"),
}


def keys_of(kind: type[Record]) -> Iterator[tuple[str, Key]]:
    """Each attribute of a class of records, but `ref`, with its key."""
    return ((each.name, each.metadata["key"]) for each in fields(kind) if "key" in each.metadata)


def from_xapi(kind: type[Record], ref: str, record: Mapping[str, Json]) -> Json:
    """The value, of class `kind`, of a record as XAPI gives it.  Fields that this XAPI does not know yet have their defaults."""
    values = {
        attribute: _of_xapi(key, record[key.name])
        for attribute, key in keys_of(kind)
        if record.get(key.name) is not None
    }
    return kind(ref, **values)


def _of_xapi(key: Key, value: Json) -> Json:
    match key.kind:
        case "bool":
            return value is True
        case "refs":
            return tuple(map(str, value))
        case "map":
            return {name: str(value[name]) for name in key.allowed if name in value}
        case _:
            return str(value)
