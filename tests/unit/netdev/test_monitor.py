import asyncio
import subprocess
from dataclasses import replace

import pytest

from tests.e2e.topology import Topology, wait_until
from vswitch.linux.rtnetlink import Link, LinkGone
from vswitch.netdev.monitor import DeviceChange, DeviceMonitor, Devices, What

ETH0 = Link(2, "eth0", 0x1003, 0x020000000001, 1500, 68, 65535, "veth", 0, 1)
ETH1 = replace(ETH0, ifindex=3, name="eth1")


def changes(found: list[DeviceChange]) -> set[tuple[str, What]]:
    return {(change.name, change.what) for change in found}


def test_devices_come_change_and_go():
    devices = Devices([ETH0])
    assert changes(devices.update([ETH1])) == {("eth1", What.CAME)}
    assert changes(devices.update([replace(ETH1, mtu=9000)])) == {("eth1", What.CHANGED)}
    assert changes(devices.update([LinkGone(3, "eth1")])) == {("eth1", What.WENT)}


def test_what_comes_to_nothing_is_not_told():
    devices = Devices([ETH0])
    assert devices.update([ETH0, replace(ETH0, counters=(1,) * 21)]) == []
    assert devices.update([ETH1, LinkGone(3, "eth1")]) == []
    assert changes(devices.update([replace(ETH0, mtu=1400), replace(ETH0, mtu=1300)])) == {
        ("eth0", What.CHANGED)
    }


def test_a_rename():
    devices = Devices([ETH0])
    assert changes(devices.update([replace(ETH0, name="wan")])) == {("eth0", What.WENT), ("wan", What.CAME)}


def test_a_device_that_was_made_again_has_changed():
    devices = Devices([ETH0])
    assert changes(devices.update([LinkGone(2, "eth0"), replace(ETH0, ifindex=9)])) == {
        ("eth0", What.CHANGED)
    }


def test_lost_messages_are_made_up_for():
    devices = Devices([ETH0])
    assert changes(devices.replace([ETH1])) == {("eth0", What.WENT), ("eth1", What.CAME)}
    assert devices.replace([ETH1]) == []


@pytest.mark.needs_root
def test_real_devices():
    with Topology() as net, net.switch.entered():
        net.add_host("h1", silent=True)
        monitor = DeviceMonitor()
        told: set[tuple[str, What]] = set()

        def tells(*expected: tuple[str, What]) -> None:
            wait_until(lambda: told.update(changes(monitor.poll())) or told >= set(expected))
            told.clear()

        assert monitor.poll() == []
        net.switch.run("ip", "link", "set", "h1", "mtu", "1400")
        tells(("h1", What.CHANGED))
        net.hosts["h1"].run("ip", "link", "set", "eth0", "down")
        tells(("h1", What.CHANGED))
        net.switch.run("ip", "link", "set", "h1", "name", "other")
        tells(("h1", What.WENT), ("other", What.CAME))
        net.switch.run("ip", "link", "del", "other")
        tells(("other", What.WENT))
        commands = "".join(f"link add x{i} type veth peer name y{i}\n" for i in range(100))
        subprocess.run(net.switch.command("ip", "-batch", "-"), input=commands, text=True, check=True)
        tells(*((f"x{i}", What.CAME) for i in range(100)))
        monitor.close()


@pytest.mark.needs_root
def test_waiting_for_changes():
    async def first() -> list[DeviceChange]:
        monitor = DeviceMonitor()
        stream = monitor.changes()
        coming = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        process = await asyncio.create_subprocess_exec(
            "ip", "link", "add", "x", "type", "veth", "peer", "name", "y"
        )
        await process.wait()
        found = await asyncio.wait_for(coming, 5)
        await stream.aclose()
        monitor.close()
        return found

    with Topology() as net, net.switch.entered():
        assert {"x", "y"} & {change.name for change in asyncio.run(first())}
