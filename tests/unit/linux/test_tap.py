import errno
import socket

import pytest

from tests.conformance.packets import Ip
from tests.e2e.topology import Topology, wait_until
from vswitch.base.errors import KernelError
from vswitch.dpif.frame import NO_OFFLOAD
from vswitch.linux.packet import PacketSocket
from vswitch.linux.tap import Tap

pytestmark = pytest.mark.needs_root
FRAME = NO_OFFLOAD + Ip().bytes()


@pytest.fixture
def net():
    with Topology() as topology, topology.switch.entered():
        yield topology


def test_frames_to_and_from_the_host(net):
    tap = Tap("tap0")
    assert tap.send_frames([FRAME]) == 0  # the device is down
    net.switch.run("ip", "link", "set", "tap0", "up")
    host = PacketSocket(socket.if_nametoindex("tap0"))
    assert tap.send_frames([FRAME] * 3) == 3
    got: list[bytes] = []
    wait_until(lambda: got.extend(host.receive_frames(10)) or len(got) == 3)
    host.send_frames([FRAME] * 2)
    got = []
    wait_until(lambda: got.extend(tap.receive_frames(10)) or len(got) == 2)
    assert got == [FRAME] * 2
    assert tap.receive_frames(10) == []
    host.close()
    tap.close()
    assert net.switch.devices() == []


def test_a_persistent_one_stays_until_it_is_told_otherwise(net):
    Tap("tap0", persistent=True).close()
    assert net.switch.devices() == ["tap0"]
    tap = Tap("tap0", persistent=True)
    tap.set_persistent(False)
    tap.close()
    assert net.switch.devices() == []


def test_what_cannot_be_opened(net):
    tap = Tap("tap0")
    with pytest.raises(KernelError, check=lambda error: error.errno == errno.EBUSY):
        Tap("tap0")
    with pytest.raises(KernelError, check=lambda error: error.errno == errno.EINVAL):
        Tap("lo")
    tap.close()


def test_a_device_may_vanish(net):
    tap = Tap("tap0")
    net.switch.run("ip", "link", "del", "tap0")
    assert tap.receive_frames(1) == []
    assert tap.send_frames([FRAME]) == 0
    tap.close()
