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
    platform = build_platform(how, system=False)
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
    platform = build_platform("on", system=False)
    try:
        registered = platform.registry.netdevs
        assert platform.netdev("internal", "dummy") is registered["dummy-internal"]
        assert platform.netdev("internal", "netdev") is registered["tap"]
        assert platform.netdev("nonsense", "netdev") is None
    finally:
        platform.close()
