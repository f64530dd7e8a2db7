"""Features can be done without, and say so."""

import errno
import socket

import pytest

from vswitch.base.errors import KernelError
from vswitch.datapath.ebpf import probe
from vswitch.datapath.ebpf.features import WITHOUT, Features
from vswitch.linux.bpf import Attach, count_attached


def test_what_is_said():
    assert str(Features()) == "attached by tcx links"
    assert (
        str(Features.all_but(["tcx", "redirect_peer", "coarse_clock"]))
        == "attached by clsact, without shortcuts through veth pairs, with the exact clock"
    )


@pytest.mark.needs_root
def test_the_environment_forbids(monkeypatch):
    assert probe.find_features() == Features()
    monkeypatch.setenv(WITHOUT, "tcx,coarse_clock")
    assert probe.find_features() == Features(tcx=False, coarse_clock=False)
    assert probe.why_not() is None


def test_each_is_tried_once(monkeypatch):
    tried = []
    monkeypatch.setattr(probe, "_FEATURES", {"tcx": lambda: tried.append("tcx"), "redirect_peer": _refuse})
    probe._works.cache_clear()
    try:
        found = [probe.find_features() for _ in range(2)]
    finally:
        probe._works.cache_clear()
    assert found == [Features(redirect_peer=False)] * 2
    assert tried == ["tcx"]


def _refuse():
    raise KernelError(errno.EINVAL, "no")


@pytest.mark.needs_root
def test_to_ask_for_tcx_links_leaves_devices_alone():
    loopback = socket.if_nametoindex("lo")
    before = [count_attached(loopback, where) for where in Attach]
    probe._tcx()
    assert [count_attached(loopback, where) for where in Attach] == before
    with pytest.raises(KernelError):
        count_attached(loopback, 999)


@pytest.mark.parametrize(
    ("release", "names"),
    [
        ("2.6.32.12-0.7.1.xs5.6.100.323.170596xen", None),
        ("4.19.0+1", None),
        ("5.7.19", None),
        ("junk", None),
        ("5.8.0", ()),
        ("5.10.1", ("redirect_peer",)),
        ("5.11.0-rc1", ("redirect_peer", "coarse_clock")),
        ("6.1.0-37-amd64", ("redirect_peer", "coarse_clock")),
        ("6.6.0+2", ("tcx", "redirect_peer", "coarse_clock")),
        ("10.0", ("tcx", "redirect_peer", "coarse_clock")),
    ],
)
def test_what_a_version_has(release, names):
    features = Features.of_kernel(release)
    assert (features and features.names) == names
