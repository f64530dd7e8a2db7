"""Which types a machine has, and what names stand for them."""

from __future__ import annotations

import pytest

from vswitch.base.errors import VswitchError
from vswitch.vswitchd.machine import build_platform
from vswitch.vswitchd.platform import Platform


def test_without_anything_there_is_nothing() -> None:
    platform = Platform()
    assert (platform.datapath_types, platform.iface_types) == ([], ["patch"])
    assert platform.default_datapath == "none: --disable-system leaves it to Bridge.datapath_type"


@pytest.mark.parametrize(
    ("how", "system", "netdev"),
    [("on", None, "netdev"), ("system", "dummy", "netdev"), ("override", "dummy", "dummy")],
)
def test_dummies_stand_in_for_more_or_less(how: str, system: str | None, netdev: str) -> None:
    platform = build_platform(how, system=None)
    try:
        assert platform.canonical("dummy") == "dummy"
        assert platform.canonical("netdev") == netdev
        if system is None:
            with pytest.raises(VswitchError, match="Address family not supported by protocol"):
                platform.canonical("system")
        else:
            assert platform.canonical("system") == system
    finally:
        platform.close()


def test_an_internal_port_is_what_the_datapath_has_as_one() -> None:
    platform = build_platform("on", system=None)
    try:
        registered = platform.registry.netdevs
        assert platform.netdev("internal", "dummy") is registered["dummy-internal"]
        assert platform.netdev("internal", "netdev") is registered["tap"]
        assert platform.netdev("nonsense", "netdev") is None
    finally:
        platform.close()


@pytest.mark.parametrize(
    ("found", "name", "why"),
    [
        ("\nattached by tcx links", "ebpf", "programs made for its flows, attached by tcx links"),
        ("ebpf needs root\n", "netdev", "packets pass through this process, because ebpf needs root"),
    ],
)
def test_what_the_kernel_can_do_is_asked_when_it_matters_and_once(found: str, name: str, why: str) -> None:
    asked: list[str] = []
    platform = build_platform(system=lambda: asked.append(found) or found)
    try:
        assert not asked
        assert ("ebpf" in platform.datapath_types) == (name == "ebpf")
        assert platform.canonical("system") == name
        assert platform.default_datapath.startswith(f"{name}: ")
        assert platform.default_datapath.endswith(why)
        assert asked == [found]
    finally:
        platform.close()


def test_dummies_stand_in_for_whatever_the_kernel_can_do() -> None:
    platform = build_platform("override", system=lambda: "\nall features")
    try:
        assert platform.canonical("system") == "dummy"
        assert platform.canonical("ebpf") == "ebpf"
    finally:
        platform.close()
