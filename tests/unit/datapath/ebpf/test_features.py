"""Features can be done without, and say so."""

import pytest

from vswitch.datapath.ebpf import probe
from vswitch.datapath.ebpf.features import WITHOUT, Features


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
