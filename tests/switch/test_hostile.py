"""Traffic that is made to fill tables: everything stays as small as configured, and others are served."""

from collections.abc import Iterator
from random import Random

from tests.switch.machine import Machine
from vswitch.dpif.action import Output
from vswitch.dpif.megaflow import Execute, FlowStats, Megaflow, Upcall
from vswitch.dpif.packet import Packet
from vswitch.flow.extract import extract
from vswitch.flow.fields import IN_PORT
from vswitch.ofproto.backer import LOOKS_AT_ONCE, UPCALLS_AT_ONCE
from vswitch.ofproto.command import Command, Install
from vswitch.ofproto.fairness import MAX_WAITING

HOST, SERVER = (bytes.fromhex(f"52000000000{n}") for n in (1, 2))
BATCH = 32


def frame(rng: Random, tagged: bool) -> bytes:
    """A UDP packet between any two stations, in any VLAN."""
    stations = bytes((rng.getrandbits(6) << 2, *rng.randbytes(5), rng.getrandbits(6) << 2, *rng.randbytes(5)))
    tag = b"\x81\x00" + rng.randrange(1 << 16).to_bytes(2, "big") if tagged else b""
    ip = bytes.fromhex("0800450000280000000040110000") + rng.randbytes(8)
    return stations + tag + ip + rng.randbytes(4) + bytes(20)


def attack(machine: Machine, rng: Random, packets: int, *, tagged: bool) -> None:
    """Packets of one port, no two alike, as fast as they are taken."""
    for _ in range(packets // BATCH):
        upcalls = [
            Upcall(Packet(data), extract(data, 1)) for data in (frame(rng, tagged) for _ in range(BATCH))
        ]
        machine.perform(machine.backer.upcall(upcalls, machine.now))
        machine.settle()
        machine.now += 0.001


def quiet(machine: Machine, port: int, to: bytes, source: bytes) -> list[Execute]:
    """A packet of somebody else, who is looked after at once."""
    data = to + source + b"\x88\xb5" + bytes(46)
    return machine.receive(port, data)


def outputs(executes: list[Execute]) -> list[int]:
    return sorted(action.port for each in executes for action in each.actions if isinstance(action, Output))


def test_invented_stations_fill_nothing_but_their_share() -> None:
    machine, rng = Machine(standalone=True), Random(1)
    machine.backer.pace.ask(1000)
    machine.br0.macs.size = 256
    quiet(machine, 2, SERVER, HOST)
    quiet(machine, 3, HOST, SERVER)
    for _ in range(8):
        attack(machine, rng, 512, tagged=True)
        assert len(machine.megaflows) <= 1000
        assert len(machine.backer) == len(machine.megaflows)
        assert len(machine.br0.macs) <= 256
        assert outputs(quiet(machine, 2, SERVER, HOST)) == [3]
        assert outputs(quiet(machine, 3, HOST, SERVER)) == [2]
    machine.pass_time(11.0)
    assert machine.megaflows == {}
    assert machine.backer.is_settled


def test_many_masks_are_no_more_than_the_rules_have() -> None:
    machine, rng = Machine(), Random(2)
    ports = [
        f"udp,tp_src={1 << n:#x}/{1 << n:#x},tp_dst={1 << m:#x}/{1 << m:#x}"
        for n in range(10)
        for m in range(5)
    ]
    lines = [f"priority={100 + n},{match} actions={n % 2 + 2}" for n, match in enumerate(ports)]
    machine.flows(*lines, "priority=5,dl_type=0x88b5 actions=3", "priority=1 actions=drop")
    machine.backer.pace.ask(500)
    for _ in range(8):
        attack(machine, rng, 512, tagged=False)
        assert len(machine.megaflows) <= 500
        assert len({each.mask for each in machine.megaflows.values()}) <= len(lines) + 2
        assert outputs(quiet(machine, 2, SERVER, HOST)) == [3]
    machine.pass_time(11.0)
    assert machine.megaflows == {}
    assert not machine.backer._megaflows._by_mask


def test_who_is_over_the_limit_is_served_without_a_megaflow() -> None:
    machine, rng = Machine(standalone=True), Random(3)
    machine.backer.pace.ask(10)
    attack(machine, rng, 64, tagged=False)
    assert len(machine.megaflows) == 10
    executed = len(machine.executed)
    assert outputs(quiet(machine, 2, SERVER, HOST)) == [1, 3, 100]
    assert len(machine.executed) == executed + 1


def test_a_port_that_floods_waits_alone() -> None:
    machine, rng = Machine(standalone=True), Random(4)
    noisy = [Upcall(Packet(data), extract(data, 1)) for data in (frame(rng, False) for _ in range(5000))]
    data = SERVER + HOST + b"\x88\xb5" + bytes(46)
    commands = machine.backer.upcall([*noisy, Upcall(Packet(data), extract(data, 2))], 0.0)
    served = [IN_PORT.get(each.flow) for each in commands if isinstance(each, Execute)]
    assert served[1] == 2
    assert len(served) == UPCALLS_AT_ONCE
    assert machine.backer.lost == 5000 - MAX_WAITING


def test_a_pass_is_cut_into_slices() -> None:
    machine, rng = Machine(standalone=True), Random(5)
    attack(machine, rng, 4 * LOOKS_AT_ONCE, tagged=True)
    machine.pass_time(0.01)
    taken = 0

    def dump() -> Iterator[tuple[Megaflow, FlowStats]]:
        nonlocal taken
        for ufid, megaflow in machine.megaflows.items():
            taken += 1
            yield megaflow, machine.stats[ufid]

    slices = []
    machine.perform(machine.backer.revalidate(dump(), machine.now))
    while not machine.backer.is_settled:
        slices.append(taken)
        taken = 0
        machine.perform(machine.backer.run(machine.now))
    assert max(slices) <= LOOKS_AT_ONCE
    assert sum(slices) + taken == len(machine.megaflows)


def test_megaflows_that_the_datapath_refuses_are_forgotten() -> None:
    machine, rng = Machine(standalone=True), Random(6)

    def without_installing(commands: list[Command]) -> None:
        machine.perform(each for each in commands if not isinstance(each, Install))

    for _ in range(100):
        data = frame(rng, True)
        without_installing(machine.backer.upcall([Upcall(Packet(data), extract(data, 1))], machine.now))
    assert len(machine.backer) == 100
    while machine.backer.deadline <= machine.now:
        without_installing(machine.backer.run(machine.now))
    machine.now = 1.0
    without_installing(machine.backer.revalidate(iter(()), machine.now))
    assert len(machine.backer) == 0
