"""What OpenFlow costs per message and per flow: `python bench/openflow.py`.

Numbers are microseconds of one core; comments in the code quote them.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import timeit
from collections.abc import Callable
from pathlib import Path

from vswitch.flow.match import parse_match
from vswitch.flow.ports import OfPort
from vswitch.openflow.actions.text import parse_actions
from vswitch.openflow.flowtext import format_flow_stats, parse_flow_mod
from vswitch.openflow.message import decode, encode
from vswitch.openflow.messages.flowstats import FlowStats, FlowStatsReply
from vswitch.openflow.messages.packet import PacketIn, PacketOut, in_port_match

TEXT = "table=1,priority=5,tcp,nw_dst=10.0.0.0/8,tp_dst=80 actions=output:1"
FLOWS = 400
PEER = Path("/usr/bin/ovs-ofctl")  # Open vSwitch's


def cost(action: Callable[[], object], per: int = 1) -> float:
    """Microseconds that `action` takes, divided by `per`; the best of five runs."""
    number = max(1, 2000 // per)
    return min(timeit.repeat(action, number=number, repeat=5)) / number / per * 1e6


def main() -> None:
    """Print a table."""
    print(f"{'':30} {'OF1.0':>8} {'OF1.3':>8} {'OF1.5':>8}   us")
    flow_mod = parse_flow_mod(TEXT)
    flow = FlowStats(
        parse_match("tcp,nw_dst=10.0.0.0/8,tp_dst=80"), parse_actions("output:1"), table_id=1, packet_count=9
    )
    dump = FlowStatsReply((flow,) * FLOWS)
    packet_in = PacketIn(bytes(128), in_port_match(OfPort(1)))
    rows: dict[str, tuple[object, int]] = {
        "flow-mod": (flow_mod, 1),
        "flow in a dump": (dump, FLOWS),
        "packet-in, 128 bytes": (packet_in, 1),
        "packet-out, 128 bytes": (PacketOut(bytes(128), parse_actions("output:2"), OfPort(1)), 1),
    }
    for name, (message, per) in rows.items():
        encoded = [encode(message, version, 1) for version in (1, 4, 6)]  # type: ignore[arg-type]
        writes = [cost(lambda v=v: encode(message, v, 1), per) for v in (1, 4, 6)]  # type: ignore[misc, arg-type] # noqa: B023
        reads = [cost(lambda data=data: decode(data, table_ids=True), per) for data in encoded]  # type: ignore[misc]
        print(f"{name + ', encode':30}" + "".join(f" {us:8.2f}" for us in writes))
        print(f"{name + ', decode':30}" + "".join(f" {us:8.2f}" for us in reads))
    print(f"{'flow, parse text':30} {cost(lambda: parse_flow_mod(TEXT)):8.2f}")
    print(f"{'flow, print text':30} {cost(lambda: format_flow_stats(flow)):8.2f}")
    beside_the_peer()


def beside_the_peer() -> None:
    """Seconds of a core that `ofp-parse` takes for dumps of many flows, ours and Open vSwitch's."""
    print(f"\n{'ofp-parse':30} {'ours':>8} {'peer':>8}   s")
    for number in (10_000, 100_000):
        matches = (f"tcp,nw_dst=10.{i >> 16}.{i >> 8 & 255}.{i & 255},tp_dst=80" for i in range(number))
        actions = parse_actions("output:1")
        flows = tuple(FlowStats(parse_match(text), actions, table_id=1, packet_count=9) for text in matches)
        with tempfile.NamedTemporaryFile() as stream:
            stream.write(encode(FlowStatsReply(flows, nx=True), 1, 1))
            stream.flush()
            ours = Path(sys.executable).parent / "ovs-ofctl"
            times = [seconds([str(program), "ofp-parse", stream.name]) for program in (ours, PEER)]
        print(f"{f'{number} flows':30} {times[0]:8.2f} {times[1]:8.2f}")


def seconds(command: list[str]) -> float:
    """How long a command computes; the best of three runs."""
    return min(_computed(command) for _ in range(3))


def _computed(command: list[str]) -> float:
    before = os.times()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


if __name__ == "__main__":
    main()
