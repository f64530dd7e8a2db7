"""Scripts that restore flows and devices."""

from pathlib import Path

from tests.unit.cli.startup.hosts import ScriptedHost
from vswitch.cli.startup.host import program
from vswitch.cli.startup.saving import save_flows, save_interfaces

LINK = (
    r"7: xenbr0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1450 qdisc noqueue state UP mode DEFAULT group default "
    r"qlen 1000\    link/ether 00:16:3e:00:00:01 brd ff:ff:ff:ff:ff:ff"
)
INET = r"7: xenbr0    inet 10.0.0.2/24 brd 10.0.0.255 scope global xenbr0\       valid_lft forever"
INET6 = (
    "7: xenbr0    inet6 fd00::2/64 scope global \\       valid_lft forever\n"
    "7: xenbr0    inet6 fe80::216:3eff:fe00:1/64 scope link \\       valid_lft forever\n"
)


def test_devices(tmp_path: Path) -> None:
    host = ScriptedHost(tmp_path)
    host.has("/sys/class/net/xenbr0")
    host.answers["ip", "-o", "link"] = (0, LINK)
    host.answers["ip", "-4", "-o", "addr"] = (0, INET)
    host.answers["ip", "-6", "-o", "addr"] = (0, INET6)
    host.answers["ip", "-4", "route"] = (
        0,
        "default via 10.0.0.1 linkdown\n10.0.0.0/24 proto kernel scope link src 10.0.0.2\n",
    )
    host.answers["iptables-save",] = (0, "*filter\nCOMMIT\n")
    assert list(save_interfaces(host, ["xenbr0", "gone"])) == [
        "#!/bin/sh",
        "ip link set xenbr0 down",
        "ip addr flush dev xenbr0",
        "ip link set xenbr0 address 00:16:3e:00:00:01 mtu 1450 txqueuelen 1000 up",
        "ip -4 addr add 10.0.0.2/24 broadcast 10.0.0.255 scope global dev xenbr0",
        "ip -6 addr add fd00::2/64 scope global dev xenbr0",
        "ip route flush dev xenbr0 proto boot",
        "ip -4 route add default via 10.0.0.1 dev xenbr0",
        "iptables-restore <<'END_OF_RULES'",
        "*filter",
        "COMMIT",
        "END_OF_RULES",
    ]


def test_flows_with_the_newest_version(tmp_path: Path) -> None:
    host = ScriptedHost(tmp_path)
    ofctl = program("ovs-ofctl")
    host.answers[ofctl, "-O", "OpenFlow15"] = (1, "version negotiation failed")
    host.answers[ofctl, "-O", "OpenFlow14", "dump-flows"] = (
        0,
        "OFPST_FLOW reply (OF1.4):\n priority=0 actions=NORMAL\n",
    )
    host.answers[ofctl, "-O", "OpenFlow14", "dump-groups"] = (0, "OFPT_ERROR (OF1.4): OFPBRC_BAD_STAT\n")
    script = list(save_flows(host, ["br0"], tmp_path))
    assert script == ["#!/bin/sh", f"{ofctl} -O OpenFlow14 --bundle replace-flows br0 {tmp_path}/br0.flows"]
    assert (tmp_path / "br0.flows").read_text() == "priority=0 actions=NORMAL\n"


def test_groups_come_before_the_flows_that_use_them(tmp_path: Path) -> None:
    host = ScriptedHost(tmp_path)
    ofctl = program("ovs-ofctl")
    host.answers[ofctl, "-O", "OpenFlow15", "dump-flows"] = (0, " actions=group:1\n")
    host.answers[ofctl, "-O", "OpenFlow15", "dump-groups"] = (0, "OFPST_GROUP:\n group_id=1,type=all\n")
    script = list(save_flows(host, ["br0"], tmp_path))
    assert [line.split()[-3] for line in script[1:]] == ["add-groups", "replace-flows"]


def test_a_bridge_that_does_not_answer_is_a_comment(tmp_path: Path) -> None:
    host = ScriptedHost(tmp_path)
    host.answers[program("ovs-ofctl"),] = (1, "is not a bridge")
    assert list(save_flows(host, ["br0"], tmp_path)) == ["#!/bin/sh", "# br0 does not answer"]
