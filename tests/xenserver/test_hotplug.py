"""Cards of domains come and go, on both generations of hosts; the xenstore is a directory, the switch is real."""

from __future__ import annotations

import json
import sys

import pytest

from tests.interop.daemons import Daemons
from tests.xenserver.host_root import HostRoot
from vswitch.base.errors import VswitchError
from vswitch.xenserver import hotplug as hotplug_module
from vswitch.xenserver.host import Host
from vswitch.xenserver.hotplug import (
    Hotplug,
    VifRules,
    _device,
    rules_main,
    run_rules,
    run_vif,
    run_vif_real,
    vif_main,
    vif_real_main,
)
from vswitch.xenserver.switchdb import SwitchDatabase
from vswitch.xenserver.vif import Vif
from vswitch.xenserver.vif_rules import Rules, locked_flows, parse_rules

VM = "5f0c0d5e-0000-4000-8000-00000000000a"
IDS = {
    "xs-vm-uuid": VM,
    "xs-vif-uuid": "vif-uuid-1",
    "xs-network-uuid": "net-uuid-1",
    "attached-mac": "00:16:3e:00:00:01",
}


@pytest.fixture(scope="module")
def daemons(tmp_path_factory: pytest.TempPathFactory):
    with Daemons(tmp_path_factory.mktemp("db"), "ours", "ours", "--enable-dummy=override") as daemons:
        yield daemons


@pytest.fixture
def host(daemons: Daemons):
    with HostRoot() as host:
        for bridge in vsctl(daemons, "--real", "list-br").split():
            vsctl(daemons, "del-br", bridge)
        vsctl(daemons, "add-br", "xapi1", "--", "add-br", "xapi9", "xapi1", "9")
        host.path("/var/run").mkdir(parents=True)
        host.path("/var/run/openvswitch").symlink_to(daemons.directory)
        yield host


def vsctl(daemons: Daemons, *words: str) -> str:
    return "\n".join(SwitchDatabase(f"unix:{daemons.socket}", "test").run(words, 10)).strip()


def calls(host: HostRoot) -> list[str]:
    return [call for call in host.calls() if "xenstore" not in call]


def private(**more: str) -> dict[str, str]:
    keys = {"bridge": "xapi1", "bridge-MAC": "fe:ff:ff:ff:ff:ff", "MTU": "1500", "vif-uuid": "vif-uuid-1",
            "network-uuid": "net-uuid-1"}  # fmt: skip
    return keys | more


def classic(host: HostRoot, **more: str) -> None:
    host.xenstore(
        **{f"xapi/3/private/vif/1/{key}": value for key, value in private(**more).items()},
        **{
            "local/domain/3/vm": f"/vm/{VM}",
            f"vm/{VM}/uuid": VM,
            "local/domain/3/device/vif/1/mac": IDS["attached-mac"],
        },
    )


def current(host: HostRoot, rules: bool = False, **more: str) -> None:
    host.path("/sys/module/openvswitch").mkdir(parents=True)
    keys = private(**{"trunks": ""} | more) | (
        {"setup-vif-rules": "true", "xenopsd-backend": "xenlight"} if rules else {}
    )
    host.xenstore(
        **{f"xapi/{VM}/private/vif/1/{key}": value for key, value in keys.items()},
        **{
            "local/domain/3/vm": f"/vm/{VM}",
            f"vm/{VM}/uuid": VM,
            "local/domain/3/device/vif/1/mac": IDS["attached-mac"],
        },
    )


def metadata(host: HostRoot, mode: object, bridge: str = "xapi1") -> None:
    document = {"backend": ["Local", bridge], "mac": "00:16:3E:00:00:01", "mtu": 1500, "other_config": {},
                "locking_mode": mode, "extra_private_keys": {}}  # fmt: skip
    host.write(f"/var/run/nonpersistent/xenopsd/xenlight/VM/{VM}/vif.1", json.dumps(document))


def hotplug(
    host: HostRoot, daemons: Daemons, action: str, kind: str = "vif", *, is_current: bool = False
) -> None:
    switch = SwitchDatabase(f"unix:{daemons.socket}", "vif")
    Hotplug(Host(str(host.root)), Vif(kind, "3", "1"), is_current=is_current, switch=switch).run(action)


def ids_of(daemons: Daemons, device: str) -> dict[str, str]:
    answer = json.loads(daemons.run("ours", "ovs-vsctl", "--format=json", "--no-wait", "--columns=external_ids", "list",
                                    "Interface", device).stdout)  # fmt: skip
    return dict(answer["data"][0][0][1])


ATTACH = [
    "/sbin/ip link set {} down",
    "/sbin/ip link set {} arp off",
    "/sbin/ip link set {} multicast off",
    "/sbin/ip link set {} address fe:ff:ff:ff:ff:ff",
    "/sbin/ip addr flush {}",
    "/sbin/ip link set {} up",
]


def attached(device: str) -> list[str]:
    return [line.format(device) for line in ATTACH]


def test_a_classic_card_comes_and_goes(host: HostRoot, daemons: Daemons) -> None:
    classic(
        host,
        **{"other-config/ethtool-tx": "off", "other-config/ethtool-rx": "on", "other-config/ethtool-sg": "?"},
    )
    hotplug(host, daemons, "online")
    assert calls(host) == [
        "/sbin/ethtool -K vif3.1 rx on",
        "/sbin/ethtool -K vif3.1 tx off",
        "/sbin/ip link set vif3.1 mtu 1500",
        *attached("vif3.1"),
    ]
    assert vsctl(daemons, "list-ports", "xapi1") == "vif3.1"
    assert ids_of(daemons, "vif3.1") == IDS
    assert host.stored("/xapi/3/hotplug/vif/1/vif") == "vif3.1"
    assert host.stored("/xapi/3/hotplug/vif/1/hotplug") == "online"
    assert host.stored("/local/domain/0/backend/vif/3/1/hotplug-status") == "connected"
    hotplug(host, daemons, "online")  # again, as after a restart of udev
    hotplug(host, daemons, "remove")
    assert vsctl(daemons, "list-ports", "xapi1") == ""
    assert host.stored("/xapi/3/hotplug/vif/1/hotplug") is None
    hotplug(host, daemons, "remove")


def test_a_classic_tap_has_no_ids(host: HostRoot, daemons: Daemons) -> None:
    classic(host)
    hotplug(host, daemons, "add", "tap")
    assert calls(host) == attached("tap3.1")
    assert ids_of(daemons, "tap3.1") == {}
    hotplug(host, daemons, "remove", "tap")
    assert vsctl(daemons, "list-ports", "xapi1") == ""


def test_a_card_moves_to_another_bridge(host: HostRoot, daemons: Daemons) -> None:
    classic(host)
    hotplug(host, daemons, "online")
    host.write("/xenstore/xapi/3/private/vif/1/bridge", "xapi9\n")
    hotplug(host, daemons, "move")
    assert vsctl(daemons, "list-ports", "xapi9") == "vif3.1"
    assert vsctl(daemons, "get", "Port", "vif3.1", "tag") == "9"


@pytest.mark.parametrize(("action", "kind"), [("add", "vif"), ("change", "vif"), ("online", "tap")])
def test_what_does_not_concern_us(host: HostRoot, daemons: Daemons, action: str, kind: str) -> None:
    classic(host)
    hotplug(host, daemons, action, kind)
    assert calls(host) == []


@pytest.mark.parametrize("key", ["bridge", "bridge-MAC"])
def test_a_card_without_a_bridge(host: HostRoot, daemons: Daemons, key: str) -> None:
    classic(host)
    host.path(f"/xenstore/xapi/3/private/vif/1/{key}").unlink()
    with pytest.raises(VswitchError, match="does not say which bridge"):
        hotplug(host, daemons, "online")
    assert calls(host) == []


def test_ids_that_are_not_known_are_left_out(host: HostRoot, daemons: Daemons) -> None:
    classic(host)
    for path in ("xapi/3/private/vif/1/network-uuid", "local/domain/3/device/vif/1/mac"):
        host.path(f"/xenstore/{path}").unlink()
    hotplug(host, daemons, "online")
    assert ids_of(daemons, "vif3.1") == {key: IDS[key] for key in ("xs-vm-uuid", "xs-vif-uuid")}


def test_a_bridge_of_the_kernel(host: HostRoot, daemons: Daemons) -> None:
    host.write("/etc/xensource/network.conf", "bridge\n")
    host.write("/sys/class/net/vif3.1/brport/promisc", "0")
    classic(host, **{"other-config/promiscuous": "true"})
    hotplug(host, daemons, "online")
    assert calls(host)[-3:] == [
        "/usr/sbin/brctl setfd xapi1 0", "/usr/sbin/brctl addif xapi1 vif3.1", "/sbin/ip link set vif3.1 up",
    ]  # fmt: skip
    assert host.read("/sys/class/net/vif3.1/brport/promisc") == "1"
    assert vsctl(daemons, "list-ports", "xapi1") == ""


def test_the_administrators_hook(host: HostRoot, daemons: Daemons) -> None:
    classic(host)
    host.program("/etc/xapi.d/vif-hotplug")
    hotplug(host, daemons, "online")
    hotplug(host, daemons, "remove")
    told = [call for call in calls(host) if "vif-hotplug" in call]
    words = f"-vifuuid vif-uuid-1 -vmuuid {VM}"
    assert told == [f"/etc/xapi.d/vif-hotplug -action {action} {words}" for action in ("online", "remove")]


# --- today's hosts ---


def test_a_current_card(host: HostRoot, daemons: Daemons, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XENBUS_PATH", "backend/vif/3/1")
    current(host, trunks="5,7")
    host.write(f"/xenstore/vm/{VM}/final-uuid", "final\n")
    hotplug(host, daemons, "online", is_current=True)
    assert ids_of(daemons, "vif3.1") == IDS | {"xs-vm-uuid": "final"}
    assert vsctl(daemons, "get", "Port", "vif3.1", "trunks") == "[5, 7]"
    assert host.stored(f"/xapi/{VM}/hotplug/3/vif/1/hotplug") == "online"
    assert host.stored("backend/vif/3/1/hotplug-status") == "connected"
    host.write(f"/xenstore/xapi/{VM}/private/vif/1/trunks", "\n")
    hotplug(host, daemons, "online", is_current=True)
    assert vsctl(daemons, "get", "Port", "vif3.1", "trunks") == "[]"


def test_a_current_card_says_why_not(
    host: HostRoot, daemons: Daemons, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XENBUS_PATH", "backend/vif/3/1")
    current(host)
    host.path(f"/xenstore/xapi/{VM}/private/vif/1/trunks").unlink()
    with pytest.raises(VswitchError, match="trunks cannot be read"):
        hotplug(host, daemons, "online", is_current=True)
    assert host.stored("backend/vif/3/1/hotplug-status") == "error"
    assert "trunks cannot be read" in (host.stored("backend/vif/3/1/hotplug-error") or "")


def test_without_the_module_a_current_host_has_bridges_of_the_kernel(
    host: HostRoot, daemons: Daemons
) -> None:
    current(host)
    host.path("/sys/module/openvswitch").rmdir()
    hotplug(host, daemons, "online", is_current=True)
    assert "/usr/sbin/brctl addif xapi1 vif3.1" in calls(host)


MODES = [
    ("Unlocked", True, False),
    (["Unlocked", {}], True, False),
    ("disabled", False, False),
    (["Locked", {"ipv4": ["10.0.0.5"], "ipv6": ["fd00::5"]}], True, True),
]


@pytest.mark.parametrize("kind", ["vif", "tap"])
@pytest.mark.parametrize(("mode", "is_attached", "has_flows"), MODES)
def test_locking_modes(
    host: HostRoot, daemons: Daemons, kind: str, mode: object, *, is_attached: bool, has_flows: bool
) -> None:
    current(host, rules=True)
    metadata(host, mode, "xapi9")
    device = f"{kind}3.1"
    vsctl(daemons, "add-port", "xapi1", device)
    port = vsctl(daemons, "get", "Interface", device, "ofport")
    daemons.run("ours", "ovs-ofctl", "add-flow", "xapi1", f"cookie=1,in_port={port},actions=drop")
    rules = VifRules(Host(str(host.root)), Vif(kind, "3", "1"), "xenlight", VM)
    rules.run("filter")
    assert calls(host) == [f"/sbin/ip link set {device} down", f"/sbin/ip link set {device} up"]
    assert vsctl(daemons, "list-ports", "xapi9") == (device if is_attached else "")
    flows = rules_of(daemons)
    assert f" priority=32768,in_port={port} actions=drop" not in flows  # the former rules are gone
    assert bool(flows) == has_flows
    if is_attached:
        assert ids_of(daemons, device) == IDS
        now = vsctl(daemons, "get", "Interface", device, "ofport")
        assert host.stored(f"/xapi/{VM}/hotplug/3/vif/1/{kind}-ofport") == now
        assert all(f"in_port={now}" in flow for flow in flows)
    rules.run("clear")
    assert vsctl(daemons, "list-ports", "xapi9") == ""
    assert rules_of(daemons) == []
    assert host.stored(f"/xapi/{VM}/hotplug/3/vif/1/{kind}-ofport") is None


def rules_of(daemons: Daemons) -> list[str]:
    """The flows of cards on the parent bridge."""
    text = daemons.run("ours", "ovs-ofctl", "--no-stats", "dump-flows", "xapi1", "cookie=1/-1").stdout
    return text.splitlines()


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"backend": ["Remote", "x"], "locking_mode": "unlocked", "mac": "m"}',
                                  '{"backend": ["Local", "x"], "locking_mode": "ajar", "mac": "m"}'])  # fmt: skip
def test_a_lock_that_cannot_be_read_stays_shut(host: HostRoot, daemons: Daemons, text: str) -> None:
    current(host, rules=True)
    host.write(f"/var/run/nonpersistent/xenopsd/xenlight/VM/{VM}/vif.1", text)
    vsctl(daemons, "add-port", "xapi1", "vif3.1")
    with pytest.raises(VswitchError, match=r"vif\.1"):
        hotplug(host, daemons, "online", is_current=True)
    assert vsctl(daemons, "list-ports", "xapi1") == ""
    assert "/sbin/ip link set vif3.1 up" not in calls(host)


def test_rules_that_cannot_be_set_leave_the_card_off(host: HostRoot, daemons: Daemons) -> None:
    current(host, rules=True)
    metadata(host, ["Locked", {"ipv4": [], "ipv6": []}])
    host.path("/var/run/openvswitch").unlink()
    with pytest.raises(VswitchError, match="stays off the network"):
        hotplug(host, daemons, "online", is_current=True)
    assert vsctl(daemons, "list-ports", "xapi1") == ""


def test_the_flows_of_a_locked_card() -> None:
    flows = locked_flows(Rules("b", "00:16:3e:00:00:01", "locked", ("10.0.0.5",), ("fd00::5",)), "4")
    assert all(flow.startswith("cookie=1,in_port=4,priority=") for flow in flows)
    priorities = [int(flow.split("priority=")[1].split(",")[0]) for flow in flows]
    assert priorities == [
        8000,
        7000,
        7000,
        6000,
        8000,
        8000,
        8000,
        5000,
        5000,
        5000,
        7000,
        7000,
        *[6000] * 7,
        4000,
    ]
    allowed = [flow for flow in flows if flow.endswith("actions=normal")]
    assert all("dl_src=00:16:3e:00:00:01" in flow for flow in allowed)
    assert parse_rules({"backend": ["Local", "b"], "mac": "M", "locking_mode": "locked"}) == Rules(
        "b", "m", "locked"
    )


@pytest.mark.interop
def test_the_peer_reads_those_flows(daemons: Daemons) -> None:
    rules = Rules("b", "00:16:3e:00:00:01", "locked", ("10.0.0.5", "10.0.0.6"), ("fd00::5",))
    for flow in locked_flows(rules, "4"):
        ours, theirs = (daemons.run(make, "ovs-ofctl", "parse-flow", flow) for make in ("ours", "peer"))
        assert ours.stdout.splitlines()[-1] == theirs.stdout.splitlines()[-1]


# --- command lines ---


@pytest.mark.parametrize(
    ("words", "environment", "expected"),
    [
        (["vif"], {"XENBUS_PATH": "backend/vif/3/1"}, Vif("vif", "3", "1")),
        (["vif"], {"XENBUS_PATH": "/local/domain/0/backend/vif/12/0"}, Vif("vif", "12", "0")),
        (["tap"], {"INTERFACE": "tap3.1"}, Vif("tap", "3", "1")),
        (["vif", "4", "5"], {}, Vif("vif", "4", "5")),
        (["tap", "4", "5"], {"XENBUS_PATH": "backend/vif/3/1"}, Vif("tap", "4", "5")),
    ],
)
def test_which_device(words, environment, expected, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XENBUS_PATH", "INTERFACE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert _device(words[0], words[1:]) == expected


@pytest.mark.parametrize(
    ("run", "words", "message"),
    [
        (run_vif, [], "usage: vif"),
        (run_vif, ["online", "sound"], "unknown type of device 'sound'"),
        (run_vif, ["online", "type_if=sound"], "unknown type of device 'sound'"),
        (run_vif, ["online"], "which device"),
        (run_vif, ["add", "tap"], "which device"),
        (run_vif_real, ["vif", "1", "2"], "usage: vif-real"),
        (run_rules, ["b", "vif1.0", "vm", "0", "open"], "usage: setup-vif-rules"),
        (run_rules, ["b", "eth0", "vm", "0", "filter"], "usage: setup-vif-rules"),
    ],
)
def test_command_lines_that_are_wrong(
    run, words, message, host: HostRoot, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("XENBUS_PATH", "INTERFACE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(VswitchError, match=message):
        run(words, Host(str(host.root)))


@pytest.mark.parametrize("generation", ["classic", "current", "guarded"])
def test_a_switch_that_is_not_there(
    host: HostRoot, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], generation: str
) -> None:
    """The program says so with status 1, Xen is told where it listens, and the card is never enabled."""
    host.path("/var/run/openvswitch").unlink()
    words = {
        "classic": ["online"],
        "current": ["online", "type_if=vif"],
        "guarded": ["online", "type_if=vif"],
    }
    if generation == "classic":
        classic(host)
    else:
        current(host, rules=generation == "guarded")
    monkeypatch.setenv("XENBUS_PATH", "backend/vif/3/1")
    monkeypatch.setattr(sys, "argv", ["vif", *words[generation]])
    monkeypatch.setattr(hotplug_module, "Host", lambda: Host(str(host.root)))
    assert vif_main() == 1
    assert "database connection failed" in capsys.readouterr().err
    assert "/sbin/ip link set vif3.1 up" not in host.calls()
    status = host.stored("backend/vif/3/1/hotplug-status")
    assert status == (None if generation == "classic" else "error")


@pytest.mark.parametrize("name", ["vif", "vif-real", "setup-vif-rules"])
def test_help(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str) -> None:
    program = {"vif": vif_main, "vif-real": vif_real_main, "setup-vif-rules": rules_main}[name]
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    assert program() == 0
    assert capsys.readouterr().out.startswith(f"usage: {name} ")
