import pytest

from tests.e2e.topology import Topology
from vswitch.linux.ethtool import COPPER, Driver, Ethtool, LinkSettings

pytestmark = pytest.mark.needs_root


def test_what_drivers_tell():
    with Topology() as net, net.switch.entered():
        net.add_host("h1", silent=True)
        net.switch.run("ip", "tuntap", "add", "mode", "tap", "tap0")
        ethtool = Ethtool()
        assert ethtool.driver("h1") == Driver("veth", "1.0", "")
        assert ethtool.link_settings("h1") == LinkSettings(10_000_000_000, True, COPPER, False, 0, 0)
        assert ethtool.driver("tap0") == Driver("tun", "1.6", "")
        assert ethtool.driver("lo") is ethtool.link_settings("lo") is None
        assert ethtool.driver("nope") is None
        ethtool.close()
