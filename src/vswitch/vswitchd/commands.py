"""What ovs-appctl can ask of ovs-vswitchd, beside what it can ask of every daemon.

Each command is a function from words to text; `add_commands` enters them into the service's table with their usage.

Sources: ovs-vswitchd(8), "Runtime Management Commands"; the peer's answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence

from vswitch.aio.clock import SteerableLoop, settle
from vswitch.aio.daemon import Service
from vswitch.aio.unixctl import MANY
from vswitch.base.errors import TextError, VswitchError
from vswitch.base.scan import c_atoi
from vswitch.base.text import format_mac
from vswitch.dpif import flowtext
from vswitch.dpif.netdev import NetdevStats
from vswitch.flow import fields
from vswitch.flow import match as matches
from vswitch.flow.ports import OFPP_LOCAL, to_16
from vswitch.ofproto import port as switch_port
from vswitch.ofproto import rule as rules
from vswitch.openflow.actions import base as actions
from vswitch.protocols import mac_learning
from vswitch.vswitchd import dpctl, existing
from vswitch.vswitchd.bonds import Bonds
from vswitch.vswitchd.bridge import parse_mac
from vswitch.vswitchd.dpctlwords import USAGES, DpctlError
from vswitch.vswitchd.trace import add_trace_commands
from vswitch.vswitchd.vswitch import Vswitch


def add_commands(service: Service, vswitch: Vswitch, bonds: Bonds) -> None:
    """Let the daemon answer all of them."""
    add = service.commands.add
    asked = Questions(vswitch)
    add("exit", "[--cleanup]", 0, 1, lambda words: service.stop("--cleanup" in words))
    add("fdb/show", "bridge", 1, 1, asked.fdb_show)
    add("fdb/flush", "[bridge]", 0, 1, asked.fdb_flush)
    add("fdb/add", "bridge port vlan mac", 4, 4, asked.fdb_add)
    add("fdb/del", "bridge vlan mac", 3, 3, asked.fdb_del)
    add("fdb/stats-show", "bridge", 1, 1, asked.fdb_stats_show)
    add("fdb/stats-clear", "[bridge]", 0, 1, asked.fdb_stats_clear)
    add("dpif/show", "", 0, 0, asked.dpif_show)
    add("dpif/dump-dps", "", 0, 0, asked.dpif_dump_dps)
    add("dpif/dump-flows", "[-m] [--names | --no-names] bridge", 1, 3, asked.dpif_dump_flows)
    add("ofproto/list", "", 0, 0, lambda words: lines(sorted(vswitch.bridges)))
    add("bond/show", "[port]", 0, 1, bonds.show)
    add("bond/list", "", 0, 0, bonds.list)
    add("bridge/reconnect", "[bridge]", 0, 1, asked.bridge_reconnect)
    add("bridge/dump-flows", "[--offload-stats] bridge", 1, 2, asked.bridge_dump_flows)
    add("dpif/show-dp-features", "bridge", 1, 1, asked.dp_features)
    add("dpif/show-default", "", 0, 0, lambda words: f"{vswitch.platform.default_datapath}\n")
    add("upcall/set-flow-limit", "flow-limit-number", 1, 1, asked.set_flow_limit)
    add("upcall/show", "", 0, 0, asked.upcall_show)
    add("revalidator/wait", "", 0, 0, asked.revalidator_wait)
    add("revalidator/purge", "", 0, 0, asked.revalidator_purge)
    add("time/stop", "", 0, 0, time_stop)
    add("time/warp", "[large_msecs] msecs", 1, 2, time_warp)
    add_dpctl_commands(service, vswitch)
    add_trace_commands(service, vswitch)
    if vswitch.platform.dummies is not None:
        from vswitch.vswitchd.dummy import add_dummy_commands

        add_dummy_commands(service, vswitch, vswitch.platform.dummies)


def lines(text: Iterable[str]) -> str:
    """Lines as one text."""
    return "".join(f"{line}\n" for line in text)


class Questions:
    """The commands about bridges."""

    def __init__(self, vswitch: Vswitch) -> None:
        self.vswitch = vswitch

    def bridge(self, name: str, complaint: str = "no such bridge") -> existing.Bridge:
        """The bridge of this name."""
        bridge = self.vswitch.bridges.get(name)
        if bridge is None:
            raise TextError(complaint)
        return bridge

    def chosen(self, words: Sequence[str]) -> list[existing.Bridge]:
        """The bridge that the first word names; without one, all."""
        return [self.bridge(words[0])] if words else list(self.vswitch.bridges.values())

    # Learned addresses.

    def fdb_show(self, words: Sequence[str]) -> str:
        """What a bridge has learned."""
        now, bridge = asyncio.get_running_loop().time(), self.bridge(words[0])
        rows = [" port  VLAN  MAC                Age"]
        for entry in bridge.switch.macs:
            age = "static" if entry.static else f"{int(now) - int(entry.used):3d}"
            rows.append(f"{_port_of(entry):>5}  {entry.vlan:4d}  {format_mac(entry.mac)}  {age}")
        return lines(rows)

    def fdb_flush(self, words: Sequence[str]) -> str:
        """Forget what was learned."""
        for bridge in self.chosen(words):
            bridge.switch.macs.flush()
            bridge.forwarding.changed()
        return "table successfully flushed\n"

    def fdb_add(self, words: Sequence[str]) -> str | None:
        """Add a static entry, in the place of any other."""
        bridge = self.bridge(words[0])
        interface = bridge.interfaces.get(words[1])
        if interface is None:
            raise TextError("software error, odp port is present but no ofp port")
        vlan, mac = c_atoi(words[2], 16), _mac(words[3])
        bundle = bridge.switch.ports[interface.ofport].bundle
        if bundle is None:
            raise TextError("unable to find bundle for port")
        macs, said = bridge.switch.macs, None
        old = next((entry for entry in macs if (entry.vlan, entry.mac) == (vlan, mac)), None)
        if old is not None and not (old.static and old.port is bundle):
            kind = "static" if old.static else "dynamic"
            said = f"Overriding already existing {kind} entry on {_port_of(old)}\n"
        macs.add_static(mac, vlan, bundle, asyncio.get_running_loop().time())
        bridge.forwarding.changed()
        return said

    def fdb_del(self, words: Sequence[str]) -> None:
        """Remove a static entry."""
        bridge = self.bridge(words[0])
        vlan, mac = c_atoi(words[1], 16), _mac(words[2])
        if not any(entry.static and (entry.vlan, entry.mac) == (vlan, mac) for entry in bridge.switch.macs):
            raise TextError("could not find static mac entry")
        bridge.switch.macs.forget(mac, vlan)
        bridge.forwarding.changed()

    def fdb_stats_show(self, words: Sequence[str]) -> str:
        """What became of what was learned."""
        bridge = self.bridge(words[0])
        macs = bridge.switch.macs
        static = sum(entry.static for entry in macs)
        return lines(
            [
                f'Statistics for bridge "{bridge.name}":',
                f"  Current/maximum MAC entries in the table: {len(macs)}/{macs.size}",
                f"  Current static MAC entries in the table : {static}",
                f"  Total number of learned MAC entries     : {macs.learned}",
                f"  Total number of expired MAC entries     : {macs.expired}",
                f"  Total number of evicted MAC entries     : {macs.evicted}",
                f"  Total number of port moved MAC entries  : {macs.moved}",
            ]
        )

    def fdb_stats_clear(self, words: Sequence[str]) -> str:
        """Count anew."""
        for bridge in self.chosen(words):
            macs = bridge.switch.macs
            macs.learned = macs.expired = macs.evicted = macs.moved = 0
        return "statistics successfully cleared\n"

    # Datapaths.

    def dpif_show(self, words: Sequence[str]) -> str:
        """Bridges and their ports, by datapath."""
        return lines(self._dpif_show())

    def _dpif_show(self) -> Iterable[str]:
        for forwarding in sorted(self.vswitch.forwardings.values(), key=lambda each: each.datapath.name):
            datapath = forwarding.datapath
            stats = datapath.stats()
            yield f"{datapath.type}@{datapath.name}: hit:{stats.hit} missed:{stats.missed}"
            for name, bridge in sorted(self.vswitch.bridges.items()):
                if bridge.forwarding is forwarding:
                    yield f"  {name}:"
                    yield from (_dpif_port(interface) for _, interface in sorted(bridge.interfaces.items()))

    def dpif_dump_dps(self, words: Sequence[str]) -> str:
        """Each bridge with the type of its datapath."""
        return lines(
            f"{bridge.forwarding.datapath.type}@{name}"
            for name, bridge in sorted(self.vswitch.bridges.items())
        )

    def dpif_dump_flows(self, words: Sequence[str]) -> str:
        """The megaflows of packets that came in through one bridge."""
        verbose, named = "-m" in words, "--names" in words
        if "-m" in words and "--no-names" not in words:
            named = True
        bridge = self.bridge(words[-1])
        datapath = bridge.forwarding.datapath
        ports = {interface.odp_port for interface in bridge.interfaces.values()}
        names = dpctl.DatapathView(datapath).names() if named else None
        now = asyncio.get_running_loop().time()
        return lines(
            flowtext.format_bridge_megaflow(megaflow, stats, now, names, verbose)
            for megaflow, stats in list(datapath.flow_dump())
            if fields.IN_PORT.get(megaflow.flow) in ports
        )

    def dp_features(self, words: Sequence[str]) -> str:
        """What the datapath of a bridge can do."""
        support = self.bridge(words[0]).forwarding.datapath.support
        features = {
            "Masked set action": support.masked_set,
            "Ufid": support.ufid,
            "Truncate action": support.trunc,
            "Max VLAN headers": support.max_vlan_headers,
        }
        return lines(
            f"{name}: {('Yes' if value else 'No') if isinstance(value, bool) else value}"
            for name, value in features.items()
        )

    def set_flow_limit(self, words: Sequence[str]) -> str:
        """Bound the number of megaflows."""
        limit = c_atoi(words[0])
        for forwarding in self.vswitch.forwardings.values():
            forwarding.backer.pace.ask(limit)
        return f"set flow_limit to {limit}\n"

    def upcall_show(self, words: Sequence[str]) -> str:
        """How full the datapaths are."""
        text = []
        for forwarding in self.vswitch.forwardings.values():
            datapath, backer = forwarding.datapath, forwarding.backer
            current, duration = datapath.stats().flows, backer.pace.seconds
            text += [
                f"{datapath.type}@{datapath.name}:",
                f"  flows         : (current {current}) (avg {forwarding.average_flows:.0f}) "
                f"(max {forwarding.most_flows}) (limit {backer.pace.limit})",
                f"  dump duration : {max(1, round(duration * 1000))}ms",
                "  ufid enabled : true",
                "",
                f"  1: (keys {len(backer)})",
            ]
        return lines(text)

    async def revalidator_wait(self, words: Sequence[str]) -> None:
        """Have every megaflow looked at."""
        await settle()
        for forwarding in list(self.vswitch.forwardings.values()):
            await forwarding.revalidate()

    def revalidator_purge(self, words: Sequence[str]) -> None:
        """Remove every megaflow."""
        for forwarding in self.vswitch.forwardings.values():
            forwarding.purge()

    # Rules and controllers.

    async def bridge_dump_flows(self, words: Sequence[str]) -> str:
        """All rules of a bridge, also those that OpenFlow does not show."""
        bridge, now = self.bridge(words[-1], "Unknown bridge"), asyncio.get_running_loop().time()
        await bridge.forwarding.revalidate()
        offload = "--offload-stats" in words[:-1]
        return lines(
            _rule(rule, now, offload)
            for table in bridge.switch.tables
            for rule in sorted(table, key=lambda rule: -rule.priority)
        )

    def bridge_reconnect(self, words: Sequence[str]) -> None:
        """Drop the connections of a bridge to its controllers; they come again."""
        for bridge in [self.bridge(words[0], "Unknown bridge")] if words else self.vswitch.bridges.values():
            bridge.channels.reconnect()


def _port_of(entry: mac_learning.MacEntry[switch_port.Bundle]) -> str:
    """The OpenFlow port behind which an address is."""
    number = entry.port.ports[0].number
    return "LOCAL" if number == OFPP_LOCAL else str(number)


def _rule(rule: rules.Rule, now: float, offload: bool) -> str:
    table = f"table_id={rule.table_id}, " if rule.table_id else ""
    carried = f"duration={int(now - rule.created)}s, n_packets={rule.packets}, n_bytes={rule.bytes}, "
    if offload:  # to hardware, which no datapath of ours does
        carried += "n_offload_packets=0, n_offload_bytes=0, "
    match = matches.format_match(rule.match, priority=rule.priority)
    return f"{table}{carried}{match}{',' if match else ''}actions={actions.format_actions(rule.actions)}"


def _dpif_port(interface: existing.Interface) -> str:
    name, number = interface.config.name, to_16(interface.ofport)
    if interface.netdev is None:
        return f"    {name} {number}/none: (patch: peer={interface.config.options.get('peer', '')})"
    return f"    {name} {number}/{interface.odp_port}: ({interface.netdev.type})"


def _mac(text: str) -> int:
    mac = parse_mac(text)
    if mac is None:
        raise TextError("bad MAC address")
    return mac


# Time.


def time_stop(words: Sequence[str]) -> None:
    """Let time stand still."""
    _clock().stop_clock()


async def time_warp(words: Sequence[str]) -> str:
    """Move time on, the first number of milliseconds in steps of the second."""
    numbers = [c_atoi(word) for word in words]
    if not all(0 < number < 1 << 31 for number in numbers):
        raise TextError("invalid MSECS")
    await _clock().advance(numbers[0] / 1000, numbers[-1] / 1000)
    return "warped\n"


def _clock() -> SteerableLoop:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, SteerableLoop)
    return loop


# dpctl.


def add_dpctl_commands(service: Service, vswitch: Vswitch) -> None:
    """Offer the commands of ovs-dpctl on the datapaths of this daemon."""

    def port_stats(name: str) -> NetdevStats | None:
        found = vswitch.find_interface(name)
        if found is None or found[1].netdev is None:
            return None
        return found[1].stats(found[0].forwarding.datapath)

    def views() -> list[dpctl.DatapathView]:
        return [
            dpctl.DatapathView(forwarding.datapath, port_stats) for forwarding in vswitch.forwardings.values()
        ]

    loop = asyncio.get_running_loop()

    def answering(name: str) -> Callable[[Sequence[str]], str]:
        def answer(words: Sequence[str]) -> str:
            run = dpctl.Dpctl(service.program, views, loop.time).commands()[name]
            said: list[str] = []
            try:
                said.extend(run(words))
            except DpctlError as error:
                raise VswitchError(lines([*said, str(error)])) from error
            return lines(said)

        return answer

    for name, (usage, at_least, at_most) in USAGES.items():
        service.commands.add(f"dpctl/{name}", usage, at_least, min(at_most, MANY), answering(name))
