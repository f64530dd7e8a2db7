from vswitch.datapath.dummy import DummyDatapath
from vswitch.dpif.ports import OdpPort
from vswitch.netdev.dummy import DummyDevices


def test_numbers_follow_names():
    dummies = DummyDevices(lambda: 0.0)
    datapath = DummyDatapath("ovs-dummy", lambda: 0.0, dummies.open("ovs-dummy", {}, "dummy-internal"))
    names = ["p2", "foo", "i0", "br0", "br1", "p1", "p2x", "br0x", "eth77"]
    numbers = {name: datapath.port_add(dummies.open(name, {})) for name in names}
    assert numbers == {
        "p2": 2, "foo": 1, "i0": 3, "br0": 100, "br1": 101, "p1": 4, "p2x": 5, "br0x": 6, "eth77": 77
    }  # fmt: skip
    ports = datapath.ports()
    assert (ports[OdpPort(0)].name, ports[OdpPort(0)].type) == ("ovs-dummy", "dummy-internal")
    assert list(ports) == sorted(ports)
    datapath.close()
