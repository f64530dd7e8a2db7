"""What the database wants: rows read as values, without a thought for what exists.

`read_config` is a pure function from the tables of a replica to a `Config`.  What a row leaves out has its default
here; what it gets wrong is left out too, as the manual says.

Sources: ovs-vswitchd.conf.db(5): Open_vSwitch, Bridge, Port, Interface, Controller.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

from vswitch.aio.tls import Tls
from vswitch.base.dataclass import dataclass, field
from vswitch.base.digits import parse_decimal
from vswitch.base.errors import TextError
from vswitch.base.jsontype import Json
from vswitch.base.log import Logger
from vswitch.base.text import c_int, parse_ipv4
from vswitch.flow.ports import OFPP_LOCAL, OFPP_MAX, OfPort
from vswitch.ofproto import inband
from vswitch.ofproto.settings import BUNDLE_IDLE_TIMEOUT, FailMode, PriorityTags, VlanMode
from vswitch.openflow.version import ALL_VERSIONS, Version, parse_version
from vswitch.ovsdb.replica import Row
from vswitch.protocols import bonding

log = Logger("bridge")

Tables: TypeAlias = Mapping[str, Mapping[str, Row]]  # rows by table, by UUID

DEFAULT_MAC_AGING = 300  # seconds
NO_VLAN = 4095  # reserved: no packet is in it
DEFAULT_MAC_TABLE_SIZE = 8192
MAC_AGING, MAC_TABLE_SIZE = (15, 3600), (10, 1_000_000)  # whatever the database says, between these
DEFAULT_MAX_IDLE = 10_000  # milliseconds
DEFAULT_MAX_REVALIDATOR = 500  # milliseconds
DEFAULT_FLOW_LIMIT = 200_000
DEFAULT_STATS_INTERVAL = 5_000  # milliseconds, and the least
DEFAULT_MAX_BACKOFF = 8_000  # milliseconds
DEFAULT_REBALANCE = 10_000  # milliseconds
DEFAULT_INACTIVITY_PROBE = 5_000  # milliseconds
OPENFLOW_PORT, OVSDB_PORT = 6653, 6640
DEFAULT_QUEUE_SIZE, MAX_QUEUE_SIZE = 100, 512  # packet-ins


@dataclass(frozen=True, slots=True)
class InterfaceConfig:
    """A row of Interface: one device, patch or tunnel end in a bridge."""

    name: str
    type: str  # "system" for ""
    uuid: str | None = None  # None: a bridge's own interface that the database left out
    options: Mapping[str, str] = field(default_factory=dict)
    ofport_request: OfPort | None = None
    ofport_before: OfPort | None = field(default=None, compare=False)  # what it had when this daemon started
    mac: int | None = None
    mtu_request: int | None = None


@dataclass(frozen=True, slots=True)
class PortConfig:
    """A row of Port: a logical link of one or more interfaces, with its VLANs."""

    name: str
    interfaces: tuple[InterfaceConfig, ...]
    uuid: str | None = None
    vlan_mode: VlanMode = VlanMode.TRUNK
    tag: int = 0
    trunks: frozenset[int] = frozenset()
    priority_tags: PriorityTags = PriorityTags.NO
    protected: bool = False
    mac: int | None = None
    bond: bonding.BondConfig | None = None  # of a port of several interfaces


@dataclass(frozen=True, slots=True)
class ControllerConfig:
    """A row of Controller: whom to talk OpenFlow to, or where to listen."""

    uuid: str
    target: str
    service: bool = False  # type=service: a passive listener, or a connection that does not rule
    max_backoff: float = DEFAULT_MAX_BACKOFF / 1000  # seconds
    inactivity_probe: float = DEFAULT_INACTIVITY_PROBE / 1000  # seconds; 0: never
    asynchronous: bool = True  # enable_async_messages
    rate_limit: int = 0  # packet-ins a second; 0: any number
    burst_limit: int = 0  # packet-ins at once; 0: a quarter of the rate
    queue_size: int = DEFAULT_QUEUE_SIZE  # packet-ins that the controller may leave unread
    in_band: bool = True  # connection_mode: it is reached through the bridge


@dataclass(frozen=True, slots=True)
class TableConfig:
    """A row of Flow_Table: an OpenFlow table."""

    name: str = ""
    limit: int | None = None  # rules
    evicts: bool = False  # rather than refuse
    prefixes: tuple[str, ...] = ()  # fields whose prefixes are tracked; none: the usual ones
    groups: tuple[str, ...] = ()  # subfields: rules that have the same values there are evicted in turn


@dataclass(frozen=True, slots=True)
class BridgeConfig:
    """A row of Bridge: one switch."""

    name: str
    uuid: str
    datapath_type: str = ""
    ports: tuple[PortConfig, ...] = ()
    controllers: tuple[ControllerConfig, ...] = ()
    versions: frozenset[Version] = ALL_VERSIONS
    fail_mode: FailMode = FailMode.STANDALONE
    datapath_id: int | None = None  # other_config:datapath-id
    hwaddr: int | None = None  # other_config:hwaddr
    mac_aging: float = DEFAULT_MAC_AGING  # seconds
    mac_table_size: int = DEFAULT_MAC_TABLE_SIZE
    forward_bpdu: bool = False
    flood_vlans: frozenset[int] = frozenset()
    description: str = ""  # other_config:dp-desc
    in_band: frozenset[inband.Remote] = frozenset()  # whom it has to reach through itself
    in_band_queue: int | None = None
    tables: Mapping[int, TableConfig] = field(default_factory=dict)  # by number

    def interfaces(self) -> Iterator[tuple[PortConfig, InterfaceConfig]]:
        """Every interface with the port that it belongs to."""
        return ((port, interface) for port in self.ports for interface in port.interfaces)


@dataclass(frozen=True, slots=True)
class Config:
    """All that the database wants."""

    bridges: Mapping[str, BridgeConfig] = field(default_factory=dict)
    root: str | None = None  # the row of Open_vSwitch; None: there is none yet
    next_cfg: int = 0
    max_idle: float = DEFAULT_MAX_IDLE / 1000  # seconds
    max_revalidator: float = DEFAULT_MAX_REVALIDATOR / 1000  # seconds
    flow_limit: int = DEFAULT_FLOW_LIMIT
    bundle_timeout: float = BUNDLE_IDLE_TIMEOUT  # seconds, of OpenFlow's bundles
    stats_interval: float = DEFAULT_STATS_INTERVAL / 1000  # seconds
    tls: Tls | None = None  # the row of SSL; None: what the command line says
    restoring: bool = False  # other_config:flow-restore-wait
    system_statistics: bool = False  # other_config:enable-statistics


def read_config(tables: Tables) -> Config:
    """What the rows of a replica ask for."""
    for uuid, row in tables.get("Open_vSwitch", {}).items():
        other = row["other_config"]
        bridges = {
            bridge.name: bridge
            for reference in row["bridges"]
            if (bridge := _read_bridge(tables, reference)) is not None
        }
        return Config(
            bridges,
            uuid,
            row["next_cfg"],
            max(500, _integer(other, "max-idle", DEFAULT_MAX_IDLE)) / 1000,
            max(100, _integer(other, "max-revalidator", DEFAULT_MAX_REVALIDATOR)) / 1000,
            _integer(other, "flow-limit", DEFAULT_FLOW_LIMIT),
            float(max(1, _integer(other, "bundle-idle-timeout", int(BUNDLE_IDLE_TIMEOUT)))),
            max(DEFAULT_STATS_INTERVAL, _integer(other, "stats-update-interval", DEFAULT_STATS_INTERVAL))
            / 1000,
            _read_tls(tables, row["ssl"]),
            other.get("flow-restore-wait") == "true",
            other.get("enable-statistics") == "true",
        )
    return Config()


def _read_tls(tables: Tables, uuid: str | None) -> Tls | None:
    row = tables.get("SSL", {}).get(uuid) if uuid else None
    if row is None:
        return None
    return Tls(
        row["private_key"],
        row["certificate"],
        row["ca_cert"],
        row["bootstrap_ca_cert"],
        _newer(row, "ssl_protocols", ""),
        _newer(row, "ssl_ciphers", ""),
    )


def _read_bridge(tables: Tables, uuid: str) -> BridgeConfig | None:
    row = tables["Bridge"].get(uuid)
    if row is None:
        return None
    name, other = row["name"], row["other_config"]
    if "/" in name:
        log.warn("ignoring bridge with invalid name '%s'", name)  # its sockets would leave the run directory
        return None
    ports = [_read_port(tables, reference, name) for reference in row["ports"]]
    found = [port for port in ports if port is not None]
    taken = {interface.name for port in found for interface in port.interfaces}
    bonds = (tables["Port"][port.uuid] for port in found if port.uuid and len(port.interfaces) > 1)
    fakes = [row["name"] for row in bonds if row["bond_fake_iface"] and row["name"] not in taken]
    found += [_fake_interface(bond) for bond in fakes]
    if name not in taken:
        found.append(PortConfig(name, (InterfaceConfig(name, "internal", ofport_request=OFPP_LOCAL),)))
    controllers = tuple(_read_controllers(tables, row["controller"]))
    queue = _integer(other, "in-band-queue", -1)
    return BridgeConfig(
        in_band=frozenset() if other.get("disable-in-band") == "true" else _remotes(tables, controllers),
        in_band_queue=None if queue < 0 else queue,
        name=name,
        uuid=uuid,
        datapath_type=normalize_datapath_type(row["datapath_type"]),
        ports=tuple(found),
        controllers=controllers,
        versions=_read_versions(row["protocols"]),
        fail_mode=FailMode(row["fail_mode"] or "standalone"),
        datapath_id=_datapath_id(other.get("datapath-id")),
        hwaddr=unicast_mac(other.get("hwaddr")),
        mac_aging=_within(MAC_AGING, _integer(other, "mac-aging-time", 0) or DEFAULT_MAC_AGING),
        mac_table_size=_within(
            MAC_TABLE_SIZE, _integer(other, "mac-table-size", 0) or DEFAULT_MAC_TABLE_SIZE
        ),
        forward_bpdu=other.get("forward-bpdu") == "true",
        flood_vlans=frozenset(row["flood_vlans"]),
        description=other.get("dp-desc", ""),
        tables={
            number: _read_table(tables["Flow_Table"][reference])
            for number, reference in row["flow_tables"].items()
            if reference in tables.get("Flow_Table", {})
        },
    )


def _fake_interface(bond: str) -> PortConfig:
    """A device by the name of a bond, for programs that look for one; it is in no VLAN, so that nothing floods to it."""
    return PortConfig(bond, (InterfaceConfig(bond, "internal"),), trunks=frozenset({NO_VLAN}))


def _read_table(row: Row) -> TableConfig:
    return TableConfig(
        row["name"] or "",
        row["flow_limit"],
        row["overflow_policy"] == "evict",
        tuple(sorted(row["prefixes"])),
        tuple(row["groups"]),
    )


def normalize_datapath_type(type: str) -> str:
    """ "" and "system" are the same."""
    return type or "system"


def _read_port(tables: Tables, uuid: str, bridge: str) -> PortConfig | None:
    row = tables["Port"].get(uuid)
    if row is None:
        return None
    other = row["other_config"]
    interfaces = [
        _read_interface(reference, interface, bridge)
        for reference in row["interfaces"]
        if (interface := tables["Interface"].get(reference)) is not None
    ]
    tag = row["tag"]
    valid = tag is not None and 0 <= tag <= 4095
    mode = row["vlan_mode"]
    return PortConfig(
        name=row["name"],
        interfaces=tuple(interfaces),
        uuid=uuid,
        vlan_mode=VlanMode(mode) if mode else VlanMode.ACCESS if valid else VlanMode.TRUNK,
        tag=tag if valid and tag is not None else 0,
        trunks=frozenset(row["trunks"]),
        priority_tags=_priority_tags(other.get("priority-tags", "no")),
        protected=row["protected"],
        mac=unicast_mac(row["mac"]),
        bond=_read_bond(row) if len(row["interfaces"]) > 1 else None,
    )


def _read_bond(row: Row) -> bonding.BondConfig:
    other = row["other_config"]
    rebalance = _integer(other, "bond-rebalance-interval", DEFAULT_REBALANCE)
    return bonding.BondConfig(
        mode=bonding.BondMode(row["bond_mode"] or "active-backup"),
        updelay=max(0, row["bond_updelay"]) / 1000,
        downdelay=max(0, row["bond_downdelay"]) / 1000,
        rebalance=max(1000, rebalance) / 1000 if rebalance else 0.0,
        basis=max(0, _integer(other, "bond-hash-basis", 0)),
        uses_lacp=row["lacp"] in ("active", "passive"),
        fallback=other.get("lacp-fallback-ab") == "true",
        primary=other.get("bond-primary", ""),
        all_members_active=other.get("all-members-active") == "true",
        lb_output=other.get("lb-output-action") == "true",
    )


def _read_interface(uuid: str, row: Row, bridge: str) -> InterfaceConfig:
    name = row["name"]
    local = name == bridge
    request = row["ofport_request"]
    return InterfaceConfig(
        name=name,
        type="internal" if local else row["type"] or "system",
        uuid=uuid,
        options=row["options"],
        ofport_request=OFPP_LOCAL
        if local
        else OfPort(request)
        if request is not None and request < OFPP_MAX
        else None,
        ofport_before=OfPort(row["ofport"]) if row["ofport"] and 0 < row["ofport"] < OFPP_MAX else None,
        mac=unicast_mac(row["mac"]),
        mtu_request=row["mtu_request"],
    )


def _read_controllers(tables: Tables, references: tuple[str, ...]) -> Iterator[ControllerConfig]:
    for uuid in references:
        row = tables["Controller"].get(uuid)
        if row is None:
            continue
        target = row["target"]
        backoff, probe = row["max_backoff"], row["inactivity_probe"]
        asynchronous = row["enable_async_messages"]
        yield ControllerConfig(
            uuid=uuid,
            target=target,
            service=_is_service(target, row["type"]),
            max_backoff=max(1000, DEFAULT_MAX_BACKOFF if backoff is None else backoff) / 1000,
            inactivity_probe=max(0, DEFAULT_INACTIVITY_PROBE if probe is None else probe) / 1000,
            asynchronous=True if asynchronous is None else asynchronous,
            rate_limit=row["controller_rate_limit"] or 0,
            burst_limit=row["controller_burst_limit"] or 0,
            queue_size=_queue_size(row),
            in_band=row["connection_mode"] != "out-of-band",
        )


def _remotes(tables: Tables, controllers: Iterable[ControllerConfig]) -> frozenset[inband.Remote]:
    """Where the controllers and managers are that are reached in-band: those of known IPv4 addresses."""
    targets = [(each.target, OPENFLOW_PORT) for each in controllers if each.in_band and not each.service]
    targets += [
        (row["target"], OVSDB_PORT)
        for row in tables.get("Manager", {}).values()
        if row["connection_mode"] != "out-of-band"
    ]
    return frozenset(found for each in targets if (found := _remote(*each)) is not None)


def _remote(target: str, default_port: int) -> inband.Remote | None:
    kind, _, rest = target.partition(":")
    address, _, port = rest.partition(":")
    if kind not in ("tcp", "ssl"):
        return None
    try:
        parse_ipv4(address)
    except TextError:
        return None
    number = parse_decimal(port)
    return address, default_port if number is None or number >= 1 << 16 else number


def _queue_size(row: Row) -> int:
    size = _newer(row, "controller_queue_size", None)
    return size if size is not None and 0 < size <= MAX_QUEUE_SIZE else DEFAULT_QUEUE_SIZE


def _newer(row: Row, column: str, default: Json) -> Json:
    """A column that the server's schema may be too old to have."""
    return row[column] if column in row else default  # noqa: SIM401 - a row is no mapping


def _is_service(target: str, type: str | None) -> bool:
    """A listener is a service; a connection is a primary controller, unless the row says otherwise."""
    return target.startswith("p") if type is None else type == "service"


def _read_versions(protocols: tuple[str, ...]) -> frozenset[Version]:
    """Bridge.protocols as versions; none named: all."""
    return frozenset(filter(None, map(parse_version, protocols))) or ALL_VERSIONS


def _priority_tags(text: str) -> PriorityTags:
    match text:
        case "if-nonzero" | "true":
            return PriorityTags.IF_NONZERO
        case "always":
            return PriorityTags.ALWAYS
        case _:
            return PriorityTags.NO


def _datapath_id(text: str | None) -> int | None:
    """16 hexadecimal digits, perhaps after 0x, that are not all zero."""
    if text is None:
        return None
    digits = text.removeprefix("0x")
    if len(digits) > 16 or (digits == text and len(digits) != 16):
        return None
    try:
        return int(digits, 16) or None
    except ValueError:
        return None


def parse_mac(text: str) -> int | None:
    """Six pairs of hexadecimal digits with colons between them; None for anything else."""
    parts = text.split(":")
    try:
        octets = bytes(int(part, 16) for part in parts)
    except ValueError:
        return None
    if len(octets) != 6 or not all(len(part) in (1, 2) for part in parts):
        return None
    return int.from_bytes(octets, "big")


def unicast_mac(text: str | None) -> int | None:
    """A MAC address that a device may have; None for anything else."""
    mac = parse_mac(text) if text else None
    return None if not mac or mac >> 40 & 1 else mac


def _within(limits: tuple[int, int], number: int) -> int:
    """`number`, or the limit that is nearest to it."""
    return min(max(number, limits[0]), limits[1])


def _integer(settings: Mapping[str, str], name: str, default: int) -> int:
    number = c_int(settings.get(name, ""), 32, 10)
    return default if number is None or number < 0 else number
