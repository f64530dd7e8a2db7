"""Ports in text."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile

from vswitch.base.text import format_mac
from vswitch.flow.ports import OFPP_MAX
from vswitch.openflow.message import Dialect
from vswitch.openflow.messages.port import (
    OFPPC10_NO_FLOOD,
    OFPPC10_NO_RECV_STP,
    OFPPC10_NO_STP,
    OFPPC_NO_FWD,
    OFPPC_NO_PACKET_IN,
    OFPPC_NO_RECV,
    OFPPC_PORT_DOWN,
    OFPPS10_STP_MASK,
    OFPPS11_BLOCKED,
    OFPPS11_LIVE,
    OFPPS_LINK_DOWN,
    UNKNOWN_COUNT,
    Port,
    PortDescReply,
    PortDescRequest,
    PortMod,
    PortStats,
    PortStatsReply,
    PortStatsRequest,
    PortStatus,
)
from vswitch.openflow.messages.portcounters import RFC2819_NAMES
from vswitch.openflow.names import Names
from vswitch.openflow.printing.base import Style, bit_names, counters, prints

_CONFIG = (
    (OFPPC_PORT_DOWN, "PORT_DOWN"),
    (OFPPC10_NO_STP, "NO_STP"),
    (OFPPC_NO_RECV, "NO_RECV"),
    (OFPPC10_NO_RECV_STP, "NO_RECV_STP"),
    (OFPPC10_NO_FLOOD, "NO_FLOOD"),
    (OFPPC_NO_FWD, "NO_FWD"),
    (OFPPC_NO_PACKET_IN, "NO_PACKET_IN"),
)
_STATE = ((OFPPS_LINK_DOWN, "LINK_DOWN"), (OFPPS11_BLOCKED, "BLOCKED"), (OFPPS11_LIVE, "LIVE"))
_STP = ("STP_LISTEN", "STP_LEARN", "STP_FORWARD", "STP_BLOCK")
_FEATURES = tuple(
    (1 << bit, name)
    for bit, name in enumerate(
        [
            "10MB-HD",
            "10MB-FD",
            "100MB-HD",
            "100MB-FD",
            "1GB-HD",
            "1GB-FD",
            "10GB-FD",
            "40GB-FD",
            "100GB-FD",
            "1TB-FD",
            "OTHER",
            "COPPER",
            "FIBER",
            "AUTO_NEG",
            "AUTO_PAUSE",
            "AUTO_PAUSE_ASYM",
        ]
    )
)


def format_config(config: int) -> str:
    """`PORT_DOWN NO_FLOOD`, or 0."""
    return bit_names(config, _CONFIG)


def _format_state(state: int, version: int) -> str:
    """The state of OpenFlow 1.0's spanning tree comes first, with nothing between it and the rest."""
    text = bit_names(state & ~OFPPS10_STP_MASK, _STATE, none="")
    stp = _STP[state >> 8 & 3] if state & OFPPS10_STP_MASK else ""
    return stp + text or "0"


def format_port_lines(port: Port, names: Names, version: int = 1) -> str:
    """A port, from its number on, in lines that end in newlines."""
    text = f"{_number(port)}({_plain(port.name)}): addr:{format_mac(port.hw_addr)}\n"
    text += f"     config:     {format_config(port.config)}\n     state:      {_format_state(port.state, version)}\n"
    kinds = (
        ("current:    ", port.curr),
        ("advertised: ", port.advertised),
        ("supported:  ", port.supported),
        ("peer:       ", port.peer),
    )
    for name, features in kinds:
        if features:
            text += f"     {name}{bit_names(features, _FEATURES)}\n"
    return text + f"     speed: {port.curr_speed // 1000} Mbps now, {port.max_speed // 1000} Mbps max\n"


def _plain(name: str) -> str:
    """The name as far as it can be shown."""
    return "".join(takewhile(lambda c: " " <= c <= "~", name))


def _number(port: Port) -> str:
    return str(port.port_no) if port.port_no < OFPP_MAX else Names().format_port(port.port_no)


@prints(PortStatus)
def port_status(message: PortStatus, dialect: Dialect, style: Style) -> str:
    """What happened to which port."""
    return f" {('ADD', 'DEL', 'MOD')[message.reason]}: {format_port_lines(message.port, style.names)}"


@prints(PortMod)
def port_mod(message: PortMod, dialect: Dialect, style: Style) -> str:
    """Address, bits, features."""
    text = f" port: {style.names.format_port(message.port_no)}: addr:{format_mac(message.hw_addr)}\n"
    text += f"     config: {format_config(message.config)}\n     mask:   {format_config(message.mask)}\n"
    advertise = bit_names(message.advertise, _FEATURES) if message.advertise else "UNCHANGED"
    return f"{text}     advertise: {advertise}\n"


@prints(PortDescRequest)
def port_desc_request(message: PortDescRequest, dialect: Dialect, style: Style) -> str:
    """Which port."""
    return f" port={style.names.format_port(message.port_no)}\n"


@prints(PortDescReply)
def port_desc(message: PortDescReply, dialect: Dialect, style: Style) -> str:
    """A few lines per port."""
    ports = sorted(message.ports, key=lambda port: port.port_no)
    return "\n" + "".join(f" {format_port_lines(port, style.names)}" for port in ports)


@prints(PortStatsRequest)
def port_stats_request(message: PortStatsRequest, dialect: Dialect, style: Style) -> str:
    """Which port."""
    return f" port_no={style.names.format_port(message.port_no)}\n"


@prints(PortStatsReply)
def port_stats(message: PortStatsReply, dialect: Dialect, style: Style) -> str:
    """How many ports; with more verbosity, two or three lines for each."""
    text = f" {len(message.stats)} ports\n"
    if style.verbosity < 1:
        return text
    return text + "".join(format_port_stats(stats, style.names) for stats in message.stats)


def format_port_stats(stats: PortStats, names: Names) -> str:
    """The counters of a port, in lines that end in newlines."""
    rx = counters(
        ("pkts", stats.rx_packets), ("bytes", stats.rx_bytes), ("drop", stats.rx_dropped), ("errs", stats.rx_errors),
        ("frame", stats.rx_frame_err), ("over", stats.rx_over_err), ("crc", stats.rx_crc_err),
    )  # fmt: skip
    tx = counters(
        ("pkts", stats.tx_packets), ("bytes", stats.tx_bytes), ("drop", stats.tx_dropped), ("errs", stats.tx_errors),
        ("coll", stats.collisions),
    )  # fmt: skip
    indent = " " if stats.port_no < 10 else ""  # before names, too
    text = f"  port {indent}{names.format_port(stats.port_no)}: rx {rx}\n           tx {tx}\n"
    if stats.duration_sec is not None:
        from vswitch.openflow.flowtext import format_duration

        text += f"           duration={format_duration(stats.duration_sec, stats.duration_nsec)}\n"
    return text + "".join(_more_counters(stats))


def _more_counters(stats: PortStats) -> Iterator[str]:
    """The counters of RFC 2819 that are known, in a line for each direction, then those with names of their own."""
    known = [
        (name, count)
        for name, count in zip(RFC2819_NAMES, stats.rfc2819, strict=False)
        if count != UNKNOWN_COUNT
    ]
    for direction in ("rx", "tx"):
        words = [
            f"{name if name in _RX_ERRORS else name[3:]}={count}, "
            for name, count in known
            if name[:2] == direction
        ]
        if words:
            yield f"           {direction} rfc2819 {''.join(words)}\n"
    if stats.custom:
        yield "           CUSTOM Statistics"
        for at, (name, count) in enumerate(stats.custom):
            if name:  # those without one take a place, but begin no line
                yield f"{'' if at % 3 else _CUSTOM_LINE} {name}={count},"
        yield "\n"


_CUSTOM_LINE = f"\n{' ' * 21}"
_RX_ERRORS = ("rx_fragmented_errors", "rx_jabber_errors")  # which keep their direction in their names
