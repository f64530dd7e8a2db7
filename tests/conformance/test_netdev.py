"""What every device does alike: one suite, all types."""

import errno
import sys
from collections.abc import Iterator

import pytest

from tests.e2e.topology import Topology, wait_until
from vswitch.base.errors import KernelError
from vswitch.dpif.netdev import STATISTICS, Netdev, PacketIo
from vswitch.dpif.packet import Packet
from vswitch.dpif.registry import Registry
from vswitch.netdev.dummy import DummyDevices
from vswitch.netdev.types import register_dummies, register_linux

FRAME = bytes.fromhex("ffffffffffff020000000001 88b5") + b"experiment".ljust(46, b".")


class Bench:
    """A device, and the wire at its other end."""

    def __init__(self, type: str, registry: Registry) -> None:
        self.type, self.registry = type, registry
        self.name = "h1" if type == "system" else "d1"
        self.device: Netdev = registry.netdevs[type](self.name, {})

    def again(self) -> Netdev:
        """The device opened a second time."""
        return self.registry.netdevs[self.type](self.name, {})


@pytest.fixture(
    params=[
        "dummy",
        "dummy-internal",
        pytest.param("system", marks=pytest.mark.needs_root),
        pytest.param("tap", marks=pytest.mark.needs_root),
        pytest.param("internal", marks=pytest.mark.needs_root),
    ]
)
def bench(request) -> Iterator[Bench]:
    registry = Registry()
    if request.param.startswith("dummy"):
        register_dummies(registry, DummyDevices(lambda: 0.0))
        yield Bench(request.param, registry)
        return
    with Topology() as net:
        net.add_host("h1", silent=True)
        with net.switch.entered():
            kernel = register_linux(registry)
            bench = Bench(request.param, registry)
            try:
                yield bench
            finally:
                bench.device.close()
                kernel.close()


def test_names(bench: Bench):
    assert (bench.device.name, bench.device.type) == (bench.name, bench.type)


def test_state_follows_what_is_set(bench: Bench):
    device = bench.device
    device.set_mac(0x020000000042)
    device.set_mtu(1400)
    device.set_up(True)
    state = device.state()
    assert (state.mac, state.mtu, state.up) == (0x020000000042, 1400, True)
    device.set_up(False)
    assert not device.state().up


def test_a_link_has_a_carrier_when_both_ends_are_up(bench: Bench):
    bench.device.set_up(True)
    wait_until(lambda: bench.device.state().carrier)


def test_statistics_start_at_nothing_and_have_the_database_s_names(bench: Bench):
    statistics = bench.device.statistics()
    assert {"rx_packets", "rx_bytes", "tx_packets", "tx_bytes"} <= statistics.keys()
    assert set(statistics.values()) == {0}
    if not bench.type.startswith("dummy"):
        assert statistics.keys() == STATISTICS.keys()


def test_what_is_sent_is_counted_as_sent(bench: Bench):
    device = bench.device
    assert isinstance(device, PacketIo)
    device.set_up(True)
    wait_until(lambda: device.state().carrier)
    before = device.stats()
    assert device.send([Packet(FRAME)] * 3) == 3
    after = device.stats()
    assert after.tx_packets - before.tx_packets == 3
    assert after.tx_bytes - before.tx_bytes == 3 * len(FRAME)
    assert after.rx_packets == before.rx_packets


def test_nothing_waits_at_first(bench: Bench):
    assert isinstance(bench.device, PacketIo)
    bench.device.set_up(True)
    assert bench.device.receive(10) == []


def test_a_device_that_is_down_takes_nothing(bench: Bench):
    assert isinstance(bench.device, PacketIo)
    bench.device.set_up(False)
    assert bench.device.send([Packet(FRAME)]) == 0


def test_drivers_are_told(bench: Bench):
    drivers = {"system": "veth", "tap": "tun", "internal": "tun"}
    state = bench.device.state()
    if bench.type in drivers:
        assert state.driver["driver_name"] == drivers[bench.type]
        assert state.driver.keys() == {"driver_name", "driver_version", "firmware_version"}
        assert (state.speed, state.full_duplex) == (10_000_000_000, True)
    else:
        assert (state.driver, state.speed, state.full_duplex) == ({}, 0, None)


def test_what_a_switch_made_goes_when_it_is_closed(bench: Bench):
    bench.device.close()
    bench.device = bench.again()  # what was there before, or made again
    state = bench.device.state()
    if bench.type in ("tap", "internal"):
        assert state.mac != 0x020000000042


@pytest.mark.needs_root
def test_a_device_that_is_not_there():
    with Topology() as net, net.switch.entered():
        registry = Registry()
        kernel = register_linux(registry)
        with pytest.raises(KernelError) as refused:
            registry.netdevs["system"]("nope", {})
        assert refused.value.errno == errno.ENODEV
        kernel.close()


@pytest.mark.needs_root
def test_a_device_that_went_or_was_renamed_is_not_there():
    with Topology() as net, net.switch.entered():
        net.add_host("h1", up=False)
        registry = Registry()
        kernel = register_linux(registry)
        device = registry.netdevs[""]("h1", {})
        net.switch.run("ip", "link", "set", "h1", "name", "other")
        with pytest.raises(KernelError) as refused:
            device.state()
        assert refused.value.errno == errno.ENODEV
        net.switch.run("ip", "link", "del", "other")
        with pytest.raises(KernelError):
            device.stats()
        kernel.close()


@pytest.mark.needs_root
def test_resets_of_a_link_are_counted_from_when_it_was_opened():
    with Topology() as net, net.switch.entered():
        net.add_host("h1")
        registry = Registry()
        kernel = register_linux(registry)
        device = registry.netdevs[""]("h1", {})
        wait_until(lambda: device.state().carrier)
        resets = device.state().link_resets
        net.hosts["h1"].run("ip", "link", "set", "eth0", "down")
        wait_until(lambda: not device.state().carrier)
        net.hosts["h1"].run("ip", "link", "set", "eth0", "up")
        wait_until(lambda: device.state().carrier)
        assert device.state().link_resets == resets + 2
        kernel.close()


@pytest.mark.needs_root
def test_an_internal_device_keeps_its_addresses_when_the_daemon_ends():
    with Topology() as net, net.switch.entered():
        command = (
            "import os; from vswitch.dpif.registry import Registry; from vswitch.netdev.types import *; "
            "r = Registry(); register_linux(r); r.netdevs['internal']('br0', {}).set_mac(0x020000000042); os._exit(0)"
        )
        net.switch.run(sys.executable, "-c", command)
        net.switch.run("ip", "address", "add", "10.0.0.1/24", "dev", "br0")
        net.switch.run(sys.executable, "-c", command)
        assert "10.0.0.1/24" in net.switch.run("ip", "address", "show", "br0").stdout
        assert "02:00:00:00:00:42" in net.switch.run("ip", "link", "show", "br0").stdout
