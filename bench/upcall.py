"""An upcall from the packet's flow to the megaflow, through NORMAL and through tables; and re-translation."""

from __future__ import annotations

import time
from collections.abc import Iterable

from bench.report import Row
from vswitch.dpif.datapath import Support
from vswitch.dpif.megaflow import Upcall
from vswitch.dpif.packet import Packet
from vswitch.dpif.ports import OdpPort
from vswitch.flow.extract import extract
from vswitch.flow.match import parse_match
from vswitch.flow.ports import OfPort
from vswitch.ofproto.backer import Backer
from vswitch.ofproto.port import SwitchPort
from vswitch.ofproto.rule import Rule
from vswitch.ofproto.switch import Switch
from vswitch.openflow.actions.text import parse_actions
from vswitch.openflow.names import NO_NAMES

N = 2000


def packet(number: int) -> Packet:
    """A TCP packet from one of many hosts to one that is known."""
    source = 0x505400000000 | number
    ethernet = bytes.fromhex("5054ff000001") + source.to_bytes(6, "big") + b"\x08\x00"
    ip = bytes.fromhex("4500002800000000400600000a00000a") + (0x0A010000 | number).to_bytes(4, "big")
    return Packet(ethernet + ip + bytes.fromhex("00500051000000000000000050100000") + bytes(4))


def machine() -> tuple[Backer, Switch]:
    """A standalone switch with four ports, which knows one address."""
    backer = Backer(Support(), 1)
    switch = backer.add_switch("br0", 1, 0.0)
    for number in range(1, 5):
        switch.ports.add(SwitchPort(OfPort(number), f"p{number}", number, OdpPort(number)), 0.0)
        switch.bundles.make(f"p{number}", [OfPort(number)])
    switch.macs.learn(0x5054FF000001, 0, switch.bundles["p4"], 0.0)
    return backer, switch


def tables(switch: Switch) -> None:
    """Ten tables that the packet goes through, with a hundred rules in each."""
    for table in range(10):
        for number in range(100):
            actions = f"load:{table}->NXM_NX_REG{table}[],resubmit(,{table + 1})" if table < 9 else "4"
            match = parse_match(f"tcp,nw_dst=10.{number}.0.0/16" if table % 2 else f"in_port={number}")
            switch.insert_rule(Rule(table, match, 5, parse_actions(actions, NO_NAMES)))


def upcalls(backer: Backer) -> float:
    """Seconds per upcall: extraction, translation, megaflow, commands."""
    packets = [packet(number) for number in range(N)]
    start = time.perf_counter()
    for at in range(0, N, 32):
        batch = [Upcall(each, extract(each.data, 1)) for each in packets[at : at + 32]]
        backer.upcall(batch, 0.0)
    return (time.perf_counter() - start) / N


def again(backer: Backer) -> float:
    """Seconds per megaflow to translate all of them again."""
    backer.wiring.changes.everything = True
    start = time.perf_counter()
    while backer.deadline <= 0.0:
        backer.run(0.0)
    return (time.perf_counter() - start) / len(backer)


def run() -> Iterable[Row]:
    """Measure, best of three."""
    for name, fill in (("NORMAL", False), ("ten tables of 100 rules", True)):
        best, best_again = float("inf"), float("inf")
        for _ in range(3):
            backer, switch = machine()
            if fill:
                switch.flush_rules(0.0)
                tables(switch)
            best = min(best, upcalls(backer))
            best_again = min(best_again, again(backer))
        yield Row(f"upcall, {name}", "µs", best * 1e6, {} if fill else {"goal": 100.0}, False, "goal", 1.0)
        yield Row(f"translation again, {name}", "µs", best_again * 1e6, more_is_better=False)
