"""Flows of packets, and rules of flows: microseconds for one, on one core."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from bench.report import Row
from vswitch.flow.classifier import Classifier
from vswitch.flow.compose import compose
from vswitch.flow.extract import extract
from vswitch.flow.fields import IP_DST
from vswitch.flow.match import Match, format_match, parse_match

ROUNDS = 50_000
PACKETS = {
    "TCP over IPv4": "tcp,nw_src=10.0.0.1,nw_dst=10.0.0.2,tp_dst=80,tcp_flags=ack,nw_ttl=64",
    "TCP over IPv4 with a tag": "tcp,dl_vlan=5,nw_src=10.0.0.1,nw_dst=10.0.0.2,tp_dst=80,tcp_flags=ack,nw_ttl=64",
    "TCP over IPv6": "tcp6,ipv6_src=fc00::1,ipv6_dst=fc00::2,tcp_dst=80,tcp_flags=ack",
    "UDP over IPv4": "udp,nw_src=10.0.0.1,nw_dst=10.0.0.2,udp_dst=53",
    "ARP": "arp,arp_op=1,arp_spa=10.0.0.1,arp_tpa=10.0.0.2",
}
N_RULES = 100_000


class Rule:
    """As much of a rule as a classifier needs."""

    __slots__ = ("match", "priority")

    def __init__(self, match: Match, priority: int) -> None:
        self.match = match
        self.priority = priority


def microseconds(what: Callable[[], object], rounds: int = ROUNDS) -> float:
    """How long one call takes."""
    start = time.perf_counter()
    for _ in range(rounds):
        what()
    return (time.perf_counter() - start) / rounds * 1e6


def run() -> Iterator[Row]:
    """Extraction by kind of packet; text; a classifier of 100,000 rules."""
    for name, text in PACKETS.items():
        packet = compose(parse_match(text).value)
        taken = microseconds(lambda packet=packet: extract(packet))  # type: ignore[misc]
        yield Row(f"extract, {name}", "µs", taken, more_is_better=False)
    text = PACKETS["TCP over IPv4"]
    match = parse_match(text)
    yield Row(
        "parse a match of 6 fields", "µs", microseconds(lambda: parse_match(text)), more_is_better=False
    )
    yield Row("format it", "µs", microseconds(lambda: format_match(match)), more_is_better=False)
    yield from _classifier()


def _classifier() -> Iterator[Row]:
    base = parse_match("tcp,tp_dst=80")
    rules = [Rule(base.where(IP_DST, 0x0A000000 + i), i % 100) for i in range(N_RULES)]
    classifier: Classifier[Rule] = Classifier()
    start = time.perf_counter()
    for rule in rules:
        classifier.insert(rule)
    yield Row(
        "insert a rule, of 100,000", "µs", (time.perf_counter() - start) / N_RULES * 1e6, more_is_better=False
    )
    flow = rules[N_RULES // 2].match.value
    yield Row(
        "look up a flow among them", "µs", microseconds(lambda: classifier.lookup(flow)), more_is_better=False
    )
