"""Our switch beside the peer's: the same commands, the same rows, the same answers."""

import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.interop.daemons import Daemons, Make

pytestmark = pytest.mark.interop

PING = (
    "in_port(1),eth(src=50:54:00:00:00:05,dst=50:54:00:00:00:07),eth_type(0x0800),"
    "ipv4(src=192.168.0.1,dst=192.168.0.2,proto=1,tos=0,ttl=64,frag=no),icmp(type=8,code=0)"
)
STATUS = "name,ofport,error,admin_state,link_state,status,mtu,ifindex,duplex,link_speed,link_resets,type"
# One port at a time: of several in one transaction, the peer's order depends on random UUIDs.
BUILD = """
ovs-vsctl add-br br0 -- set bridge br0 datapath_type=dummy other-config:hwaddr=aa:bb:cc:00:00:01
ovs-vsctl add-port br0 p1 -- set int p1 type=dummy
ovs-vsctl add-port br0 p2 -- set int p2 type=dummy ofport_request=7
ovs-vsctl add-port br0 p3 tag=5 -- set int p3 type=dummy
ovs-vsctl add-br br1 -- set bridge br1 datapath_type=dummy other-config:datapath-id=00000000000000ab
ovs-vsctl add-port br0 pa -- set int pa type=patch options:peer=pb
ovs-vsctl add-port br1 pb -- set int pb type=patch options:peer=pa
ovs-vsctl add-port br0 in1 -- set int in1 type=internal
"""
SCRIPTS = {
    "rows": BUILD
    + """
ovs-vsctl add-port br0 nodev
ovs-vsctl add-port br0 badpatch -- set int badpatch type=patch
ovs-vsctl add-port br0 self -- set int self type=patch options:peer=self
ovs-vsctl add-port br0 badtype -- set int badtype type=foo
"""
    + "".join(
        f"ovs-vsctl --columns={STATUS} list interface {name}\n"
        for name in [
            "br0",
            "p1",
            "p2",
            "p3",
            "br1",
            "pa",
            "pb",
            "in1",
            "nodev",
            "badpatch",
            "self",
            "badtype",
        ]
    )
    + """
ovs-vsctl get int br0 mac_in_use
ovs-vsctl get int p3 mac_in_use
ovs-vsctl get int in1 mac_in_use
ovs-vsctl get bridge br0 datapath_id datapath_version status
ovs-vsctl get bridge br1 datapath_id datapath_version status
ovs-vsctl get open . cur_cfg
ovs-vsctl set int p1 ofport_request=9
ovs-vsctl get int p1 ofport
ovs-vsctl set int p3 ofport_request=9
ovs-vsctl get int p1 ofport
ovs-vsctl get int p3 ofport
ovs-vsctl set int p1 mtu_request=1400
ovs-vsctl get int p1 mtu
ovs-vsctl get int in1 mtu
ovs-vsctl get int br0 mtu
ovs-vsctl del-br br1
ovs-vsctl get int pa error
ovs-appctl netdev-dummy/set-admin-state p1 down
ovs-vsctl get int p1 admin_state
""",
    "forwarding": BUILD
    + f"""
ovs-appctl time/stop
ovs-appctl netdev-dummy/receive p1 {PING}
ovs-appctl revalidator/wait
ovs-appctl dpif/show
ovs-appctl dpctl/show
ovs-appctl dpctl/show -s
ovs-appctl ofproto/list
ovs-appctl dpctl/dump-dps
ovs-appctl dpif/dump-dps
ovs-appctl fdb/show br0
ovs-appctl fdb/show br1
ovs-appctl fdb/stats-show br0
ovs-appctl dpctl/dump-flows
ovs-appctl dpif/dump-flows br0
ovs-appctl dpif/dump-flows --names br0
ovs-appctl time/warp 5000
ovs-appctl fdb/show br0
ovs-appctl time/warp 300000 1000
ovs-appctl fdb/show br0
ovs-appctl dpctl/dump-flows
ovs-ofctl dump-flows br0 --no-stats
""",
    "commands": BUILD
    + """
ovs-appctl fdb/add br0 p1 0 00:11:22:33:44:55
ovs-appctl fdb/add br0 px 0 00:11:22:33:44:55
ovs-appctl fdb/add br0 p1 0 zz
ovs-appctl fdb/add br0 p1 x 00:11:22:33:44:55
ovs-appctl fdb/add brx p1 0 00:11:22:33:44:55
ovs-appctl fdb/show br0
ovs-appctl fdb/del br0 0 00:11:22:33:44:55
ovs-appctl fdb/del br0 0 00:11:22:33:44:55
ovs-appctl fdb/stats-clear br0
ovs-appctl fdb/flush br0
ovs-appctl fdb/flush x
ovs-appctl fdb/flush
ovs-appctl revalidator/purge
ovs-appctl upcall/set-flow-limit 100
ovs-appctl time/stop
ovs-appctl dpctl/del-flows
ovs-appctl dpctl/add-flow in_port(1),eth(),eth_type(0x800),ipv4() 2
ovs-appctl dpctl/add-flow in_port(1),eth(),eth_type(0x800),ipv4() 2
ovs-appctl dpctl/mod-flow in_port(1),eth(),eth_type(0x800),ipv4() 3
ovs-appctl dpctl/del-flow in_port(1),eth(),eth_type(0x800),ipv4()
ovs-appctl dpctl/del-flow in_port(1),eth(),eth_type(0x800),ipv4()
ovs-appctl dpctl/dump-flows x
ovs-appctl dpctl/add-dp foo
ovs-appctl dpctl/del-dp foo
ovs-appctl bridge/reconnect x
ovs-appctl bridge/reconnect
ovs-appctl netdev-dummy/receive nope x
ovs-appctl netdev-dummy/receive p1 x
ovs-appctl netdev-dummy/receive p1
ovs-appctl netdev-dummy/set-admin-state p1 foo
ovs-appctl netdev-dummy/set-admin-state zz up
ovs-appctl netdev-dummy/conn-state
ovs-appctl netdev-dummy/conn-state p1
ovs-appctl time/warp x
ovs-appctl time/warp 1 2 3
ovs-appctl fdb/show
ovs-appctl fdb/show a b
ovs-appctl nope
ovs-appctl vlog/set foo
ovs-appctl vlog/set bridge:file:dbg
ovs-appctl vlog/set file:console
ovs-appctl vlog/disable-rate-limit nope
ovs-appctl vlog/list-pattern
ovs-appctl coverage/read-counter nope
""",
    "fail modes": BUILD
    + """
ovs-ofctl dump-flows br0 --no-stats
ovs-vsctl set-fail-mode br0 secure
ovs-ofctl dump-flows br0 --no-stats
ovs-vsctl set-controller br0 tcp:127.0.0.1:1
ovs-vsctl --columns=target,is_connected,role list controller
ovs-vsctl del-controller br0
ovs-vsctl del-fail-mode br0
ovs-ofctl dump-flows br0 --no-stats
ovs-vsctl add-br br2 -- set bridge br2 datapath_type=foo
ovs-appctl ofproto/list
""",
}


def test_what_could_not_be_set_up_is_told_by_either_tool(tmp_path: Path) -> None:
    with Daemons(tmp_path, "peer", "ours") as daemons:
        for n, make in enumerate(("ours", "peer")):
            for name, words in (
                (f"br{n}", ["add-br", f"br{n}", "--", "set", "bridge", f"br{n}", "datapath_type=foo"]),
                (f"br/{n}", ["add-br", f"br/{n}"]),
                (f"p{n}", ["add-port", f"br{n}", f"p{n}"]),
            ):
                done = daemons.run(make, "ovs-vsctl", *words)
                assert done.stderr == (
                    f"ovs-vsctl: Error detected while setting up '{name}'.  See ovs-vswitchd log for details.\n"
                    f'ovs-vsctl: The default log directory is "{tmp_path}".\n'
                )


def play(script: str, directory: Path, database: Make, switch: Make) -> list[str]:
    """What the commands of `script` print, with one blank for each run of blanks."""
    said = []
    with Daemons(directory, database, switch) as daemons:
        for line in script.strip().splitlines():
            if line:
                done = daemons.run("peer", *line.split(), check=False)
                text = (done.stdout + done.stderr).replace(str(directory), "DIR")
                text = re.sub(r"duration=[0-9.]+s", "duration=", text)
                said += [f"$ {line}", *text.splitlines(), f"status {done.returncode}"]
    return said


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_the_same_commands_have_the_same_effect(script: str, tmp_path: Path) -> None:
    for name in ("peer", "ours"):
        (tmp_path / name).mkdir()
    assert play(script, tmp_path / "ours", "peer", "ours") == play(script, tmp_path / "peer", "peer", "peer")


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize(("database", "switch"), [("ours", "peer"), ("ours", "ours")])
def test_either_switch_runs_on_our_database(database: Make, switch: Make, tmp_path: Path) -> None:
    said = play(BUILD + "ovs-vsctl get int p2 ofport\novs-appctl ofproto/list\n", tmp_path, database, switch)
    assert said[-6:] == ["7", "status 0", "$ ovs-appctl ofproto/list", "br0", "br1", "status 0"]


def test_a_healthy_run_logs_no_warning(tmp_path: Path) -> None:
    with Daemons(tmp_path, "peer", "ours") as daemons:
        for line in BUILD.strip().splitlines():
            daemons.run("peer", *line.split())
        daemons.run("peer", "ovs-appctl", "netdev-dummy/receive", "p1", PING)
        daemons.run("peer", "ovs-appctl", "exit", "--cleanup")
        log = daemons.log("ovs-vswitchd")
    assert not [line for line in log.splitlines() if "|WARN|" in line or "|ERR|" in line or "|EMER|" in line]


def test_a_killed_switch_leaves_nothing_in_the_way_of_the_next(tmp_path: Path) -> None:
    with Daemons(tmp_path, "peer", "ours") as daemons:
        for line in BUILD.strip().splitlines():
            daemons.run("peer", *line.split())
        query = (
            "ovs-vsctl",
            "--columns=name,ofport,mac_in_use,error",
            "list",
            "interface",
            "br0",
            "p2",
            "p3",
            "pa",
        )
        before = daemons.run("peer", *query).stdout.splitlines()
        daemons.kill("ovs-vswitchd")
        daemons.start("ovs-vswitchd", "--enable-dummy", "--disable-system", "--disable-system-route")
        wait_until(lambda: daemons.run("peer", "ovs-appctl", "ofproto/list").stdout == "br0\nbr1\n")
        after = daemons.run("peer", *query).stdout.splitlines()
        assert [line for line in after if "mac" not in line] == [line for line in before if "mac" not in line]


def test_the_switch_survives_its_database(tmp_path: Path) -> None:
    with Daemons(tmp_path, "peer", "ours") as daemons:
        daemons.run("peer", "ovs-vsctl", "add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=dummy")
        daemons.kill("ovsdb-server")
        assert daemons.run("peer", "ovs-appctl", "ofproto/list").stdout == "br0\n"
        daemons.start("ovsdb-server", str(tmp_path / "conf.db"), f"--remote=punix:{daemons.socket}")
        daemons.run(
            "peer", "ovs-vsctl", "-t", "20", "add-port", "br0", "p1", "--", "set", "int", "p1", "type=dummy"
        )
        assert "p1 1/1" in daemons.run("peer", "ovs-appctl", "dpif/show").stdout


def test_a_second_switch_stands_by_until_the_first_is_gone(tmp_path: Path) -> None:
    with Daemons(tmp_path, "peer", "peer") as daemons:
        daemons.run("peer", "ovs-vsctl", "add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=dummy")
        first = daemons.processes["ovs-vswitchd"]
        (tmp_path / "ovs-vswitchd.pid").rename(tmp_path / "first.pid")
        (tmp_path / "ovs-vswitchd.log").unlink()
        daemons.make["ovs-vswitchd"] = "ours"
        daemons.start("ovs-vswitchd", "--enable-dummy", "--disable-system", "--disable-system-route")
        wait_until(
            lambda: "another ovs-vswitchd process is running, disabling" in daemons.log("ovs-vswitchd")
        )
        assert daemons.run("peer", "ovs-appctl", "ofproto/list").stdout == ""
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
        wait_until(lambda: daemons.run("peer", "ovs-appctl", "ofproto/list").stdout == "br0\n")


@pytest.mark.parametrize("make", ["ours", "peer"])
def test_until_rules_are_restored_no_packet_is_looked_at(make: Make, tmp_path: Path) -> None:
    with Daemons(tmp_path, "peer", make) as daemons:
        wait_for = ("ovs-vsctl", "set", "open", ".", "other_config:flow-restore-wait=true")
        daemons.run("peer", *wait_for)
        daemons.kill("ovs-vswitchd")
        daemons.start("ovs-vswitchd", "--enable-dummy", "--disable-system", "--disable-system-route")
        daemons.run("peer", "ovs-vsctl", "add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=dummy")
        daemons.run("peer", "ovs-vsctl", "add-port", "br0", "p1", "--", "set", "int", "p1", "type=dummy")
        daemons.run("peer", "ovs-vsctl", "set-controller", "br0", "tcp:127.0.0.1:1")
        daemons.run("peer", "ovs-ofctl", "add-flow", "br0", "in_port=1,actions=drop")
        packets = ("ovs-appctl", "netdev-dummy/receive", "p1", PING)
        daemons.run("peer", *packets)
        assert "n_packets=0" in daemons.run("peer", "ovs-ofctl", "dump-flows", "br0").stdout
        assert "tcp:127.0.0.1:1: connecting" not in daemons.log("ovs-vswitchd")
        daemons.run("peer", "ovs-vsctl", "remove", "open", ".", "other_config", "flow-restore-wait")
        deadline = time.monotonic() + 20
        while "tcp:127.0.0.1:1: connecting" not in daemons.log("ovs-vswitchd"):
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_the_machine_tells_of_itself_if_asked(tmp_path: Path) -> None:
    with Daemons(tmp_path, "peer", "ours") as daemons:
        daemons.run("peer", "ovs-vsctl", "set", "open", ".", "other_config:enable-statistics=true")
        told = daemons.run("peer", "ovs-vsctl", "get", "open", ".", "statistics").stdout
        deadline = time.monotonic() + 20
        while "process_ovs-vswitchd=" not in told:
            assert time.monotonic() < deadline
            time.sleep(0.05)
            told = daemons.run("peer", "ovs-vsctl", "get", "open", ".", "statistics").stdout
        assert "memory=" in told
        daemons.run("peer", "ovs-vsctl", "remove", "open", ".", "other_config", "enable-statistics")
        while daemons.run("peer", "ovs-vsctl", "get", "open", ".", "statistics").stdout != "{}\n":
            assert time.monotonic() < deadline
            time.sleep(0.05)


@pytest.mark.parametrize("options", [(), ("--offload-stats",)])
def test_dump_flows_shows_the_switchs_own_rules(tmp_path: Path, options: tuple[str, ...]) -> None:
    """The rules of table 254 among them, and a resubmission there ends as it does with the peer."""

    def dump(make: Make) -> list[str]:
        with Daemons(tmp_path / make, "peer", make) as switch:
            switch.run(
                "peer", "ovs-vsctl", "add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=dummy"
            )
            switch.run("peer", "ovs-ofctl", "add-flow", "br0", "in_port=1,actions=resubmit(,254)")
            text = switch.run("peer", "ovs-appctl", "bridge/dump-flows", *options, "br0").stdout
            return re.sub(r"duration=\d+s", "duration=", text).splitlines()

    assert sorted(dump("ours")) == sorted(dump("peer"))
