"""What administrators say in other_config, turned into words for ethtool, the bonding driver and the switch.

A value that makes no sense is left out, or replaced by the default, and a note says so: a typing mistake in
other_config must not keep a host off its network.

Sources: XenServer Administrator's Guide, other_config keys of PIF and network; ovs-vswitchd.conf.db(5), Port.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from vswitch.xenserver.records import FAIL_MODE, Network, Pif
from vswitch.xenserver.topology import Topology

Tell = Callable[[str], None]  # takes a note for the log

ON_OFF = {"true": "on", "on": "on", "false": "off", "off": "off"}
LINK = {
    "speed": {speed: speed for speed in ("10", "100", "1000")},
    "duplex": {duplex: duplex for duplex in ("half", "full")},
    "autoneg": ON_OFF,
}
OFFLOADS = dict.fromkeys(("rx", "tx", "sg", "tso", "ufo", "gso", "gro", "lro"), ON_OFF)
OFF_UNLESS_SET = {
    "ethtool-gro": "off",
    "ethtool-lro": "off",
}  # on a member of a bridge they harm more than they help
DEFAULT_MTU = "1500"
FAIL_MODES = ("standalone", "secure")

BOND_DEFAULTS = {
    "mode": "balance-slb",
    "miimon": "100",
    "downdelay": "200",
    "updelay": "31000",
    "use_carrier": "1",
    "hashing-algorithm": "src_mac",
}
BOND_NUMBERS = {  # by what the switch calls them; use_carrier has words of its own
    "downdelay": "bond_downdelay",
    "miimon": "other-config:bond-miimon-interval",
    "updelay": "bond_updelay",
    "use_carrier": "",
}
MOST_DIGITS = 9  # of milliseconds: the database, and the kernel, take no more than 32 bits
BOND_MODES = ("balance-slb", "active-backup")
HASHES = {"src_mac": "balance-slb", "tcpudp_ports": "balance-tcp"}


def mtu(network: Network, options: Mapping[str, str], tell: Tell) -> str:
    """The MTU for a device to which `options` belong; empty if what they say is no number."""
    text = options.get("mtu") or network.mtu or DEFAULT_MTU
    if not (text.isascii() and text.isdecimal()):
        tell(f"the MTU '{text}' is no number: left as it is")
        return ""
    return text


def ethtool_link(options: Mapping[str, str], tell: Tell) -> list[str]:
    """Words for `ethtool -s`: speed, duplex, negotiation."""
    return _words(LINK, options, tell)


def ethtool_offloads(options: Mapping[str, str], tell: Tell) -> list[str]:
    """Words for `ethtool -K`."""
    return _words(OFFLOADS, options, tell)


def _words(table: Mapping[str, Mapping[str, str]], options: Mapping[str, str], tell: Tell) -> list[str]:
    words: list[str] = []
    for key, values in table.items():
        value = options.get(f"ethtool-{key}")
        if value is None:
            continue
        if value in values:
            words += [key, values[value]]
        else:
            tell(f"ethtool-{key}={value} is not valid: left as it is")
    return words


def static_routes(text: str, device: str) -> list[str] | None:
    """Lines for a route file from NET/LENGTH/GATEWAY,…; None if that cannot be understood."""
    lines = []
    for route in filter(None, text.split(",")):
        parts = [part.strip() for part in route.split("/")]
        if len(parts) != 3 or not parts[1].isdecimal() or not (is_address(parts[0]) and is_address(parts[2])):
            return None
        lines.append(f"{parts[0]}/{parts[1]} via {parts[2]} dev {device}")
    return lines


def is_address(text: str) -> bool:
    """Whether a text could be an IP address, and is nothing worse: shells read the files that it goes to."""
    return bool(text) and set(text) <= set("0123456789abcdefABCDEF.:")


def quote(text: str) -> str:
    """A string as a value in a command of ovs-vsctl."""
    if "\0" in text:
        raise ValueError("a NUL byte cannot be part of a value")
    if text.isascii() and text.isalnum():
        return text
    escapes = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    letters = (
        escapes.get(letter) or (letter if letter >= " " else f"\\u{ord(letter):04x}") for letter in text
    )
    return '"' + "".join(letters) + '"'


def bond_options(pif: Pif, tell: Tell) -> dict[str, str]:
    """The options of a bond: those that are set, over the defaults; a number that is none is no option."""
    given = {key[5:]: value for key, value in pif.options.items() if key.startswith("bond-")}
    options = BOND_DEFAULTS | given
    for key in BOND_NUMBERS:
        value = options[key]
        if not (value.isascii() and value.isdecimal() and len(value) <= MOST_DIGITS):
            tell(f"bond-{key}={value} is no number that a bond can have: left out")
            del options[key]
    return options


def bond_words(pif: Pif, tell: Tell) -> list[str]:
    """What `set Port BOND` sets for a bond."""
    options = bond_options(pif, tell)
    words = [f"{column}={options[key]}" for key, column in BOND_NUMBERS.items() if key in options and column]
    if "use_carrier" in options:
        words.append(
            f"other-config:bond-detect-mode={'carrier' if int(options['use_carrier']) else 'miimon'}"
        )
    address = [f"MAC={quote(pif.mac)}"] if pif.mac else []
    return [*address, *words, *_bond_mode(options["mode"], options["hashing-algorithm"], tell)]


def _bond_mode(mode: str, hashing: str, tell: Tell) -> list[str]:
    if mode == "lacp":
        if hashing not in HASHES:
            tell(f"bond-hashing-algorithm={hashing} is not valid: using src_mac")
        return ["lacp=active", f"bond_mode={HASHES.get(hashing, 'balance-slb')}"]
    if mode not in BOND_MODES:
        tell(f"bond-mode={mode} is not valid: using balance-slb")
        mode = "balance-slb"
    return ["lacp=off", f"bond_mode={mode}"]


def fail_mode(topology: Topology, bridge: str) -> tuple[str, bool]:
    """What a bridge does without its controller, and whether that is the pool's word."""
    network, pool = topology.network_of_bridge(bridge), topology.pool()
    of_network = network.options.get(FAIL_MODE, "") if network else ""
    of_pool = pool.options.get(FAIL_MODE, "") if pool else ""
    if of_network in FAIL_MODES:
        return of_network, False
    if of_pool in FAIL_MODES:
        return of_pool, True
    return "standalone", False


def protective_flows(mac: str, ofports: Iterable[str], *, is_bond: bool) -> list[str]:
    """Flows that keep the host itself reachable on a bridge in secure mode until its controller has spoken."""
    match = "idle_timeout=0,priority=0,"
    flows = []
    if is_bond:
        flows = [
            f"in_port=local,arp,dl_src={mac},actions=NORMAL",
            f"in_port=local,dl_src={mac},actions=NORMAL",
        ]
    for port in ofports:
        flows.append(f"in_port={port},arp,nw_proto=1,actions=local")
        if not is_bond:
            flows.append(f"in_port=local,arp,dl_src={mac},actions={port}")
        flows.append(f"in_port={port},dl_dst={mac},actions=local")
        if not is_bond:
            flows.append(f"in_port=local,dl_src={mac},actions={port}")
    return [match + flow for flow in flows]
