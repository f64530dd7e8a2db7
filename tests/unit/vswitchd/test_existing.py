"""An interface that works: what it has carried."""

from __future__ import annotations

import asyncio

import pytest

from vswitch.datapath.userspace.datapath import UserspaceDatapath
from vswitch.dpif.datapath import PortCounters
from vswitch.dpif.netdev import NetdevStats
from vswitch.dpif.packet import Packet
from vswitch.dpif.ports import OdpPort
from vswitch.flow.ports import OfPort
from vswitch.netdev.dummy import DummyDevice, DummyDevices
from vswitch.vswitchd.bridge import InterfaceConfig
from vswitch.vswitchd.existing import Interface


class Counting(UserspaceDatapath, PortCounters):
    """A datapath that moves packets past the counters of devices."""

    def port_stats(self, number: OdpPort) -> NetdevStats:
        assert number == 7
        return NetdevStats.of_packets(rx_packets=10, rx_bytes=1000)


def device() -> DummyDevice:
    """One that one packet has come in on."""
    made = DummyDevices(lambda: 0.0).open("p1", {})
    made.inject([Packet(bytes(60))])
    assert len(made.receive_frames(9)) == 1
    return made


def interface(odp_port: int | None = 7, type: str = "dummy") -> Interface:
    number = None if odp_port is None else OdpPort(odp_port)
    return Interface(InterfaceConfig("p1", type), OfPort(1), device(), number)


@pytest.mark.parametrize(
    ("kind", "odp_port", "packets", "n_bytes"),
    [(Counting, 7, 11, 1060), (Counting, None, 1, 60), (UserspaceDatapath, 7, 1, 60)],
)
def test_what_a_datapath_moved_past_the_device_counts_too(
    kind: type[UserspaceDatapath], odp_port: int | None, packets: int, n_bytes: int
) -> None:
    async def test() -> None:
        datapath = kind("test", asyncio.get_running_loop().time)
        one = interface(odp_port)
        stats, shown = one.stats(datapath), one.statistics(datapath)
        assert (stats.rx_packets, stats.rx_bytes) == (packets, n_bytes)
        assert (shown["rx_packets"], shown["rx_bytes"], shown["tx_packets"]) == (packets, n_bytes, 0)
        assert list(shown) == sorted(shown)

    asyncio.run(test())


def test_the_host_is_at_the_other_end_of_internal_ports_only() -> None:
    assert interface(type="internal").is_internal
    assert not interface().is_internal
