"""Whole runs of interface-reconfigure on a host that is a directory, with a real database and switch beside it."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.interop.daemons import Daemons
from tests.xenserver import pool
from tests.xenserver.fake_xapi import FakeXapi
from tests.xenserver.host_root import HostRoot
from vswitch.base.options import CommandError
from vswitch.xenserver import configfiles, xapi
from vswitch.xenserver.arguments import parse_arguments
from vswitch.xenserver.dbcache import read_cache
from vswitch.xenserver.host import Host
from vswitch.xenserver.perform import Performer
from vswitch.xenserver.reconfigure import Reconfiguration, run
from vswitch.xenserver.switchdb import SwitchDatabase

PROTECTION = [
    "priority=0,arp,in_port=1,arp_op=1 actions=LOCAL",
    f"priority=0,arp,in_port=LOCAL,dl_src={pool.mac(2)} actions=output:1",
    f"priority=0,in_port=1,dl_dst={pool.mac(2)} actions=LOCAL",
    f"priority=0,in_port=LOCAL,dl_src={pool.mac(2)} actions=output:1",
]
IFCFG = "/etc/sysconfig/network-scripts/ifcfg-"


@pytest.fixture(scope="module")
def switch(tmp_path_factory: pytest.TempPathFactory):
    directory = tmp_path_factory.mktemp("switch")
    with Daemons(directory, "ours", "ours", "--enable-dummy=override") as daemons:
        yield daemons


@pytest.fixture
def host(switch: Daemons):
    with HostRoot(pool.secure()) as root:
        root.path("/var/run").mkdir(parents=True)
        root.path("/var/run/openvswitch").symlink_to(switch.directory)
        for bridge in switch.run("ours", "ovs-vsctl", "list-br").stdout.split():
            switch.run("ours", "ovs-vsctl", "--no-wait", "--if-exists", "del-br", bridge)
        yield root


@pytest.fixture
def fake(host: HostRoot):
    tables = pool.secure()
    with FakeXapi(tables) as fake:
        fake.listen_unix(host.path("/var/xapi/xapi"))
        yield fake


def reconfigure(host: HostRoot, *words: str) -> int:
    return run([f"--root-prefix={host.root}", "--no-syslog", *words])


def vsctl(switch: Daemons, *words: str) -> str:
    return switch.run("ours", "ovs-vsctl", "--no-wait", *words).stdout.strip()


def session(fake: FakeXapi) -> str:
    fake.sessions.add("OpaqueRef:theirs")
    return "OpaqueRef:theirs"


# --- at boot: from the cache ---


def test_the_management_interface_at_boot(host: HostRoot, switch: Daemons) -> None:
    assert reconfigure(host, "--management", "--force-interface", "xenbr2", "up") == 0
    assert (
        host.calls()[:4]
        == [
            "/sbin/ifconfig eth2 up mtu 1500",
            "/sbin/ethtool -K eth2 gro off lro off",
            "/usr/sbin/ovs-vlan-bug-workaround eth2 on",
            *[line for line in host.calls()[3:4] if line.startswith("/usr/bin/ovs-ofctl add-flow xenbr2")],
        ]
        or host.calls()[3] == "/sbin/ifup xenbr2"
    )
    assert host.calls()[-2:] == ["/sbin/ifup xenbr2", "/sbin/update-issue "]
    assert vsctl(switch, "list-ports", "xenbr2") == "eth2"
    assert vsctl(switch, "get-fail-mode", "xenbr2") == "secure"
    flows = switch.run("ours", "ovs-ofctl", "--no-stats", "dump-flows", "xenbr2").stdout.splitlines()
    assert sorted(flow.strip() for flow in flows) == sorted(PROTECTION)
    assert "BOOTPROTO=dhcp" in host.read(f"{IFCFG}xenbr2")


def test_a_bridge_that_is_secure_already_needs_no_protection(host: HostRoot, switch: Daemons) -> None:
    reconfigure(host, "--force", "xenbr2", "up")
    switch.run("ours", "ovs-ofctl", "del-flows", "xenbr2")
    reconfigure(host, "--force", "xenbr2", "up")
    assert "actions=LOCAL" not in switch.run("ours", "ovs-ofctl", "dump-flows", "xenbr2").stdout


def test_down_leaves_the_configuration(host: HostRoot, switch: Daemons) -> None:
    reconfigure(host, "--force", "xenbr2", "up")
    host.device("xenbr2", pool.mac(2))
    host.forget_calls()
    assert reconfigure(host, "--force", "xenbr2", "down") == 0
    assert host.calls() == ["/sbin/ifdown xenbr2", "/sbin/ifconfig eth2 down"]
    assert vsctl(switch, "list-br") == ""
    assert host.path(f"{IFCFG}xenbr2").exists()


def test_a_host_without_ifconfig_gets_ip(host: HostRoot) -> None:
    host.path("/sbin/ifconfig").unlink()
    reconfigure(host, "--force", "xenbr3", "up")
    assert host.calls()[0] == "/sbin/ip link set eth3 up mtu 1500"


# --- by XAPI's word ---


def test_a_plug_in_xapis_session(host: HostRoot, fake: FakeXapi, switch: Daemons) -> None:
    fake.tables["PIF"]["OpaqueRef:eth3"]["IP"] = "10.0.3.9"
    assert reconfigure(host, "--session", session(fake), "--pif", "OpaqueRef:eth3", "up") == 0
    assert "IPADDR=10.0.3.9" in host.read(f"{IFCFG}xenbr3")
    assert fake.methods_called() == [
        "host.get_by_uuid", "PIF.get_all_records", "pool.get_all", "pool.get_record", "tunnel.get_all",
        "VLAN.get_all_records", "Bond.get_all_records", "network.get_all_records",
    ]  # fmt: skip
    assert "OpaqueRef:theirs" in fake.sessions
    kept = read_cache(host.read("/var/xapi/network.dbcache"))
    assert kept.pifs["OpaqueRef:eth3"].ip == "10.0.3.9"
    assert "OpaqueRef:elsewhere" not in kept.pifs


def test_a_plug_by_uuid_logs_in_and_out(host: HostRoot, fake: FakeXapi) -> None:
    assert reconfigure(host, "--pif-uuid", pool.uuid("peth3"), "up") == 0
    assert fake.calls[0] == ("session.login_with_password", ("root", "", "", "ovs-interface-reconfigure"))
    assert fake.methods_called()[-1] == "session.logout"
    assert fake.sessions == set()


def test_a_plug_of_the_bond_ends_what_its_members_had(host: HostRoot, fake: FakeXapi) -> None:
    host.device("bond0", pool.mac(0))
    host.device("xapi1", pool.mac(0))
    host.has_ifcfg("xapi1")
    reconfigure(host, "--session", session(fake), "--pif", "OpaqueRef:bond0", "up")
    assert host.calls()[:3] == ["/sbin/ifdown xapi1", "/sbin/ifdown xenbr0", "/sbin/ifdown xenbr1"]
    assert host.calls()[-3:] == ["/sbin/ifup xapi1", "/sbin/ifconfig bond0 up", "/sbin/update-issue "]


def test_a_vlan_keeps_what_others_use(host: HostRoot, fake: FakeXapi, switch: Daemons) -> None:
    fake.tables["PIF"]["OpaqueRef:eth3"]["currently_attached"] = True
    who = session(fake)
    reconfigure(host, "--session", who, "--pif", "OpaqueRef:eth3.123", "up")
    assert vsctl(switch, "list-br").split() == ["xapi3", "xenbr3"]
    assert vsctl(switch, "br-to-vlan", "xapi3") == "123"
    reconfigure(host, "--session", who, "--pif", "OpaqueRef:eth3.123", "down")
    assert vsctl(switch, "list-br").split() == ["xenbr3"]


def test_rewrite_after_a_pool_join(host: HostRoot, fake: FakeXapi, switch: Daemons) -> None:
    reconfigure(host, "--force", "xenbr2", "up")
    fake.tables["PIF"]["OpaqueRef:eth2"]["currently_attached"] = True
    fake.tables["network"]["OpaqueRef:net-xenbr2"]["uuid"] = "11111111-2222-4333-8444-555555555555"
    assert reconfigure(host, "rewrite") == 0
    told = vsctl(switch, "br-get-external-id", "xenbr2", "xs-network-uuids")
    assert told == "11111111-2222-4333-8444-555555555555"
    assert "11111111-2222" in host.read("/var/xapi/network.dbcache")


def test_the_card_of_a_network_boot_is_left_alone(host: HostRoot, fake: FakeXapi) -> None:
    host.write("/proc/ardence", f"Version: 1\nHWaddr: {pool.mac(3).upper()}\n")
    before = host.read("/var/xapi/network.dbcache")
    assert reconfigure(host, "--session", session(fake), "--pif", "OpaqueRef:eth3", "up") == 0
    assert host.calls() == []
    assert not host.path(f"{IFCFG}xenbr3").exists()
    assert read_cache(host.read("/var/xapi/network.dbcache")) == read_cache(before)


# --- the emergency ---


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--mode=dhcp"], ("DHCP", "", "", "")),
        (["--mode=static", "--ip=10.0.0.2", "--netmask=255.0.0.0"], ("Static", "10.0.0.2", "255.0.0.0", "")),
        (
            ["--mode=static", "--ip=10.0.0.2", "--netmask=255.0.0.0", "--gateway=10.0.0.1"],
            ("Static", "10.0.0.2", "255.0.0.0", "10.0.0.1"),
        ),
    ],
)
def test_an_emergency_rewrite_then_a_boot(
    host: HostRoot, words: list[str], expected: tuple[str, ...]
) -> None:
    assert (
        reconfigure(host, "--force", "xenbr4", "rewrite", "--device=eth4", f"--mac={pool.mac(4)}", *words)
        == 0
    )
    kept = read_cache(host.read("/var/xapi/network.dbcache"))
    [pif], [network] = kept.pifs.values(), kept.networks.values()
    assert (pif.mode, pif.ip, pif.netmask, pif.gateway) == expected
    assert (pif.uuid, pif.management, pif.vlan, pif.device) == ("eth4Pif", True, "-1", "eth4")
    assert (network.uuid, network.bridge, network.pifs) == ("InitialManagementNetwork", "xenbr4", (pif.ref,))
    assert reconfigure(host, "--force", "xenbr4", "up") == 0


# --- faults ---


def test_a_switch_that_is_not_there(host: HostRoot) -> None:
    host.path("/var/run/openvswitch").unlink()
    host.has_ifcfg("xenbr3")
    with pytest.raises(CommandError, match=r"could not be configured.*database connection failed") as caught:
        reconfigure(host, "--force", "xenbr3", "up")
    assert caught.value.status == 1
    assert host.read(f"{IFCFG}xenbr3") == "DEVICE=xenbr3\n"
    assert host.path("/etc/sysconfig/network-scripts/.ifcfg-xenbr3.xapi-new").exists()


def test_the_network_card_stands_in_for_a_switch_that_is_not_there(host: HostRoot, switch: Daemons) -> None:
    """The host is reached all the same, and the next run that finds the switch puts everything right."""
    runs = host.path("/var/run/openvswitch")
    target = runs.readlink()
    runs.unlink()
    words = ("--management", "--force-interface", "xenbr2", "up")
    stands_in = (
        r"could not be configured.*Until it works, eth2 itself is the management interface; then .*xenbr2 up"
    )
    for _ in range(2):
        host.forget_calls()
        with pytest.raises(CommandError, match=stands_in) as caught:
            reconfigure(host, *words)
        assert caught.value.status == 1
        assert host.calls()[-2:] == ["/sbin/ifconfig eth2 up mtu 1500", "/sbin/ifup eth2"]
        assert not host.path(f"{IFCFG}xenbr2").exists()
        assert "BOOTPROTO=dhcp" in host.read(f"{IFCFG}eth2")
    runs.symlink_to(target)
    host.forget_calls()
    assert reconfigure(host, *words) == 0
    assert host.calls()[:2] == ["/sbin/ifdown eth2", "/sbin/ifconfig eth2 up mtu 1500"]
    assert not host.path(f"{IFCFG}eth2").exists()
    assert "BOOTPROTO=dhcp" in host.read(f"{IFCFG}xenbr2")
    assert vsctl(switch, "list-ports", "xenbr2") == "eth2"
    host.forget_calls()
    assert reconfigure(host, *words) == 0
    assert "/sbin/ifdown eth2" not in host.calls()


def test_nothing_stands_in_for_a_bridge_that_is_there(host: HostRoot) -> None:
    """It may work, with domains on it: a change of it that fails must not cost more than the change."""
    host.path("/var/run/openvswitch").unlink()
    host.device("xenbr2", pool.mac(2))
    host.forget_calls()
    with pytest.raises(CommandError, match=r"could not be configured(?!.*Until)"):
        reconfigure(host, "--management", "--force", "xenbr2", "up")
    assert "/sbin/ifup eth2" not in host.calls()


def test_what_cannot_stand_in_is_told(host: HostRoot) -> None:
    host.path("/var/run/openvswitch").unlink()
    host.write("/etc/sysconfig/network-scripts/.ifcfg-eth2.xapi-new/in", "the way")
    with pytest.raises(
        CommandError, match=r"could not be.*Nor could the network card take its place: cannot write"
    ):
        reconfigure(host, "--force", "xenbr2", "up")


def test_a_plug_that_fails_brings_back_what_was_up(host: HostRoot, fake: FakeXapi) -> None:
    host.device("xenbr2", pool.mac(2))
    host.has_ifcfg("xenbr2")
    host.path("/var/run/openvswitch").unlink()
    with pytest.raises(CommandError, match="could not be configured"):
        reconfigure(host, "--session", session(fake), "--pif", "OpaqueRef:eth2", "up", "--management")
    assert [call for call in host.calls() if "xenbr2" in call] == ["/sbin/ifdown xenbr2", "/sbin/ifup xenbr2"]
    assert host.read(f"{IFCFG}xenbr2") == "DEVICE=xenbr2\n"


def test_xapi_is_absent(host: HostRoot) -> None:
    with pytest.raises(CommandError, match="XAPI at /var/lib/xcp/xapi cannot be reached") as caught:
        reconfigure(host, "--pif-uuid", pool.uuid("peth3"), "up")
    assert caught.value.status == 1


def test_xapi_is_slow(host: HostRoot, fake: FakeXapi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xapi, "TIMEOUT", 0.2)
    fake.delays["PIF.get_all_records"] = 1.0
    with pytest.raises(CommandError, match=r"does not answer \(PIF.get_all_records\)") as caught:
        reconfigure(host, "--pif-uuid", pool.uuid("peth3"), "up")
    assert caught.value.status == 1
    assert host.calls() == []


def test_a_mistake_of_ours_has_its_traceback_in_the_log(
    host: HostRoot, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Reconfiguration, "facts", lambda self: 1 / 0)
    with pytest.raises(CommandError, match="mistake in the program") as caught:
        reconfigure(host, "--force", "xenbr2", "up")
    assert caught.value.status == 1
    logged = capsys.readouterr().err.splitlines()
    assert any(line.endswith("ZeroDivisionError: division by zero") for line in logged)
    assert any(line.endswith("Traceback (most recent call last):") for line in logged)
    assert not [line for line in logged if line.startswith(("Traceback", " ", "ZeroDivisionError"))], logged


def test_xapi_dies_in_the_middle_of_a_call(host: HostRoot, fake: FakeXapi) -> None:
    fake.deaths.add("Bond.get_all_records")
    before = host.read("/var/xapi/network.dbcache")
    with pytest.raises(CommandError, match=r"cannot be reached \(Bond.get_all_records\)") as caught:
        reconfigure(host, "--pif-uuid", pool.uuid("peth3"), "up")
    assert caught.value.status == 1
    assert host.calls() == []
    assert host.read("/var/xapi/network.dbcache") == before


def test_a_slave_whose_master_does_not_answer(host: HostRoot, fake: FakeXapi) -> None:
    fake.failures["session.login_with_password"] = ["HOST_IS_SLAVE", "10.0.0.1"]
    with pytest.raises(CommandError, match=r"XAPI: HOST_IS_SLAVE '10.0.0.1'"):
        reconfigure(host, "rewrite")
    assert reconfigure(host, "--force", "xenbr2", "up") == 0  # the management network comes up all the same


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "missing or empty.*rewrite --device"),
        ("", "missing or empty"),
        ("<xenserver-network-configuration><pif", "not XML"),
        ("<other/>", "<other> where <xenserver-network-configuration> should be"),
        (
            '<xenserver-network-configuration><nic ref="x"/></xenserver-network-configuration>',
            "unknown element <nic>",
        ),
        ("<xenserver-network-configuration><pif/></xenserver-network-configuration>", "has no reference"),
        (
            '<xenserver-network-configuration><pif ref="x"><management>yes</management></pif>'
            "</xenserver-network-configuration>",
            "neither True nor False",
        ),
        ("<xenserver-network-configuration></xenserver-network-configuration>", "no network has the bridge"),
    ],
)
def test_a_cache_that_is_no_use(host: HostRoot, text: str | None, message: str) -> None:
    if text is None:
        host.path("/var/xapi/network.dbcache").unlink()
    else:
        host.write("/var/xapi/network.dbcache", text)
    with pytest.raises(CommandError, match=message) as caught:
        reconfigure(host, "--force", "xenbr2", "up")
    assert caught.value.status == 1


def test_a_disk_that_is_full(
    host: HostRoot, fake: FakeXapi, monkeypatch: pytest.MonkeyPatch, switch: Daemons
) -> None:
    def full(path: str, text: str) -> None:
        Path(path).write_text(text[: len(text) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    host.has_ifcfg("xenbr3")
    before = host.read("/var/xapi/network.dbcache")
    monkeypatch.setattr(configfiles, "write_whole", full)
    with pytest.raises(
        CommandError, match=r"cannot write .*/\.ifcfg-xenbr3\.xapi-new: No space left on device"
    ):
        reconfigure(host, "--force", "xenbr3", "up")
    assert host.read(f"{IFCFG}xenbr3") == "DEVICE=xenbr3\n"
    assert not host.path("/etc/sysconfig/network-scripts/.ifcfg-xenbr3.xapi-new").exists()
    assert host.calls() == []
    with pytest.raises(CommandError, match=r"cannot save /var/xapi/network.dbcache: No space left"):
        reconfigure(host, "rewrite")
    assert host.read("/var/xapi/network.dbcache") == before
    assert [path.name for path in host.path("/var/xapi").iterdir() if "dbcache" in path.name] == [
        "network.dbcache"
    ]


def test_a_crash_between_any_two_steps(switch: Daemons) -> None:
    """Whatever the moment, the next run ends in the same state as a run that was not interrupted."""
    words = ["--force", "xapi1", "up"]
    n_steps = None
    at = 0
    while n_steps is None or at < n_steps:
        with HostRoot(pool.secure()) as host:
            host.path("/var/run/openvswitch").mkdir(parents=True)
            host.path("/var/run/openvswitch/db.sock").symlink_to(switch.socket)
            host.device("bond0", pool.mac(0))
            host.has_ifcfg("xapi1")
            database = SwitchDatabase(f"unix:{switch.socket}", "test", is_waiting=False)
            plan = Reconfiguration(Host(str(host.root)), database).plan(parse_arguments(words))
            n_steps = len(plan.steps)
            crashed = Performer(Host(str(host.root)), database)
            for step in plan.steps[:at]:
                crashed.step(step)
            assert host.read(f"{IFCFG}xapi1") in ("DEVICE=xapi1\n", text_of(plan, f"{IFCFG}xapi1"))
            Performer(Host(str(host.root)), database).perform(plan)
            assert host.read(f"{IFCFG}xapi1") == text_of(plan, f"{IFCFG}xapi1")
            assert vsctl(switch, "list-ports", "xapi1") == "bond0"
            left = {path.name for path in host.path("/etc/sysconfig/network-scripts").iterdir()}
            assert left == {"ifcfg-xapi1", "route-xapi1"}
        at += 1


def text_of(plan, path: str) -> str:
    [text] = [step.text for step in plan.steps if getattr(step, "path", "") == path]
    return text


def test_a_missing_device_brings_the_files_back(host: HostRoot) -> None:
    import shutil

    shutil.rmtree(host.path("/sys/class/net/eth3"))
    host.has_ifcfg("xenbr3")
    with pytest.raises(CommandError, match="there is no device eth3"):
        reconfigure(host, "--force", "xenbr3", "up")
    assert host.read(f"{IFCFG}xenbr3") == "DEVICE=xenbr3\n"


def test_a_network_card_under_another_name(host: HostRoot) -> None:
    host.write("/sys/class/net/eth3/address", "00:15:17:a0:00:ff\n")
    host.write("/sys/class/net/eth4/address", f"{pool.mac(3)}\n")
    with pytest.raises(CommandError, match="is called eth4, not eth3"):
        reconfigure(host, "--force", "xenbr3", "up")
    assert host.calls() == []


# --- the program ---


def test_dry_run_does_nothing(host: HostRoot, capsys: pytest.CaptureFixture[str]) -> None:
    assert reconfigure(host, "--dry-run", "--force", "xapi3", "up") == 0
    printed = capsys.readouterr().out
    assert "  -- --may-exist add-br xapi3 xenbr3 123\n" in printed
    assert f"write {IFCFG}xapi3:\n  | # Do not edit" in printed
    assert host.calls() == []
    assert not host.path(f"{IFCFG}xapi3").exists()


def test_the_program_as_the_host_calls_it(host: HostRoot) -> None:
    launcher = (
        Path(__file__).parents[2] / "packaging/xenserver/root/opt/xensource/libexec/interface-reconfigure"
    )
    words = [f"--root-prefix={host.root}", "--no-syslog", "--force", "nowhere", "up"]
    clean = {name: value for name, value in os.environ.items() if name[:6] != "PYTHON"}
    done = subprocess.run([sys.executable, launcher, *words], env=clean, capture_output=True, text=True)
    assert done.returncode == 1
    assert "no network has the bridge 'nowhere'" in done.stderr


def test_an_unknown_backend(host: HostRoot) -> None:
    host.write("/etc/xensource/network.conf", "brctl\n")
    with pytest.raises(CommandError, match="'brctl' is neither"):
        reconfigure(host, "--force", "xenbr2", "up")
