import socket

import pytest

from tests.conformance.packets import Ip
from tests.e2e.topology import Topology, wait_until
from tests.unit.dpif.test_offload import PAYLOAD, partial
from vswitch.base.errors import KernelError
from vswitch.dpif.frame import GSO_TCPV4, HEADER_SIZE, NO_OFFLOAD, frame_of, packet_of
from vswitch.linux.packet import BATCH, PacketSocket

pytestmark = pytest.mark.needs_root


@pytest.fixture
def wire():
    """A socket at each end of a veth pair."""
    with Topology() as net:
        host = net.add_host("h1", silent=True)
        far = host.open_socket()
        with net.switch.entered():
            near = PacketSocket(socket.if_nametoindex("h1"))
        yield near, far
        near.close()


def receive(door: PacketSocket, count: int = 1) -> list[bytes]:
    frames: list[bytes] = []
    wait_until(lambda: frames.extend(door.receive_frames(BATCH)) or len(frames) >= count)
    return frames


def test_frames_cross(wire):
    near, far = wire
    frames = [NO_OFFLOAD + Ip(dport=i).bytes() for i in range(200)]
    assert far.send_frames(frames) == 200
    assert receive(near, 200) == frames
    assert near.receive_frames(BATCH) == []
    assert far.receive_frames(BATCH) == []  # not its own


def test_tags_are_in_place(wire):
    near, far = wire
    frames = [
        NO_OFFLOAD + Ip(tags=tags).bytes()
        for tags in (((0x8100, 5),), ((0x88A8, 0x7005),), ((0x88A8, 5), (0x8100, 6)))
    ]
    far.send_frames(frames)
    assert receive(near, 3) == frames


def test_what_is_left_to_the_device_crosses_whole(wire):
    near, far = wire
    for packet in (Ip(payload=PAYLOAD), Ip(payload=PAYLOAD, tags=((0x8100, 5),))):
        far.send_frames([frame_of(partial(packet, GSO_TCPV4, 1000))])
        (frame,) = receive(near)
        got, sent = packet_of(frame), partial(packet, GSO_TCPV4, 1000)
        assert got.data == sent.data
        assert got.offload
        assert sent.offload
        assert (got.offload.gso_type, got.offload.gso_size) == (GSO_TCPV4, 1000)
        assert (got.offload.csum_start, got.offload.csum_offset) == (sent.offload.csum_start, 16)


def test_what_a_device_does_not_take_is_lost_and_the_rest_is_not(wire):
    near, far = wire
    frames = [NO_OFFLOAD + Ip().bytes(), NO_OFFLOAD + bytes(3000), b"", NO_OFFLOAD, NO_OFFLOAD + Ip().bytes()]
    assert far.send_frames(frames) == 2
    assert receive(near, 2) == [frames[0], frames[4]]


def test_a_door_out_only_hears_nothing():
    with Topology() as net:
        host = net.add_host("h1", silent=True)
        far = host.open_socket()
        with net.switch.entered():
            near = PacketSocket(socket.if_nametoindex("h1"), receive=False)
        far.send_frames([NO_OFFLOAD + Ip().bytes()])
        near.send_frames([NO_OFFLOAD + Ip(dport=7).bytes()])
        assert receive(far) == [NO_OFFLOAD + Ip(dport=7).bytes()]
        assert near.receive_frames(1) == []
        near.close()


def test_a_device_may_vanish():
    with Topology() as net:
        net.add_host("h1", silent=True)
        with net.switch.entered():
            door = PacketSocket(socket.if_nametoindex("h1"))
        net.switch.run("ip", "link", "del", "h1")
        for _ in range(3):
            assert door.receive_frames(1) == []
        assert door.send_frames([bytes(HEADER_SIZE + 60)]) == 0
        door.close()
        with net.switch.entered(), pytest.raises(KernelError):
            PacketSocket(77)
