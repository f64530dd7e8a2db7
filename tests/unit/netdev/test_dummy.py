from pathlib import Path

import pytest

from tests.conformance.packets import Ip
from tests.unit.dpif.test_offload import PAYLOAD, partial
from vswitch.dpif.frame import GSO_TCPV4
from vswitch.dpif.netdev import UNCOUNTED
from vswitch.dpif.packet import Packet
from vswitch.netdev.dummy import DummyDevices
from vswitch.packet.pcap import read_pcap


@pytest.fixture
def dummies():
    return DummyDevices(lambda: 7.5)


def captured(path: Path) -> list[tuple[float, bytes]]:
    return list(read_pcap(path.read_bytes()))


def test_addresses_count_up(dummies):
    macs = [dummies.open(name, {}).state().mac for name in ("a", "b", "a", "c")]
    assert macs == [0xAA55AA550000, 0xAA55AA550001, 0xAA55AA550000, 0xAA55AA550002]


def test_devices_are_known_by_name(dummies):
    device = dummies.open("a", {})
    assert dummies.get("a") is device
    assert dummies.all() == [device]
    device.close()
    assert dummies.get("a") is None


def test_captures(dummies, tmp_path):
    files = {name: tmp_path / name for name in ("pcap", "rxq_pcap", "tx_pcap")}
    device = dummies.open("a", {name: str(file) for name, file in files.items()})
    device.inject([Packet(b"in" * 30)])
    device.receive(1)
    device.send([Packet(b"out" * 20)])
    both = [(7.5, b"in" * 30), (7.5, b"out" * 20)]
    assert captured(files["pcap"]) == both
    assert captured(files["rxq_pcap"]) == both[:1]
    assert captured(files["tx_pcap"]) == both[1:]
    device.configure({"tx_pcap": str(files["tx_pcap"])})
    device.send([Packet(b"more")])
    assert captured(files["pcap"]) == both
    assert len(captured(files["tx_pcap"])) == 2
    device.close()


def test_what_leaves_is_as_on_a_wire(dummies, tmp_path):
    device = dummies.open("a", {"tx_pcap": str(tmp_path / "tx")})
    device.send([partial(Ip(payload=PAYLOAD), GSO_TCPV4, 1000)])
    assert [len(data) for _, data in captured(tmp_path / "tx")] == [1054, 1054, 614]
    assert device.stats().tx_packets == 3
    device.close()


def test_counters(dummies):
    device = dummies.open("a", {})
    device.inject([Packet(bytes(60))] * 2)
    assert device.stats().rx_packets == 0  # they wait
    device.receive(10)
    device.send([Packet(bytes(100))])
    statistics = device.statistics()
    assert {name: value for name, value in statistics.items() if value} == {
        "rx_packets": 2, "rx_bytes": 120, "tx_packets": 1, "tx_bytes": 100,
        "rx_q0_packets": 2, "rx_q0_bytes": 120, "tx_q0_packets": 1, "tx_q0_bytes": 100,
        "rx_custom_packets_1": 2, "rx_custom_packets_2": 2,
    }  # fmt: skip
    assert device.stats().rx_dropped == UNCOUNTED


def test_a_full_queue_and_a_device_that_is_down_lose_packets(dummies):
    device = dummies.open("a", {})
    device.inject([Packet(bytes(60))] * 150)
    assert len(device.receive(200)) == 100
    device.set_up(False)
    device.inject([Packet(bytes(60))])
    assert device.receive(200) == []


def test_all_that_comes_in_at_once_is_taken(dummies):
    device, taken = dummies.open("a", {}), []
    device.notify(lambda: taken.extend(device.receive(30)))
    device.inject([Packet(bytes(60))] * 100)
    assert len(taken) == 100
    device.notify(lambda: None)
    device.inject([Packet(bytes(60))])  # nobody takes it, and that is no reason to wait


def test_a_capture_that_cannot_be_is_no_failure(dummies, tmp_path):
    device = dummies.open("a", {"pcap": str(tmp_path / "no" / "such" / "place"), "tx_pcap": "/dev/full"})
    assert device.send([Packet(bytes(60))]) == 1
    assert device.stats().tx_packets == 1
