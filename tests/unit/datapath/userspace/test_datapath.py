"""Upcalls, the cache and the loop; what packets become is in the conformance suite."""

import asyncio
import select
from collections.abc import Sequence

import pytest

from tests.conformance.packets import Ip
from tests.e2e.topology import Topology
from vswitch.base.errors import KernelError
from vswitch.datapath.userspace.datapath import UserspaceDatapath
from vswitch.datapath.userspace.port import MAX_UPCALLS
from vswitch.dpif.action import Output, SlowPath, Userspace
from vswitch.dpif.datapath import DatapathError
from vswitch.dpif.megaflow import Execute, Megaflow, Ufid
from vswitch.dpif.netdev import Netdev
from vswitch.dpif.packet import Packet
from vswitch.dpif.ports import OdpPort
from vswitch.flow.extract import extract
from vswitch.flow.fields import IN_PORT, TP_DST
from vswitch.netdev.dummy import DummyDevice, DummyDevices
from vswitch.netdev.linux import Kernel
from vswitch.netdev.tap import TapDevice

PACKET = Ip().bytes()


class Switch:
    """A datapath with dummy devices p1, p2 …, and a clock that stands still."""

    def __init__(self, ports: int = 2) -> None:
        self.now = 100.0
        self.dummies = DummyDevices(lambda: 0.0)
        self.datapath = UserspaceDatapath("test", lambda: self.now)
        self.devices = [self.dummies.open(f"p{i}", {}) for i in range(1, ports + 1)]
        for device in self.devices:
            self.datapath.port_add(device)

    def send(self, port: int, *packets: bytes) -> None:
        for packet in packets:
            self.devices[port - 1].inject([Packet(packet)])

    def sent(self, port: int) -> int:
        return self.devices[port - 1].stats().tx_packets

    def carried(self, ufid: int):
        return next(stats for flow, stats in self.datapath.flow_dump() if flow.ufid == ufid)

    def put(self, *ports: int, ufid: int = 1, mask: int = 0, packet: bytes = PACKET) -> None:
        actions = tuple(Output(OdpPort(port)) for port in ports)
        flow = Megaflow(Ufid(ufid), extract(packet, 1), IN_PORT.mask | mask, actions)
        self.datapath.flow_put([flow])


@pytest.fixture
def switch():
    made = Switch()
    yield made
    made.datapath.close()


def test_upcalls_of_each_port_come_in_turn():
    switch = Switch(3)
    switch.send(1, *[PACKET] * 500)
    switch.send(2, *[PACKET] * 2)
    switch.send(3, PACKET)
    ports = [IN_PORT.get(upcall.flow) for upcall in switch.datapath.take_upcalls()]
    assert ports[:6] == [1, 2, 3, 1, 2, 1]
    assert len(ports) == 64
    switch.datapath.close()


def test_upcalls_that_do_not_fit_are_counted_as_lost_and_others_do_not_suffer(switch: Switch):
    switch.send(1, *[PACKET] * (MAX_UPCALLS + 5))
    switch.send(2, PACKET)
    stats = switch.datapath.stats()
    assert (stats.missed, stats.lost) == (MAX_UPCALLS + 6, 5)
    assert IN_PORT.get(switch.datapath.take_upcalls()[1].flow) == 2
    switch.datapath.port_del(OdpPort(1))
    assert switch.datapath.stats().lost > 5  # those that nobody will ask for any more


def test_the_time_of_use_is_the_clock_s(switch: Switch):
    switch.put(2)
    switch.now = 123.5
    switch.send(1, PACKET)
    assert switch.carried(1).used == 123.5


@pytest.mark.parametrize("cached", [False, True])
def test_a_removed_megaflow_is_not_used_again(switch: Switch, cached: bool):
    switch.put(2)
    if cached:
        switch.send(1, PACKET, PACKET)
    before = switch.sent(2)
    switch.datapath.flow_del([Ufid(1)])
    switch.send(1, PACKET)
    assert switch.sent(2) == before
    assert len(switch.datapath.take_upcalls()) == 1
    switch.put(2, ufid=2)
    switch.send(1, PACKET)
    assert switch.sent(2) == before + 1


def test_flush_empties_the_cache(switch: Switch):
    switch.put(2)
    switch.send(1, PACKET, PACKET)
    switch.datapath.flow_flush()
    switch.send(1, PACKET)
    assert switch.sent(2) == 2


def test_the_same_match_under_another_name_is_refused(switch: Switch):
    switch.put(2, ufid=1)
    with pytest.raises(DatapathError) as refused:
        switch.put(2, ufid=2)
    assert refused.value.errno == 17  # EEXIST


def test_a_name_can_move_to_another_match(switch: Switch):
    switch.put(2, ufid=1)
    switch.put(2, ufid=1, mask=TP_DST.mask)
    switch.send(1, PACKET, Ip(dport=5).bytes())
    assert switch.sent(2) == 1
    assert len(switch.datapath.take_upcalls()) == 1


def test_flags_of_tcp_are_collected_from_cached_packets_too(switch: Switch):
    switch.put(2)
    for flags in (0x02, 0x10, 0x10, 0x18, 0x18):
        switch.send(1, Ip(tcp_flags=flags).bytes())
    assert switch.carried(1).tcp_flags == 0x1A


def test_a_packet_from_no_port_can_go_up(switch: Switch):
    flow = extract(PACKET, 0xFFFD)
    switch.datapath.execute([Execute(Packet(PACKET), flow, (Userspace(SlowPath("action")),))])
    (upcall,) = switch.datapath.take_upcalls()
    assert upcall.flow == flow


def test_waiting_for_upcalls():
    async def run() -> list[int]:
        switch = Switch()
        sizes: list[int] = []

        async def take() -> None:
            async for batch in switch.datapath.upcalls():
                sizes.append(len(batch))  # noqa: PERF401 - seen from outside while it goes on

        task = asyncio.get_running_loop().create_task(take())
        await asyncio.sleep(0)
        switch.send(1, PACKET)
        await asyncio.sleep(0)
        switch.send(1, PACKET, PACKET)
        for _ in range(5):
            await asyncio.sleep(0)
        switch.datapath.close()
        await asyncio.wait_for(task, 1)
        return sizes

    assert sum(asyncio.run(run())) == 3


class Broken(DummyDevice):
    """A device of which nothing can be had any more."""

    def receive_frames(self, limit: int) -> list[bytes]:
        raise KernelError(77, "broken")

    def send_frames(self, frames: Sequence[bytes]) -> int:
        return 0


def test_a_broken_device_does_not_keep_the_datapath_busy():
    device = Broken("p1", "dummy", 1, lambda: 0.0, lambda: None)
    assert isinstance(device, Netdev)
    datapath = UserspaceDatapath("test", lambda: 0.0)
    datapath.port_add(device)
    for _ in range(20):
        device.inject([Packet(PACKET)])
    datapath.port_del(OdpPort(1))
    datapath.close()
    datapath.close()


@pytest.mark.needs_root
def test_a_tap_that_was_removed_does_not_keep_the_datapath_busy():
    with Topology() as net, net.switch.entered():
        kernel = Kernel()
        device = TapDevice("tap0", kernel)
        datapath = UserspaceDatapath("test", lambda: 0.0)
        datapath.port_add(device)
        net.switch.run("ip", "link", "del", "tap0")
        watched = select.epoll()
        watched.register(datapath._epoll.fileno(), select.EPOLLIN)
        for _ in range(20):
            datapath.poll()
        assert watched.poll(0) == []
        watched.close()
        datapath.close()
        device.close()
        kernel.close()
