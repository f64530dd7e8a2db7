"""Programs are attached by clsact, replaced, found and taken away, and those of others stay."""

import errno
import socket

import pytest

from tests.e2e.topology import Topology
from vswitch.base.errors import KernelError
from vswitch.bpf.builder import Builder
from vswitch.linux.bpf import Program
from vswitch.linux.clsact import PREFERENCE, Clsact, Filter
from vswitch.linux.rtnetlink import Rtnetlink

pytestmark = pytest.mark.needs_root


@pytest.fixture
def net():
    with Topology() as topology:
        topology.add_host("h1", silent=True)
        with topology.switch.entered():
            yield topology


@pytest.fixture
def rtnetlink(net):
    opened = Rtnetlink()
    yield opened
    opened.close()


def program(answer: int) -> Program:
    b = Builder()
    b.exit(answer)
    return Program.load(b.build("test"), {})


def kinds(rtnetlink: Rtnetlink, ifindex: int) -> list[str]:
    return [qdisc.kind for qdisc in rtnetlink.qdiscs() if qdisc.ifindex == ifindex]


def test_put_replace_remove(net, rtnetlink):
    clsact, h1 = Clsact(rtnetlink), socket.if_nametoindex("h1")
    before = kinds(rtnetlink, h1)
    for egress in (False, True):
        for answer in (0, 2):
            clsact.put(h1, egress, program(answer), "mine")
            assert clsact.filters(h1, egress) == [Filter(PREFERENCE, "mine")]
    assert "id" in net.switch.run("tc", "filter", "show", "dev", "h1", "ingress").stdout
    assert clsact.is_there(h1, False, "mine")
    assert not clsact.is_there(h1, False, "another's")
    clsact.remove(h1, False)
    assert not clsact.filters(h1, False)
    assert "clsact" in kinds(rtnetlink, h1)
    clsact.remove(h1, True)
    assert kinds(rtnetlink, h1) == before


def test_filters_of_others_stay(net, rtnetlink):
    clsact, h1 = Clsact(rtnetlink), socket.if_nametoindex("h1")
    net.switch.run("tc", "qdisc", "add", "dev", "h1", "clsact")
    words = "ingress", "pref", "7", "protocol", "all", "u32", "match", "u32", "0", "0", "flowid", "1:1"
    net.switch.run("tc", "filter", "add", "dev", "h1", *words)
    clsact.put(h1, False, program(0), "mine")
    assert {found.preference for found in clsact.filters(h1, False)} == {7, PREFERENCE}
    clsact.remove(h1, False)
    assert "clsact" in kinds(rtnetlink, h1)
    assert {found.preference for found in clsact.filters(h1, False)} == {7}


def test_a_device_that_is_not_there(rtnetlink):
    clsact = Clsact(rtnetlink)
    with pytest.raises(KernelError) as caught:
        clsact.put(9999, False, program(0), "mine")
    assert caught.value.errno == errno.ENODEV
    assert clsact.filters(9999, False) == []
    with pytest.raises(KernelError):
        clsact.remove(9999, True)
