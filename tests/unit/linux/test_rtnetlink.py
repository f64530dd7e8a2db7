import errno
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.e2e.topology import Topology
from vswitch.base.errors import KernelError
from vswitch.linux.rtnetlink import (
    Link,
    LinkEvents,
    LinkGone,
    Rtnetlink,
    attribute,
    attributes,
    messages,
    parse_link,
)


def test_attributes_are_padded_and_found_again():
    data = attribute(3, b"eth0\0") + attribute(4, struct.pack("=I", 1500))
    assert len(data) == 12 + 8
    assert attributes(data) == {3: b"eth0\0", 4: struct.pack("=I", 1500)}


@given(st.binary(max_size=80))
def test_any_bytes_are_read_without_harm(data: bytes):
    attributes(data)
    for _, _, body in messages(data):
        if len(body) >= 16:
            parse_link(body)


@pytest.fixture
def rtnetlink():
    with Topology() as net, net.switch.entered():
        opened = Rtnetlink()
        yield opened
        opened.close()


@pytest.mark.needs_root
def test_a_device_s_life(rtnetlink: Rtnetlink):
    events = LinkEvents()
    rtnetlink.add_veth("a", "b")
    rtnetlink.set_link("a", up=True, mac=0x020000000042, mtu=9000)
    link = rtnetlink.link("a")
    assert (link.name, link.kind, link.mac, link.mtu, link.up, link.carrier) == (
        "a", "veth", 0x020000000042, 9000, True, False
    )  # fmt: skip
    assert rtnetlink.link(link.ifindex) == link
    assert len(rtnetlink.link("a", stats=True).counters) == 21
    rtnetlink.set_link("a", name="c")
    assert {one.name for one in rtnetlink.links()} == {"lo", "b", "c"}
    rtnetlink.del_link("b")
    assert [one.name for one in rtnetlink.links(stats=True)] == ["lo"]
    heard = events.receive()
    assert heard
    assert any(isinstance(event, Link) and event.mtu == 9000 for event in heard)
    assert LinkGone(link.ifindex, "c") in heard
    events.close()


@pytest.mark.needs_root
def test_what_the_kernel_refuses(rtnetlink: Rtnetlink):
    def refused(number: int):
        return pytest.raises(KernelError, check=lambda error: error.errno == number)

    with refused(errno.ENODEV):
        rtnetlink.link("nope")
    with refused(errno.ENODEV):
        rtnetlink.set_link("nope", up=True)
    with refused(errno.EEXIST):
        rtnetlink.add_veth("lo", "x")
    rtnetlink.add_veth("a", "b")
    with refused(errno.EINVAL):
        rtnetlink.set_link("a", mtu=10)


@pytest.mark.needs_root
def test_addresses(rtnetlink: Rtnetlink):
    rtnetlink.set_link("lo", up=True)
    found = {(address.address, address.prefix_length) for address in rtnetlink.addresses()}
    assert (bytes([127, 0, 0, 1]), 8) in found
