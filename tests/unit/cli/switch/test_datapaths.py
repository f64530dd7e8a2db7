import pytest

from tests.unit.cli.vsctl_lines import Line
from vswitch.base.options import CommandError


@pytest.fixture
def line():
    """A database with a datapath."""
    line = Line()
    line.run(
        "--id=@d", "create", "Datapath", "datapath_version=1", "capabilities={recirc=true,ct_zero_snat=false}"
    )
    line.run("set", "Open_vSwitch", ".", "datapaths:netdev=@d")
    return line


def refused(line, *words):
    with pytest.raises(CommandError) as caught:
        line.run(*words)
    return str(caught.value)


def test_what_a_datapath_can_do(line):
    assert line.run("list-dp-cap", "netdev") == ["ct_zero_snat=false recirc=true"]
    assert refused(line, "list-dp-cap", "nope") == 'datapath "nope" record not found'


def test_time_outs_of_zones(line):
    line.run("add-zone-tp", "netdev", "zone=2", "icmp_first=2", "icmp_reply=3")
    line.run("add-zone-tp", "netdev", "zone=1", "icmp_reply=3", "icmp_first=2")
    assert line.run("list-zone-tp", "netdev") == [
        "Zone:1, Timeout Policies: icmp_first=2 icmp_reply=3",
        "Zone:2, Timeout Policies: icmp_first=2 icmp_reply=3",
    ]
    assert len(list(line.transaction.rows("CT_Timeout_Policy"))) == 1
    assert refused(line, "add-zone-tp", "netdev", "zone=2", "icmp_first=1") == "zone id 2 already exists"
    line.run("--may-exist", "add-zone-tp", "netdev", "zone=2", "icmp_first=1")
    assert line.run("list-zone-tp", "netdev")[1] == "Zone:2, Timeout Policies: icmp_first=1"
    line.run("del-zone-tp", "netdev", "zone=1")
    assert refused(line, "del-zone-tp", "netdev", "zone=1") == "zone id 1 does not exist"
    line.run("--if-exists", "del-zone-tp", "netdev", "zone=1")
    assert refused(line, "add-zone-tp", "nope", "zone=1", "a=1") == "datapath nope does not exist"
    assert "expected zone=ZONE_ID" in refused(line, "add-zone-tp", "netdev", "1", "a=1")
    assert "expected POLICY=SECONDS" in refused(line, "add-zone-tp", "netdev", "zone=3", "icmp_first")


def test_limits_of_zones(line):
    assert line.run("list-zone-limits", "netdev") == []
    line.run("set-zone-limit", "netdev", "5", "10")
    line.run("set-zone-limit", "netdev", "zone=5", "20")
    line.run("set-zone-limit", "netdev", "default", "3")
    assert line.run("list-zone-limits", "netdev") == ["Default limit: 3", "Zone: 5, Limit: 20"]
    line.run("del-zone-limit", "netdev", "default")
    line.run("del-zone-limit", "netdev", "5")
    assert line.run("list-zone-limits", "netdev") == []
    refused(line, "del-zone-limit", "netdev", "5")
    refused(line, "del-zone-limit", "netdev", "default")
    line.run("--if-exists", "del-zone-limit", "netdev", "5")


def test_a_zone_stays_for_what_is_left_of_it(line):
    line.run("add-zone-tp", "netdev", "zone=4", "icmp_first=2")
    line.run("set-zone-limit", "netdev", "4", "7")
    line.run("del-zone-tp", "netdev", "zone=4")
    assert line.run("list-zone-limits", "netdev") == ["Zone: 4, Limit: 7"]
    line.run("add-zone-tp", "netdev", "zone=4", "icmp_first=2")
    line.run("del-zone-limit", "netdev", "4")
    assert line.run("list-zone-limits", "netdev") == []
    assert line.run("list-zone-tp", "netdev") == ["Zone:4, Timeout Policies: icmp_first=2"]
